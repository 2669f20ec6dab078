//! The picture pipeline against `../shared/reference/preprocess.safetensors` (its README states the
//! tolerances: equal bytes, 1e-6 for the normalised corner).

use std::path::PathBuf;

use aand::picture::{Mask, normalise, open, open_mask, resize};
use safetensors::SafeTensors;

const SIZE: usize = 256;

fn reference() -> Option<PathBuf> {
    let shared = std::env::var("AAND_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let folder = PathBuf::from(shared).join("reference");
    if !folder.is_dir() {
        println!("skipped: ../shared is not here");
        return None;
    }
    Some(folder)
}

#[test]
fn resized_pictures_have_the_same_bytes() {
    let Some(folder) = reference() else { return };
    let file = std::fs::read(folder.join("preprocess.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    for name in ["bottle", "cookie", "kolektor"] {
        let picture = open(folder.join(format!("images/{name}.png"))).unwrap();
        let resized = resize(&picture, SIZE as u32, SIZE as u32);
        let expected = tensors.tensor(&format!("{name}.rgb")).unwrap();
        let wrong = resized.iter().zip(expected.data()).filter(|(ours, theirs)| ours != theirs).count();
        assert_eq!(expected.shape(), [SIZE, SIZE, 3]);
        assert_eq!(wrong, 0, "{name}: {wrong} bytes differ");
    }
}

#[test]
fn jpeg_files_are_within_a_few_levels_of_their_png_copies() {
    let Some(folder) = reference() else { return };
    for name in ["cookie", "kolektor"] {
        let jpeg = open(folder.join(format!("images/{name}.jpg"))).unwrap();
        let png = open(folder.join(format!("images/{name}.png"))).unwrap();
        assert_eq!(jpeg.dimensions(), png.dimensions());
        let off = jpeg.iter().zip(png.iter()).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(off <= 4, "{name}: {off} levels");
    }
}

#[test]
fn the_normalised_corner_agrees() {
    let Some(folder) = reference() else { return };
    let file = std::fs::read(folder.join("preprocess.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    let picture = open(folder.join("images/bottle.png")).unwrap();
    let planes = normalise(&resize(&picture, SIZE as u32, SIZE as u32));
    let corner = tensors.tensor("bottle.normalised_corner").unwrap();
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
    let Some(folder) = reference() else { return };
    let file = std::fs::read(folder.join("preprocess.safetensors")).unwrap();
    let tensors = SafeTensors::deserialize(&file).unwrap();
    for (name, between) in [("bottle", 273), ("kolektor", 100)] {
        let mask = open_mask(folder.join(format!("images/{name}_mask.png"))).unwrap();
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
