//! Every `method.md 2.3` in the code has its section in `docs/method.md`, and every path and link in the
//! documents exists.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files below `folder` with one of the endings, in a stable order.
fn files(folder: &str, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root().join(folder)];
    while let Some(folder) = waiting.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !["node_modules", "made"].contains(&name.as_str()) {
                waiting.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Text of the sections of `docs/method.md` by number: that of "2" holds those of "2.1" and so on.
fn sections() -> BTreeMap<String, String> {
    let mut sections: BTreeMap<String, String> = BTreeMap::new();
    let mut current = Vec::new();
    for line in read(&root().join("docs/method.md")).lines() {
        if line.starts_with("## ") || line.starts_with("### ") {
            let number =
                line.trim_start_matches('#').split_whitespace().next().unwrap().trim_end_matches('.');
            assert!(number.starts_with(|c: char| c.is_ascii_digit()), "a heading without a number: {line}");
            assert!(!sections.contains_key(number), "two sections {number}");
            let chapter = number.split('.').next().unwrap().to_owned();
            current = vec![number.to_owned()];
            if chapter != number {
                assert!(sections.contains_key(&chapter), "section {number} before {chapter}");
                current.push(chapter);
            }
        }
        for number in &current {
            let text = sections.entry(number.clone()).or_default();
            text.push_str(line);
            text.push('\n');
        }
    }
    sections
}

/// Comments that run over several lines as one line, so that a citation may be broken anywhere.
fn joined(text: &str) -> String {
    let bare = |line: &str| line.trim().trim_start_matches(['/', '!', '#', '*']).trim().to_owned();
    text.lines().map(bare).collect::<Vec<_>>().join(" ")
}

/// A number such as 2 or 2.10 at the start of the text, and what follows it.
fn number(text: &str) -> Option<(&str, &str)> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let whole = digits(text);
    let part = text[whole..].strip_prefix('.').map_or(0, digits);
    let length = if part > 0 { whole + 1 + part } else { whole };
    (whole > 0).then(|| text.split_at(length))
}

/// The citations after "method.md": numbers with "step 4" or "number 2" where the item of a list is meant.
fn citations(mut text: &str) -> Vec<(String, Option<String>)> {
    let mut found = Vec::new();
    text = ["sections ", "section "].iter().find_map(|word| text.strip_prefix(word)).unwrap_or(text);
    while let Some((section, mut rest)) = number(text) {
        let mut item = None;
        for word in [", step ", " step ", " number "] {
            if let Some((at, after)) = rest.strip_prefix(word).and_then(number) {
                item = Some(at.to_owned());
                rest = after;
            }
        }
        found.push((section.to_owned(), item));
        let Some(next) = [", ", " and "].iter().find_map(|word| rest.strip_prefix(word)) else { break };
        text = next;
    }
    found
}

#[test]
fn citations_are_read_as_people_write_them() {
    let read = |text: &str| {
        let found = citations(text).into_iter();
        found
            .map(|(section, item)| section + &item.map_or(String::new(), |item| format!("#{item}")))
            .collect::<Vec<_>>()
            .join(" ")
    };
    assert_eq!(read("2.3; Eq. 2-4)"), "2.3");
    assert_eq!(read("sections 2.9 and 4.4."), "2.9 4.4");
    assert_eq!(read("3 step 4 and 3.1 number 10)"), "3#4 3.1#10");
    assert_eq!(read("1.3, step 2)"), "1.3#2");
    assert_eq!(read("6, \"PRO-RD\"), 200 thresholds"), "6");
    assert_eq!(read("3: 4.9 % after"), "3");
    assert_eq!(read("says so"), "");
}

#[test]
fn every_citation_of_the_method_finds_its_section() {
    let sections = sections();
    let mut count = 0;
    let folders = ["src", "shaders", "tests", "web", "docs"];
    let endings = [".rs", ".wgsl", ".js", ".mjs", ".py", ".md"];
    for path in folders.iter().flat_map(|folder| files(folder, &endings)) {
        // The method's own file, and this one, whose citations are examples.
        if path.ends_with("docs/method.md") || path.ends_with("tests/citations.rs") {
            continue;
        }
        let text = joined(&read(&path));
        for (at, _) in text.match_indices("method.md ") {
            // A link to the whole document.
            if text[..at].ends_with("docs/") {
                continue;
            }
            let place = &text[at..].chars().take(60).collect::<String>();
            let cited = citations(&text[at + "method.md ".len()..]);
            assert!(!cited.is_empty(), "{}: no section: {place}", path.display());
            for (section, item) in cited {
                let body = sections.get(&section);
                let body =
                    body.unwrap_or_else(|| panic!("{}: no section {section}: {place}", path.display()));
                if let Some(item) = item {
                    let there = body.lines().any(|line| line.starts_with(&format!("{item}. ")));
                    assert!(there, "{}: section {section} has no item {item}: {place}", path.display());
                }
                count += 1;
            }
        }
    }
    assert!(count > 50, "only {count} citations were found: does the search still work?");
}

/// The documents that name files: all at the root, and those in `docs` and `tests`.
fn documents() -> Vec<PathBuf> {
    let root_files = std::fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path());
    let mut all: Vec<PathBuf> =
        root_files.filter(|path| path.extension().is_some_and(|e| e == "md")).collect();
    all.extend(["docs", "tests"].iter().flat_map(|folder| files(folder, &[".md"])));
    all.sort();
    all
}

#[test]
fn every_path_in_the_documents_is_there() {
    let folders = ["src/", "shaders/", "tests/", "docs/", "web/", "benches/", ".ci/", ".cargo/"];
    let mut count = 0;
    for document in documents() {
        for word in read(&document).split('`').skip(1).step_by(2) {
            let path = word.split([' ', ':', '#']).next().unwrap_or_default();
            // Leaves out generated files (`web/made`) and patterns (`web/tests/*.mjs`).
            if folders.iter().all(|folder| !path.starts_with(folder)) || path.contains(['*', '{', '<']) {
                continue;
            }
            if path.starts_with("web/made") {
                continue;
            }
            assert!(root().join(path).exists(), "{} names {path}, which is not there", document.display());
            count += 1;
        }
    }
    assert!(count > 50, "only {count} paths were found: does the search still work?");
}

#[test]
fn every_link_between_the_documents_leads_somewhere() {
    let mut count = 0;
    for document in documents() {
        let text = read(&document);
        for (at, _) in text.match_indices("](") {
            let target = text[at + 2..].split(')').next().unwrap();
            let path = target.split('#').next().unwrap();
            if path.is_empty() || target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let file = document.parent().unwrap().join(path);
            assert!(file.exists(), "{} links to {target}, which is not there", document.display());
            count += 1;
        }
    }
    assert!(count > 5, "only {count} links were found: does the search still work?");
}
