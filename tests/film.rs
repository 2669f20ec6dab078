//! `aand train --film` and `aand patch`, through the program.

use half::f16;
use image::{Rgb, RgbImage};
use safetensors::SafeTensors;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A disc on a plain ground, each a little different; with a hole if it is broken.
fn part(i: u32, broken: bool) -> RgbImage {
    RgbImage::from_fn(64, 64, |x, y| {
        let from = |cx: f32, cy: f32| (x as f32 - cx).hypot(y as f32 - cy);
        let grain = ((x * 7 + y * 13 + i * 29) % 11) as u8;
        match from(32.0, 32.0) < 22.0 && !(broken && from(38.0, 28.0) < 8.0) {
            true => Rgb([150 + grain, 120, 60]),
            false => Rgb([30, 34 + grain, 40]),
        }
    })
}

/// A category in MVTec layout: 6 good parts, one good and one broken test picture with its mask.
fn category() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    let save = |path: &str, picture: RgbImage| {
        let path = dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
    };
    (0..6).for_each(|i| save(&format!("train/good/{i}.png"), part(i, false)));
    save("test/good/0.png", part(7, false));
    save("test/hole/0.png", part(8, true));
    let mask = RgbImage::from_fn(64, 64, |x, y| {
        Rgb([if (x as f32 - 38.0).hypot(y as f32 - 28.0) < 8.0 { 255 } else { 0 }; 3])
    });
    save("ground_truth/hole/0_mask.png", mask);
    dir
}

fn aand(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aand")).args(arguments).output().unwrap()
}

fn train(data: &Path, out: &Path, more: &[&str]) -> Output {
    let [data, out] = [data, out].map(|path| path.to_str().unwrap());
    let fixed = [
        "train",
        data,
        "--out",
        out,
        "--size",
        "64",
        "--batch",
        "3",
        "--epochs-amplify",
        "1",
        "--epochs-distill",
        "4",
        "--device",
        "cpu",
        "--quiet",
    ];
    aand(&[fixed.as_slice(), more].concat())
}

/// The header and the tensors of a film.
fn read(path: &Path) -> (serde_json::Value, Vec<u8>) {
    let bytes = std::fs::read(path).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let header = serde_json::from_str(&metadata.metadata().as_ref().unwrap()["aand-film"]).unwrap();
    (header, bytes)
}

#[test]
fn a_film_shows_the_training_and_changes_nothing_of_it() {
    let data = category();
    let out = tempfile::tempdir().unwrap();
    let path = |name: &str| -> PathBuf { out.path().join(name) };
    let text = |name: &str| path(name).to_str().unwrap().to_owned();
    assert!(train(data.path(), &path("plain.aand"), &[]).status.success());
    let film = text("training.film");
    let made = train(data.path(), &path("filmed.aand"), &["--film", &film, "--film-frames", "3"]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    assert_eq!(std::fs::read(path("plain.aand")).unwrap(), std::fs::read(path("filmed.aand")).unwrap());

    let (header, bytes) = read(&path("training.film"));
    assert_eq!(header["epochs"][0], 0, "before the first epoch");
    assert_eq!(header["epochs"].as_array().unwrap().last().unwrap(), 4);
    assert_eq!((&header["filmed"], &header["sides"]), (&2.into(), &serde_json::json!([16, 8, 4])));
    // The last frame is the finished model's.
    let pictures =
        ["test/good/0.png", "test/hole/0.png"].map(|p| data.path().join(p).to_str().unwrap().to_owned());
    let found = aand(&[
        "detect",
        &text("filmed.aand"),
        &pictures[0],
        &pictures[1],
        "--out",
        &text("found"),
        "--device",
        "cpu",
        "--quiet",
    ]);
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let results = std::fs::read_to_string(path("found/results.jsonl")).unwrap();
    let scores: Vec<f64> = results
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["score"].as_f64().unwrap())
        .collect();
    let last = header["scores"].as_array().unwrap().last().unwrap().as_array().unwrap();
    for (film, score) in last.iter().zip(&scores) {
        assert!((film.as_f64().unwrap() - score).abs() < 1e-5, "{film} is not {score}");
    }
    // The student has learned something.
    assert!(header["scores"][0][0].as_f64() > last[0].as_f64());
    // Its marks equal the mask, its maps those of `aand patch`.
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let marks = tensors.tensor("patches1").unwrap();
    assert_eq!(marks.data()[..256].iter().map(|&v| u32::from(v)).sum::<u32>(), 0);
    assert_eq!(marks.data()[256 + 7 * 16 + 9], 1);
    let patch = aand(&[
        "patch",
        &text("filmed.aand"),
        &pictures[1],
        "--level",
        "1",
        "--row",
        "7",
        "--column",
        "9",
        "--json",
    ]);
    let patch: serde_json::Value = serde_json::from_slice(&patch.stdout).unwrap();
    let level = tensors.tensor("level1").unwrap();
    let at = 2 * (level.data().len() / 2 - 256 + 7 * 16 + 9);
    let filmed = f16::from_le_bytes([level.data()[at], level.data()[at + 1]]).to_f64();
    assert!((filmed - patch["discrepancy"].as_f64().unwrap()).abs() < 1e-3);
    let gate: f64 =
        patch["memory_shares"].as_array().unwrap()[50..].iter().map(|v| v.as_f64().unwrap()).sum();
    assert!((gate - patch["gate"].as_f64().unwrap()).abs() < 1e-9);

    // One picture is shown, the others are only listed.
    let one = train(
        data.path(),
        &path("one.aand"),
        &["--film", &text("one.film"), "--film-frames", "1", "--film-of", &pictures[1]],
    );
    assert!(one.status.success(), "{}", String::from_utf8_lossy(&one.stderr));
    let (header, _) = read(&path("one.film"));
    assert_eq!((&header["epochs"], &header["filmed"]), (&serde_json::json!([4]), &1.into()));
    assert_eq!(
        (&header["pictures"][0]["name"], &header["pictures"][1]["name"]),
        (&"hole/0".into(), &"good/0".into())
    );
}

