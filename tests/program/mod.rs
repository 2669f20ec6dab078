//! The built program, and small pictures, data sets and models for it.

#![allow(dead_code, reason = "each test program uses a part of it")]

use aand::amplification::{Amplifier, RaaOptions};
use aand::model::{Aand, Info, Kept, Threshold, save};
use aand::picture::View;
use aand::student::Student;
use aand::teacher::{Backbone, Teacher};
use burn::tensor::Device;
use image::{GrayImage, Luma, Rgb, RgbImage};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

pub const SIZE: usize = 64;

pub fn aand<S: AsRef<OsStr>>(arguments: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aand")).args(arguments).output().unwrap()
}

/// Runs a command line of words and paths separated by spaces; the test's paths have none.
pub fn run(line: &str) -> Output {
    aand(&line.split_whitespace().collect::<Vec<_>>())
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a successful command printed.
pub fn printed(line: &str) -> String {
    let output = run(line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// The one line beginning with `aand: ` of a command that fails with status 1; only lines about skipped
/// pictures may stand beside it.
pub fn complaint(line: &str) -> String {
    complaint_with(1, line)
}

/// As [`complaint`], with another status.
pub fn complaint_with(status: i32, line: &str) -> String {
    // The drivers of a GPU may write to standard error as well.
    let device = if line.starts_with("detect") || line.starts_with("eval") { "--device cpu" } else { "" };
    let output = run(&format!("{line} --quiet {device}"));
    let errors = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{line}: {errors}");
    assert!(!errors.contains("panicked"), "{line}: {errors}");
    let others: Vec<_> = errors.lines().filter(|line| !line.starts_with("skipped: ")).collect();
    assert_eq!(others.len(), 1, "{line}: {errors}");
    let complaint = others[0].strip_prefix("aand: ");
    complaint.unwrap_or_else(|| panic!("{line}: {errors}")).to_owned()
}

/// A disc on a plain ground, a little different each time, with a dark spot where there is a defect.
pub fn part(n: u32, defect: bool) -> RgbImage {
    RgbImage::from_fn(SIZE as u32, SIZE as u32 - 8, |x, y| {
        let grain = ((x * 7 + y * 13 + n * 29) % 11) as u8;
        let far = |cx: f32, cy: f32| (x as f32 - cx).hypot(y as f32 - cy);
        match () {
            () if defect && spot(x, y) => Rgb([20, 10, 10]),
            () if far(32.0, 28.0) < 20.0 + (n % 3) as f32 => Rgb([170 + grain, 140, 80 + n as u8]),
            () => Rgb([30, 34 + grain, 40]),
        }
    })
}

pub fn spot(x: u32, y: u32) -> bool {
    (x as f32 - 36.0).hypot(y as f32 - 24.0) < 6.0
}

pub fn put(root: &Path, name: &str, picture: &RgbImage) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    picture.save(path).unwrap();
}

/// A category of MVTec AD's layout: 6 good pictures to train on, 3 good and 4 anomalous ones to test.
pub fn category() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    (0..6).for_each(|n| put(root, &format!("train/good/{n}.png"), &part(n, false)));
    (6..9).for_each(|n| put(root, &format!("test/good/{n}.png"), &part(n, false)));
    let mask = GrayImage::from_fn(SIZE as u32, SIZE as u32 - 8, |x, y| Luma([255 * u8::from(spot(x, y))]));
    fs::create_dir_all(root.join("ground_truth/spot")).unwrap();
    for n in 0..4 {
        put(root, &format!("test/spot/{n}.png"), &part(n, true));
        mask.save(root.join(format!("ground_truth/spot/{n}_mask.png"))).unwrap();
    }
    folder
}

/// An untrained model; its numbers are arbitrary, but the same each time.
pub fn model(path: &Path) {
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(5);
    let raa = RaaOptions::default();
    let backbone = Backbone::Compact;
    let info = Info {
        teacher: "random".into(),
        threshold: Threshold {
            value: 1.5,
            method: "made up for a test".into(),
            pictures: 2,
            reliability: "not reliable: made up".into(),
            ..Threshold::none()
        },
        seed: 5,
        data_fingerprint: "0".repeat(64),
        training_pictures: 6,
        ..Info::new("disc", backbone, SIZE.into(), View::default())
    };
    let teacher = Teacher::random(backbone, 5, &device).unwrap();
    let amplifier = Amplifier::new(backbone, SIZE, raa.memory_items, &mut rng, &device);
    let student = Student::new(backbone, &mut rng, &device);
    save(&Aand { teacher, amplifier, student, info, kept: Kept::default() }, path).unwrap();
}

/// A folder with the model `m.aand`, and its path.
pub fn with_model() -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.aand");
    model(&path);
    (folder, path.display().to_string())
}

pub fn files(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "results.csv" && name != "results.jsonl")
        .collect();
    names.sort();
    names
}

/// Damaged pictures of every kind, by file name.
pub fn damaged() -> Vec<(&'static str, Vec<u8>)> {
    let mut png = std::io::Cursor::new(Vec::new());
    part(0, false).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let png = png.into_inner();
    // A bitmap's header that promises 60000 x 60000 pixels.
    let mut bomb = b"BM".to_vec();
    for field in [54_u32, 0, 54, 40, 60_000, 60_000, 1 | 24 << 16, 0, 0, 0, 0, 0, 0] {
        bomb.extend(field.to_le_bytes());
    }
    vec![
        ("truncated.png", png[..png.len() / 2].to_vec()),
        ("empty.png", Vec::new()),
        ("mislabeled.jpg", b"this is no picture at all, but a text file".to_vec()),
        ("bomb.bmp", bomb),
    ]
}

/// An untrained model that differs from [`model`].
pub fn other_model(path: &Path) {
    model(path);
    let mut bytes = fs::read(path).unwrap();
    // The last byte of the last tensor: a slightly different number.
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(path, bytes).unwrap();
}
