//! A module uses what stands below it in the tree of ARCHITECTURE.md, never what stands above or beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The floor of each module, 0 at the top: the lines of the tree, whose names end at two blanks.
fn floors(document: &str) -> BTreeMap<String, usize> {
    let lines = document.lines().filter_map(|line| line.strip_prefix(" ├ ").or(line.strip_prefix(" └ ")));
    let mut floors = BTreeMap::new();
    for (floor, line) in lines.enumerate() {
        for name in line.split("  ").next().unwrap().split(',') {
            let name = name.split_whitespace().next().unwrap().trim_end_matches(".rs");
            assert!(floors.insert(name.to_owned(), floor).is_none(), "{name} stands twice in the tree");
        }
    }
    floors
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Tests may use anything.
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The modules that a file names as `crate::a` or `crate::{a::b, c}`, outside comments and tests.
fn used(text: &str) -> BTreeSet<String> {
    let code = text.split("\nmod tests {").next().unwrap();
    let code: String = code.lines().filter(|line| !line.trim_start().starts_with("//")).fold(
        String::new(),
        |mut code, line| {
            code.push_str(line);
            code.push(' ');
            code
        },
    );
    let mut found = BTreeSet::new();
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    for rest in code.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            found.insert(rest.chars().take_while(|&c| is_part(c)).collect());
            continue;
        };
        let (mut depth, mut name) = (0, String::new());
        for c in list.chars() {
            match c {
                '{' => depth += 1,
                '}' if depth == 0 => break,
                '}' => depth -= 1,
                ',' if depth == 0 => drop(found.insert(std::mem::take(&mut name))),
                c => name.push(c),
            }
        }
        found.insert(name);
    }
    found.into_iter().map(|name| name.trim().split("::").next().unwrap().to_owned()).collect()
}

#[test]
fn modules_use_what_stands_below_them() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let floors = floors(&fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap());
    let mut files = Vec::new();
    sources(&root.join("src"), &mut files);
    assert!(files.len() > 200 && floors.len() > 20, "{} files, {} modules", files.len(), floors.len());
    let mut wrong = BTreeSet::new();
    for file in &files {
        let relative = file.strip_prefix(root.join("src")).unwrap();
        let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = first.trim_end_matches(".rs");
        if ["lib", "main"].contains(&module) {
            continue;
        }
        let Some(floor) = floors.get(module) else {
            wrong.insert(format!("{module}: has no place in the tree of ARCHITECTURE.md"));
            continue;
        };
        for name in used(&fs::read_to_string(file).unwrap()) {
            if name != module && floors.get(&name).is_some_and(|other| other <= floor) {
                wrong.insert(format!("{}: uses {name}", relative.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn uses_are_found_in_every_spelling() {
    let text = "use crate::a::B;\nuse crate::{c::{D, e}, f};\n// crate::g\nfn x() { crate::h::i() }\n\
                #[cfg(test)]\nmod tests {\n use crate::j;\n}";
    assert_eq!(used(text).into_iter().collect::<Vec<_>>(), ["a", "c", "f", "h"]);
}
