//! `aand export` as a command.

mod program;

use program::{aand, files, with_model};
use std::fs;

#[test]
fn a_model_becomes_a_graph_beside_it() {
    let (folder, model) = with_model();
    let said = aand(&["export", &model, "--json"]);
    assert!(said.status.success(), "{said:?}");
    let told: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let bytes = fs::read(folder.path().join("m.onnx")).unwrap();
    assert_eq!(told["bytes"], bytes.len());
    assert!(bytes.starts_with(&[8, 8, 18, 4]) && &bytes[4..8] == b"aand");
    // Its own file is replaced, by the same bytes.
    assert!(aand(&["export", &model]).status.success());
    assert_eq!(fs::read(folder.path().join("m.onnx")).unwrap(), bytes);
}

#[test]
fn nothing_of_the_users_is_replaced() {
    let (folder, model) = with_model();
    let theirs = folder.path().join("m.onnx");
    fs::write(&theirs, "theirs").unwrap();
    let said = aand(&["export", &model]);
    assert_eq!(said.status.code(), Some(1));
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(words.contains("m.onnx: is there already") && words.contains("--out"), "{words}");
    assert_eq!(fs::read(&theirs).unwrap(), b"theirs");
    assert_eq!(aand(&["export", &model, "--out", &model]).status.code(), Some(1));
    assert_eq!(files(folder.path()), ["m.aand", "m.onnx"]);
}

#[test]
fn a_python_without_runtimes_is_named() {
    let (folder, model) = with_model();
    let picture = folder.path().join("part.png");
    image::RgbImage::from_pixel(40, 30, image::Rgb([90, 120, 60])).save(&picture).unwrap();
    let picture = picture.display().to_string();
    let said = aand(&["export", &model, "--verify", &picture, "--python", "no-such-python"]);
    assert_eq!(said.status.code(), Some(1));
    let words = String::from_utf8(said.stderr).unwrap();
    assert!(words.contains("no-such-python") && words.contains("--python"), "{words}");
}
