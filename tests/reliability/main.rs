//! Nothing of the user's is lost: these tests check the promises of docs/reliability.md.

#[cfg(unix)]
mod chaos;
#[cfg(unix)]
mod full_disk;
mod goes_on;
mod overwrite;
#[path = "../program/mod.rs"]
mod program;
mod soak;
mod streams;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// All files below a folder, the hidden ones as well, and what is in them.
fn tree(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                files.insert(path.strip_prefix(root).unwrap().into(), fs::read(&path).unwrap_or_default());
            }
        }
    }
    files
}

/// Files of `tree` that no finished run leaves.
fn leftovers(root: &Path) -> Vec<PathBuf> {
    let is_left = |path: &PathBuf| path.iter().any(|part| part.to_string_lossy().starts_with('.'));
    tree(root).into_keys().filter(is_left).collect()
}

/// The lines of a results.jsonl without what differs from run to run.
fn lines(out: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(out.join("results.jsonl")).unwrap();
    let mut lines: Vec<serde_json::Value> = text.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    for line in &mut lines {
        line.as_object_mut().unwrap().remove("ms");
    }
    lines
}
