//! Which files are results of this program: they are never judged, inspected or learned from as parts.
//!
//! Every PNG that a command writes is signed in a text chunk, which survives renaming and moving, even among
//! other pictures. Unsigned results of earlier versions are recognized by the files beside them.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// How many bytes of a file are read to tell whose it is; the marks come first in it.
pub(super) const HEAD: u64 = 4096;

/// How the text chunk of a signed PNG begins.
const SIGNATURE: &[u8] = b"Software\0aand ";

/// Whether the start of a file is that of a PNG which a command of this program wrote.
pub(super) fn is_signed(head: &[u8]) -> bool {
    chunks(head).any(|(kind, data)| kind == *b"tEXt" && data.starts_with(SIGNATURE))
}

/// The chunks of a PNG before its pixels, as far as `head` reaches.
pub(super) fn chunks(head: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = head.strip_prefix(b"\x89PNG\r\n\x1a\n").unwrap_or_default();
    std::iter::from_fn(move || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (kind, after) = after.split_first_chunk::<4>()?;
        let data = after.get(..u32::from_be_bytes(*length) as usize)?;
        rest = after.get(data.len() + 4..)?;
        (kind != b"IDAT").then_some((*kind, data))
    })
}

/// Whether `file` is a result of this program: a picture that it drew, a table, model, report or log.
pub fn made(file: &Path) -> bool {
    head(file, HEAD).is_some_and(|head| is_signed(&head)) || is_written(file) || Tables::default().drew(file)
}

fn head(file: &Path, length: u64) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    File::open(file).ok()?.take(length).read_to_end(&mut head).ok()?;
    Some(head)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a file that is not a picture is one of this program's, judged by its name and how it begins.
pub(super) fn is_written(file: &Path) -> bool {
    let name = name(file);
    let begins = |start: &[u8]| head(file, HEAD).is_some_and(|head| head.starts_with(start));
    let holds = |text: &str| {
        head(file, HEAD).is_some_and(|head| head.windows(text.len()).any(|part| part == text.as_bytes()))
    };
    match name.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "aand" => true,
        "checkpoint" => name.ends_with(".aand.checkpoint"),
        "svg" => name.ends_with(".training.svg"),
        "csv" => name == RESULTS[0] && begins(b"path,score,normalized,verdict"),
        "jsonl" => name.ends_with(".training.jsonl") || (name == RESULTS[1] && begins(b"{\"path\":")),
        "json" => name == "part.json" && begins(b"{\"aand_part\":"),
        // The producer is an ONNX file's second field.
        "onnx" => head(file, HEAD).is_some_and(|head| head.get(2..8) == Some(b"\x12\x04aand")),
        "film" => holds("\"aand-film\""),
        "html" => holds("name=\"generator\" content=\"aand "),
        "npy" => Tables::default().drew(file),
        _ => false,
    }
}

/// The tables of `detect`.
const RESULTS: [&str; 2] = ["results.csv", "results.jsonl"];

/// `part` of `part_heat.png`.
fn stem_of_result<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let stem = name.strip_suffix(ending)?.strip_suffix('.')?;
    ["_heat", "_overlay", "_map"].iter().find_map(|kind| stem.strip_suffix(kind))
}

/// The tables of `detect` that have been read, by folder.
#[derive(Default)]
pub(super) struct Tables(HashMap<PathBuf, Option<Judged>>);

impl Tables {
    /// Whether an unsigned picture is a result of an earlier version, judged by the tables and pictures beside
    /// it.
    pub(super) fn drew(&mut self, file: &Path) -> bool {
        let name = name(file);
        let Some(folder) = file.parent() else { return false };
        if let Some(stem) = stem_of_result(&name, "png").or_else(|| stem_of_result(&name, "npy")) {
            let folder = std::path::absolute(folder).unwrap_or_default();
            for folder in folder.ancestors() {
                let table = self.0.entry(folder.into()).or_insert_with(|| Judged::in_folder(folder));
                if let Some(judged) = table {
                    return judged.gave(&name, stem);
                }
            }
        }
        is_sample(&name, folder)
    }
}

/// Whether `name` is one of the samples of `synth`: NNN.png, NNN_mask.png, NNN_foreground.png, or sheet.png, which
/// shows them all.
fn is_sample(name: &str, folder: &Path) -> bool {
    let has = |name: &str| folder.join(name).is_file();
    let Some(stem) = name.strip_suffix(".png") else { return false };
    if stem == "sheet" {
        return has("000_foreground.png") && has("000_mask.png");
    }
    let stem = stem.strip_suffix("_mask").or_else(|| stem.strip_suffix("_foreground")).unwrap_or(stem);
    stem.len() >= 3
        && stem.bytes().all(|byte| byte.is_ascii_digit())
        && has("sheet.png")
        && ["", "_mask", "_foreground"].iter().all(|end| has(&format!("{stem}{end}.png")))
}

/// The pictures that a results.csv lists as judged, by file name.
struct Judged {
    names: HashSet<String>,
    stems: HashSet<String>,
}

