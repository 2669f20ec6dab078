//! Full disks: the tables are still written, and everything else completely or not at all.

use super::program::{put, text, with_model};
use super::{leftovers, lines, tree};
use std::fs;
use std::process::{Command, Output};

/// Runs the program in a shell after `before`, which limits it.
fn limited(before: &str, line: &str) -> Output {
    let script = format!("{before} && exec {} {line}", env!("CARGO_BIN_EXE_aand"));
    Command::new("bash").args(["-c", &script]).output().unwrap()
}

/// Files may not be larger than 4 KB: no heat map fits, the tables do.
#[test]
fn heat_maps_that_do_not_fit_cost_no_scores() {
    let (folder, model) = with_model();
    (0..4).for_each(|n| put(&folder.path().join("parts"), &format!("{n}.png"), &noise(n)));
    let (at, out) = (folder.path().display(), folder.path().join("o"));
    let line = format!("detect {model} {at}/parts --out {at}/o --device cpu --quiet");
    let output = limited("ulimit -f 4", &line);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 5), "{said}");
    assert!(said.contains("4 of 4 pictures failed") && said.contains("ulimit -f"), "{said}");
    let found = lines(&out);
    assert!(
        found.len() == 4 && found.iter().all(|line| line["score"].is_number() && line["error"].is_string())
    );
    assert!(leftovers(&out).is_empty());
    // With room again they are done again.
    assert!(limited("true", &line).status.success());
    assert_eq!(tree(&out).len(), 10);
}

/// Pixels that no compression makes small.
fn noise(seed: u32) -> image::RgbImage {
    let mut state = seed + 1;
    image::RgbImage::from_fn(96, 96, |_, _| {
        image::Rgb([0; 3].map(|_: u8| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }))
    })
}

#[test]
#[ignore = "mounts a small file system: needs root, or a kernel that gives namespaces to users"]
fn a_small_file_system() {
    let (folder, model) = with_model();
    (0..40).for_each(|n| put(&folder.path().join("parts"), &format!("{n}.png"), &noise(n)));
    let (at, tables) = (folder.path().display(), folder.path().join("tables"));
    let place = folder.path().join("small");
    fs::create_dir_all(&place).unwrap();
    fs::create_dir_all(&tables).unwrap();
    let script = format!(
        "mount -t tmpfs -o size=300k none {at}/small && {{ {} detect {model} {at}/parts --out {at}/small/o \
         --device cpu --quiet; echo $? > {at}/code; ls -A {at}/small/o > {at}/names; cp {at}/small/o/results.* \
         {at}/tables/; }}",
        env!("CARGO_BIN_EXE_aand")
    );
    let output = Command::new("unshare").args(["-rm", "bash", "-c", &script]).output().unwrap();
    let said = text(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(fs::read_to_string(folder.path().join("code")).unwrap(), "75\n", "{said}");
    let found = lines(&tables);
    assert!(found.len() == 40 && found.iter().all(|line| line["score"].is_number()), "{said}");
    let failed = found.iter().filter(|line| line["error"].is_string()).count();
    assert!((1..40).contains(&failed) && said.contains(&format!("{failed} of 40 pictures failed")), "{said}");
    assert!(said.contains("free some space"), "{said}");
    let names = fs::read_to_string(folder.path().join("names")).unwrap();
    assert!(names.lines().all(|name| !name.starts_with('.')), "{names}");
    // Every heat map that is named is there.
    let heat = found.iter().filter_map(|line| line["heat"].as_str());
    assert!(heat.into_iter().all(|heat| names.lines().any(|name| name == heat)), "{names}");
}
