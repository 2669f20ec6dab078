//! The results of `aand detect` as they come in. Every line is written to a dot-file at once, so that a run that was
//! stopped in any way can be continued. At the end `results.csv` and `results.jsonl` are written from the dot-file,
//! and it is removed.

use super::folder::Folder;
use super::line::{ResultLine, WHY};
use crate::detection::Verdict;
use crate::files::{real, temporary, write_atomically, write_whole};
use crate::hash::hex;
use crate::{Error, Result};
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;
use tempfile::NamedTempFile;

/// The two files for people and other programs.
pub const RESULTS: [&str; 2] = ["results.jsonl", "results.csv"];

/// The dot-file: its first line lists the files that are going to be written, the others are results.
pub const JOURNAL: &str = ".aand-results";

/// Tells whether a line is still valid: a hash of the model and settings (`run`) and of the picture's path,
/// length and time. `None` if the file cannot be examined.
pub fn fingerprint(run: &str, picture: &Path) -> Option<String> {
    let facts = std::fs::metadata(picture).ok()?;
    let since = facts.modified().ok()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut hash = Sha256::new();
    hash.update(real(picture).as_os_str().as_encoded_bytes());
    hash.update(format!("\0{run}\0{}\0{}", facts.len(), since.as_nanos()));
    Some(hex(&hash.finalize()[..8]))
}

/// The results that earlier runs left in a folder.
#[derive(Default)]
pub struct Earlier {
    /// Whether there are any.
    pub any: bool,
    /// The files of their results.
    pub files: HashSet<String>,
    lines: HashMap<String, ResultLine>,
}

impl Earlier {
    /// Reads the tables of the last run that ended and the dot-file of one that was killed, whose last line may be cut
    /// off.
    pub fn read(folder: &Path) -> Self {
        let mut earlier = Self::default();
        for name in [RESULTS[0], JOURNAL] {
            let Ok(file) = File::open(folder.join(name)) else { continue };
            earlier.any = true;
            // Bytes, not text: one damaged line must not spoil those after it.
            for line in BufReader::new(file).split(b'\n').map_while(std::io::Result::ok) {
                if let Ok(line) = serde_json::from_slice::<ResultLine>(&line) {
                    earlier.files.extend(line.files().map(str::to_owned));
                    earlier.lines.extend(line.fingerprint.clone().map(|fingerprint| (fingerprint, line)));
                } else if let Ok(files) = serde_json::from_slice::<Vec<String>>(&line) {
                    earlier.files.extend(files);
                }
            }
        }
        earlier
    }

    /// The earlier line of a picture, if the picture has not changed, and its result files all exist and are
    /// those wanted now. A good picture needs no answer to why.
    pub fn line(
        &mut self,
        fingerprint: &str,
        picture: &Path,
        wanted: &[String],
        folder: &Path,
    ) -> Option<ResultLine> {
        let line = self.lines.remove(fingerprint)?;
        let asked = line.verdict == Some(Verdict::Anomalous);
        let wanted = || wanted.iter().filter(|file| asked || !file.ends_with(WHY)).map(String::as_str);
        let there = line.files().eq(wanted()) && wanted().all(|file| folder.join(file).is_file());
        let ResultLine { path, path_bytes, .. } = ResultLine::of(picture);
        (there && line.is_judged()).then_some(ResultLine { path, path_bytes, ..line })
    }
}

/// Where a line is stored, since thousands of lines need not be in memory.
enum Place {
    File { from: u64, length: usize },
    Memory(String),
}

/// The lines of this run.
pub struct Results {
    folder: PathBuf,
    kept: File,
    end: u64,
    places: Vec<Option<Place>>,
    more: bool,
    reserve: Option<NamedTempFile>,
}