impl Judged {
    fn in_folder(folder: &Path) -> Option<Self> {
        let table = folder.join(RESULTS[0]);
        if !is_written(&table) {
            return None;
        }
        let mut reader = csv::Reader::from_path(table).ok()?;
        let paths: Vec<PathBuf> =
            reader.records().flatten().filter_map(|row| Some(row.get(0)?.into())).collect();
        let stem = |path: &PathBuf| path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        Some(Self {
            names: paths.iter().map(|path| name(path)).collect(),
            stems: paths.iter().filter_map(stem).collect(),
        })
    }

    /// Whether the run gave a result this `name`. A camera's picture may have the same name, but then it is listed
    /// as judged. Results are named after judged pictures: `part`, or `part_png` and `part_png_2` if that was
    /// taken.
    fn gave(&self, name: &str, stem: &str) -> bool {
        let shorter = stem.match_indices('_').map(|(at, _)| &stem[..at]);
        !self.names.contains(name) && shorter.chain([stem]).any(|stem| self.stems.contains(stem))
    }
}

/// Whether `folder` is one that `detect` or `synth` wrote to: it holds a table or a picture of theirs.
pub fn is_own(folder: &Path) -> bool {
    RESULTS.iter().any(|table| is_written(&folder.join(table))) || {
        let sheet = folder.join("sheet.png");
        sheet.is_file() && made(&sheet)
    }
}

/// A PNG signed as the commands sign it.
#[cfg(test)]
pub(crate) fn signed(mut png: Vec<u8>) -> Vec<u8> {
    let body = [b"tEXt", SIGNATURE, b"9.9.9"].concat();
    let length = (body.len() as u32 - 4).to_be_bytes();
    let chunk = [&length[..], &body, &crc32fast::hash(&body).to_be_bytes()].concat();
    // After the PNG signature and the header chunk.
    png.splice(33..33, chunk);
    png
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn png() -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        image::RgbImage::from_fn(3, 2, |x, y| image::Rgb([9 * x as u8, 7 * y as u8, 1]))
            .write_to(&mut bytes, image::ImageFormat::Png)
            .unwrap();
        bytes.into_inner()
    }

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    #[test]
    fn a_signature_changes_no_pixel_and_is_found_under_any_name() {
        let (plain, marked) = (png(), signed(png()));
        assert!(!is_signed(&plain) && is_signed(&marked));
        let pixels = |bytes: &[u8]| image::load_from_memory(bytes).unwrap().into_rgb8();
        assert_eq!(pixels(&plain), pixels(&marked));
        let folder = folder(&[("holiday.png", &marked), ("000_heat.png", &plain)]);
        assert!(made(&folder.path().join("holiday.png")));
        assert!(!made(&folder.path().join("000_heat.png")), "a thermal camera calls its pictures so");
        assert!(!is_signed(&marked[..20]) && !is_signed(b""));
    }

    #[test]
    fn files_for_other_programs_are_told_by_how_they_begin() {
        let files: [(&str, &[u8]); 4] = [
            ("m.onnx", b"\x08\x08\x12\x04aand"),
            ("theirs.onnx", b"\x08\x08\x12\x07pytorch"),
            ("m.film", b"\x20\0\0\0\0\0\0\0{\"__metadata__\":{\"aand-film\":\"{}\"}}"),
            ("theirs.film", b"a roll"),
        ];
        let folder = folder(&files);
        assert_eq!(files.map(|(name, _)| is_written(&folder.path().join(name))), [true, false, true, false]);
    }

    #[test]
    fn results_of_earlier_versions_are_told_by_their_table() {
        let table = b"path,score,normalized,verdict,ms,error\nin/a.png,1,0.5,good,1,\nin/001_heat.png,1,0.5,good,1,\n";
        let plain = png();
        let files = [
            "a.png",
            "a_heat.png",
            "sub/a_png_2_overlay.png",
            "001_heat.png",
            "001_heat_heat.png",
            "b_heat.png",
        ];
        let mut all: Vec<(&str, &[u8])> = files.iter().map(|name| (*name, &plain[..])).collect();
        all.extend([
            ("results.csv", &table[..]),
            ("a_map.npy", b"x"),
            ("other.csv", b"path,score,normalized,verdict"),
        ]);
        let folder = folder(&all);
        let made = |name: &str| made(&folder.path().join(name));
        let own = ["a_heat.png", "sub/a_png_2_overlay.png", "001_heat_heat.png", "results.csv", "a_map.npy"];
        assert!(own.iter().all(|name| made(name)));
        // The judged pictures, a heat map of some other picture, another program's table.
        assert!(["a.png", "001_heat.png", "b_heat.png", "other.csv"].iter().all(|name| !made(name)));
        assert!(is_own(folder.path()) && !is_own(&folder.path().join("sub")));
    }

    #[test]
    fn samples_of_earlier_versions_are_told_by_their_company() {
        let plain = png();
        let names = ["000.png", "000_mask.png", "000_foreground.png", "sheet.png", "001.png", "001_mask.png"];
        let folder = folder(&names.map(|name| (name, &plain[..])));
        let found: Vec<bool> = names.iter().map(|name| made(&folder.path().join(name))).collect();
        assert_eq!(found, [true, true, true, true, false, false]);
    }
}
