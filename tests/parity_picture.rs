//! The picture pipeline against `tests/fixtures/preprocess.safetensors` (its README states the tolerances:
//! equal bytes, 1e-6 for the normalized corner).

use std::path::PathBuf;

use aand::picture::{Mask, normalize, open, open_mask, resize};
use safetensors::SafeTensors;

const SIZE: usize = 256;

fn fixture(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect()
}

fn reference() -> Vec<u8> {
    std::fs::read(fixture("preprocess.safetensors")).unwrap()
}

#[test]
fn resized_pictures_have_the_same_bytes() {
    let file = reference();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    for name in ["washers", "circuit", "cloth"] {
        let picture = open(fixture(&format!("images/{name}.png"))).unwrap();
        let resized = resize(&picture, SIZE as u32, SIZE as u32);
        let expected = tensors.tensor(&format!("{name}.rgb")).unwrap();
        let wrong = resized.iter().zip(expected.data()).filter(|(ours, theirs)| ours != theirs).count();
        assert_eq!(expected.shape(), [SIZE, SIZE, 3]);
        assert_eq!(wrong, 0, "{name}: {wrong} bytes differ");
    }
}

#[test]
fn jpeg_files_are_within_a_few_levels_of_their_png_copies() {
    for name in ["circuit", "cloth"] {
        let jpeg = open(fixture(&format!("images/{name}.jpg"))).unwrap();
        let png = open(fixture(&format!("images/{name}.png"))).unwrap();
        assert_eq!(jpeg.dimensions(), png.dimensions());
        let off = jpeg.iter().zip(png.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(off <= 4, "{name}: {off} levels");
    }
}

#[test]
fn the_normalized_corner_agrees() {
    let file = reference();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let picture = open(fixture("images/washers.png")).unwrap();
    let planes = normalize(&resize(&picture, SIZE as u32, SIZE as u32));
    let corner = tensors.tensor("washers.normalised_corner").unwrap();
    assert_eq!(corner.shape(), [3, 8, 8]);
    for (index, bytes) in corner.data().chunks_exact(4).enumerate() {
        let expected = f32::from_le_bytes(bytes.try_into().unwrap());
        let (channel, row, column) = (index / 64, index / 8 % 8, index % 8);
        let value = planes[(channel * SIZE + row) * SIZE + column];
        assert!((value - expected).abs() <= 1e-6, "{channel},{row},{column}: {value} is not {expected}");
    }
}

#[test]
fn both_nearest_rules_agree() {
    let file = reference();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    for (name, between) in [("washers", 98), ("cloth", 37)] {
        let mask = open_mask(fixture(&format!("images/{name}_mask.png"))).unwrap();
        let check = |rule: &str, ours: &Mask| {
            let expected = tensors.tensor(&format!("{name}.mask_{rule}_nearest")).unwrap();
            assert!(ours.data.iter().map(|&marked| u8::from(marked)).eq(expected.data().iter().copied()));
        };
        let (pil, torch) = (mask.resize_pil_nearest(SIZE, SIZE), mask.resize_torch_nearest(SIZE, SIZE));
        check("pil", &pil);
        check("torch", &torch);
        let differ = pil.data.iter().zip(&torch.data).filter(|(a, b)| a != b).count();
        assert_eq!(differ, between, "{name}");
    }
}