impl Results {
    /// For `count` pictures, whose `names` take that many bytes in all. `files` are the files that will be written,
    /// `kept` the lines of an earlier run that are still valid, with their pictures' numbers. Reserves enough disk
    /// space for the tables to fit even if heat maps fill the disk.
    ///
    /// # Errors
    /// The folder cannot be written, or there is no space for the tables.
    pub fn new(
        folder: &Folder,
        files: &[String],
        kept: &[(usize, ResultLine)],
        (count, names): (usize, usize),
    ) -> Result<Self> {
        let path = folder.path.join(JOURNAL);
        let failed = |e: std::io::Error| Error::io(&path, e);
        let mut text = serde_json::to_string(files).map_err(|e| failed(e.into()))? + "\n";
        let mut places: Vec<Option<Place>> = (0..count).map(|_| None).collect();
        for (index, line) in kept {
            let json = serde_json::to_string(line).map_err(|e| failed(e.into()))? + "\n";
            places[*index] = Some(Place::File { from: text.len() as u64, length: json.len() });
            text += &json;
        }
        // Replaced as a whole: if this run is killed too, nothing of the earlier one is lost.
        write_atomically(&path, text.as_bytes())?;
        let kept = OpenOptions::new().read(true).append(true).open(&path).map_err(failed)?;
        // A line has the picture's name several times, as JSON and as CSV, and some numbers.
        let reserve = reserve(&folder.path, (10 * names + 1000 * count + (32 << 10)) as u64)?;
        let (folder, end) = (folder.path.clone(), text.len() as u64);
        Ok(Self { folder, kept, end, places, more: false, reserve })
    }

    /// From now on the table names the files of every picture, since some cannot be told from the picture's
    /// name.
    pub fn name_files(&mut self) {
        self.more = true;
    }

    /// Adds the line of picture number `index`; returns it as JSON.
    ///
    /// # Errors
    /// It cannot be written as JSON.
    pub fn add(&mut self, index: usize, line: &ResultLine) -> Result<String> {
        let json = serde_json::to_string(line).map_err(|e| Error::io(&self.folder, e.into()))?;
        let text = json.clone() + "\n";
        self.places[index] = Some(match self.kept.write_all(text.as_bytes()) {
            Ok(()) => {
                let from = self.end;
                self.end += text.len() as u64;
                Place::File { from, length: text.len() }
            }
            // The disk is full: free the reserved space and try again. Half a line must not spoil the next
            // one.
            Err(_) => {
                let _ = self.kept.set_len(self.end);
                Place::Memory(text)
            }
        });
        Ok(json)
    }

    /// Writes both tables, in the pictures' order.
    ///
    /// # Errors
    /// They cannot be written; the lines are then kept for the next run.
    pub fn finish(mut self) -> Result<()> {
        drop(self.reserve.take());
        let (folder, more) = (self.folder.clone(), self.more);
        write_tables(&folder, more, |work| self.each(work))
    }

    fn each(&mut self, work: &mut Work<'_>) -> Result<()> {
        let journal = self.folder.join(JOURNAL);
        let failed = |e| Error::io(&journal, e);
        for place in self.places.iter().flatten() {
            let mut bytes;
            let text = match place {
                Place::Memory(text) => text.as_bytes(),
                Place::File { from, length } => {
                    bytes = vec![0; *length];
                    self.kept.seek(SeekFrom::Start(*from)).map_err(failed)?;
                    self.kept.read_exact(&mut bytes).map_err(failed)?;
                    &bytes
                }
            };
            work(text, &serde_json::from_slice(text).map_err(|e| failed(e.into()))?)?;
        }
        Ok(())
    }
}

/// Work on one line: its bytes as written, with the line end, and the line parsed.
pub type Work<'a> = dyn FnMut(&[u8], &ResultLine) -> Result<()> + 'a;