#[test]
fn what_cannot_be_filmed_or_looked_at_is_said_in_one_line() {
    let data = category();
    let out = tempfile::tempdir().unwrap();
    let model = out.path().join("m.aand");
    let own = out.path().join("notes.txt");
    std::fs::write(&own, "mine").unwrap();
    let said = |output: Output| (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned());
    let (code, words) = said(train(data.path(), &model, &["--film", own.to_str().unwrap()]));
    assert_eq!((code, words.lines().count()), (Some(1), 1), "{words}");
    assert!(words.contains("notes.txt") && words.contains("--film"), "{words}");
    assert_eq!(std::fs::read_to_string(&own).unwrap(), "mine");
    let film = out.path().join("f.film");
    let film = film.to_str().unwrap();
    let (code, words) = said(train(data.path(), &model, &["--film", film, "--film-of", "elsewhere.png"]));
    assert_eq!(code, Some(1));
    assert!(words.contains("elsewhere.png is none of the test pictures"), "{words}");
    for usage in [&["--film", film, "--resume"][..], &["--film-of", "x.png"], &["--film-frames", "2"]] {
        assert_eq!(said(train(data.path(), &model, usage)).0, Some(2), "{usage:?}");
    }
    assert!(!model.exists());
    // Without test pictures there is nothing to film.
    std::fs::remove_dir_all(data.path().join("test")).unwrap();
    std::fs::remove_dir_all(data.path().join("ground_truth")).unwrap();
    let (code, words) = said(train(&data.path().join("train/good"), &model, &["--film", film]));
    assert_eq!((code, words.lines().count()), (Some(1), 1), "{words}");
    assert!(words.contains("0 test pictures"), "{words}");

    assert!(train(data.path(), &model, &[]).status.success());
    let picture = data.path().join("train/good/0.png");
    let (model, picture) = (model.to_str().unwrap(), picture.to_str().unwrap());
    let (code, words) = said(aand(&["patch", model, picture, "--level", "3", "--row", "4", "--column", "0"]));
    assert_eq!(code, Some(1));
    assert!(words.contains("level 3 has 4 rows and 4 columns"), "{words}");
    let plain = aand(&["patch", model, picture, "--level", "3", "--row", "3", "--column", "0", "--plain"]);
    assert!(String::from_utf8_lossy(&plain.stdout).contains("cosine"));
}
