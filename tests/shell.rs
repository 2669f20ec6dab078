//! `aand completions`, `aand man`, `aand --version`.

mod program;

use program::{aand, files};
use std::fs;

#[test]
fn every_command_completes_in_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = aand(&["completions", shell]);
        let script = String::from_utf8(said.stdout).unwrap();
        assert!(said.status.success() && script.contains("detect"));
        assert!(["train", "eval", "export", "man"].iter().all(|command| script.contains(command)), "{shell}");
    }
    assert_eq!(aand(&["completions", "tcsh"]).status.code(), Some(2));
}

#[test]
fn there_is_a_page_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().display().to_string();
    assert!(aand(&["man", "--out", &out]).status.success());
    let pages = files(folder.path());
    assert!(
        ["aand.1", "aand-train.1", "aand-detect.1"].iter().all(|page| pages.contains(&(*page).to_owned()))
    );
    let page = fs::read_to_string(folder.path().join("aand-detect.1")).unwrap();
    assert!(page.contains(".TH aand-detect 1") && page.contains("heat maps"), "{page}");
    // It replaces its own files, but no others.
    assert!(aand(&["man", "--out", &out]).status.success());
    fs::write(folder.path().join("aand.1"), "theirs").unwrap();
    assert_eq!(aand(&["man", "--out", &out]).status.code(), Some(1));
}

#[test]
fn the_version_says_what_was_built() {
    let short = String::from_utf8(aand(&["-V"]).stdout).unwrap();
    assert_eq!(short.trim(), format!("aand {}", env!("CARGO_PKG_VERSION")));
    let long = String::from_utf8(aand(&["--version"]).stdout).unwrap();
    assert!(long.starts_with(short.trim()) && long.contains("features: burn"), "{long}");
    assert!(long.contains(std::env::consts::ARCH), "{long}");
}