/// Writes both tables from the lines that `each` visits, with columns for file names if `more`; then removes the
/// dot-file.
///
/// # Errors
/// They cannot be written, or a line cannot be read.
pub fn write_tables(
    folder: &Path,
    more: bool,
    mut each: impl FnMut(&mut Work<'_>) -> Result<()>,
) -> Result<()> {
    let [json, csv] = RESULTS.map(|name| folder.join(name));
    table(&json, |writer| each(&mut |text, _| writer.write_all(text).map_err(|e| Error::io(&json, e))))?;
    table(&csv, |writer| {
        let mut table = csv::Writer::from_writer(writer);
        let failed = |e| Error::io(&csv, plain(e));
        table.write_record(ResultLine::head(more)).map_err(failed)?;
        each(&mut |_, line| table.write_record(line.row(more)).map_err(failed))?;
        table.flush().map_err(|e| Error::io(&csv, e))
    })?;
    // The tables have all of it; if it cannot be removed, it does no harm.
    let _ = std::fs::remove_file(folder.join(JOURNAL));
    Ok(())
}

/// Writes a table whole; errors of `work` name what failed.
fn table(path: &Path, work: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut failed = None;
    let written = write_whole(path, |writer| {
        work(writer).map_err(|error| {
            failed = Some(error);
            ErrorKind::Other.into()
        })
    });
    failed.map_or(written, Err)
}

/// The operating system's own error, from which a full disk is told from lasting failures.
fn plain(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

/// A file of `space` bytes that really takes that space; none if files may not be that large, which says nothing
/// about free space.
fn reserve(folder: &Path, space: u64) -> Result<Option<NamedTempFile>> {
    let mut file = temporary(folder)?;
    let mut fill = || {
        // Not zeros: some file systems store those without using space.
        let block: Vec<u8> = (0..8192_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        let mut left = space;
        while left > 0 {
            let length = left.min(block.len() as u64);
            file.write_all(&block[..length as usize])?;
            left -= length;
        }
        file.flush()
    };
    match fill() {
        Ok(()) => Ok(Some(file)),
        Err(e) if matches!(e.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => {
            Err(Error::Temporary(format!(
                "{}: no room even for the tables of the results ({e}); free some space there, or choose another \
                 folder with --out",
                folder.display()
            )))
        }
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full disk counts as temporary also when it is met while writing the CSV table.
    #[test]
    fn a_full_disk_is_told_from_what_stays() {
        let full = || std::io::Error::from(ErrorKind::StorageFull);
        assert!(Error::io("results.csv", plain(csv::Error::from(full()))).is_temporary());
    }

    #[test]
    fn what_was_found_is_known_again_until_something_changes() {
        let place = tempfile::tempdir().unwrap();
        let (picture, out) = (place.path().join("a.png"), place.path().join("out"));
        std::fs::write(&picture, "one").unwrap();
        let wanted = ["a_heat.png".to_owned()];
        let first = fingerprint("run", &picture);
        let folder = Folder::open(&out).unwrap();
        let line = ResultLine {
            score: Some(0.1),
            normalized: Some(0.2),
            verdict: Some(crate::detection::Verdict::Good),
            heat: Some("a_heat.png".into()),
            fingerprint: first.clone(),
            ..ResultLine::of(&picture)
        };
        let start = || {
            let mut results = Results::new(&folder, &wanted, &[(0, line.clone())], (2, 10)).unwrap();
            let json = results.add(1, &line).unwrap();
            (results, json)
        };
        // Killed: the dot-file tells, even with half a line at its end.
        drop(start());
        let mut journal = OpenOptions::new().append(true).open(out.join(JOURNAL)).unwrap();
        journal.write_all(b"\xff\xfe\n").unwrap();
        journal.write_all(br#"{"path":"cut o"#).unwrap();
        std::fs::write(out.join("a_heat.png"), "x").unwrap();
        let again =
            |wanted: &[String]| Earlier::read(&out).line(first.as_ref().unwrap(), &picture, wanted, &out);
        assert_eq!(again(&wanted).as_ref(), Some(&line));
        // Ended: the table tells.
        let (results, json) = start();
        results.finish().unwrap();
        assert_eq!(std::fs::read_to_string(out.join(RESULTS[0])).unwrap(), format!("{json}\n{json}\n"));
        assert_eq!(std::fs::read_to_string(out.join(RESULTS[1])).unwrap().lines().count(), 3);
        assert_eq!(std::fs::read_dir(&out).unwrap().count(), 3, "nothing else is left");
        assert_eq!(again(&wanted).as_ref(), Some(&line));
        assert_eq!(again(&[]), None, "other results are wanted");
        // Nobody asks why a picture is good.
        assert_eq!(again(&["a_heat.png".into(), "a_why.png".into()]).as_ref(), Some(&line));
        std::fs::remove_file(out.join("a_heat.png")).unwrap();
        assert_eq!(again(&wanted), None, "the heat map is gone");
        std::fs::write(&picture, "three").unwrap();
        assert_ne!(fingerprint("run", &picture), first, "another picture");
        assert_ne!(fingerprint("other", &picture), fingerprint("run", &picture), "another model");
    }
}
