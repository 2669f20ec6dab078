//! `aand merge OUT PART…`: joins the parts of `aand detect --shard` into one folder of results, as if one run had
//! made them.

use super::Verbosity;
use super::folder::Folder;
use super::line::{Count, ResultLine};
use super::part::{self, Part};
use super::results::{Earlier, JOURNAL, RESULTS, write_tables};
use crate::files::{folder_of, same_place, write_atomically, write_whole};
use crate::{Error, Result, terminal};
use clap::Args;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Component, Path, PathBuf};

/// Options of `aand merge`.
#[derive(Debug, Args)]
pub struct MergeArgs {
    /// The folder for the results of all pictures
    out: PathBuf,
    /// The folders that `detect --shard` wrote, all of them; their heat maps are linked into OUT, or copied where links
    /// cannot be
    #[arg(required = true)]
    parts: Vec<PathBuf>,
    #[command(flatten)]
    verbosity: Verbosity,
}

/// A folder of results, and what it says of itself.
struct Opened {
    folder: PathBuf,
    part: Part,
}

/// Runs `aand merge`.
pub fn run(args: &MergeArgs) -> Result<()> {
    let out = &args.out;
    let parts = open(args)?;
    let owners = owners(&parts)?;
    let (mut files, mut count) = (Vec::new(), Count::default());
    each(&parts, &owners, |part, _, line| {
        count.add(line);
        for file in line.files() {
            let inside = Path::new(file).components().all(|name| matches!(name, Component::Normal(_)));
            if !inside || !part.folder.join(file).is_file() {
                let reason = format!("{file} is missing; run this part again");
                return Err(Error::dataset(&part.folder, reason));
            }
            files.push(file.to_owned());
        }
        Ok(())
    })?;
    // Not earlier: a refused merge leaves nothing behind, not even an empty folder.
    let folder = Folder::open(out)?;
    let earlier = Earlier::read(out);
    let mut own = files;
    own.extend(RESULTS.map(str::to_owned));
    folder.check(&own, &earlier.files)?;
    part::clear(out, false)?;
    // Like a run of detect: if this one is killed, the next knows which files are the program's.
    let journal = out.join(JOURNAL);
    let known = serde_json::to_string(&own).map_err(|e| Error::io(&journal, e.into()))? + "\n";
    write_atomically(&journal, known.as_bytes())?;
    folder.remove_stale(&earlier.files, &own);
    each(&parts, &owners, |part, _, line| {
        line.files().try_for_each(|file| link(&part.folder.join(file), &out.join(file)))
    })?;
    let more = parts.iter().any(|opened| opened.part.name_files);
    write_tables(out, more, |work| each(&parts, &owners, |_, text, line| work(text, line)))?;
    tell(args, parts.len(), owners.len(), &count)
}

fn tell(args: &MergeArgs, parts: usize, pictures: usize, count: &Count) -> Result<()> {
    let (out, Count { good, anomalous, failed, .. }) = (args.out.display(), count);
    args.verbosity.say(format!(
        "{pictures} pictures of {parts} parts: {good} good, {anomalous} anomalous, {failed} failed; results in {out}"
    ));
    if args.verbosity.json {
        terminal::print(serde_json::json!({
            "parts": parts, "pictures": pictures, "good": good, "anomalous": anomalous, "failed": failed,
        }));
    }
    match failed {
        0 => Ok(()),
        _ => Err(Error::Incomplete(format!(
            "{failed} of {pictures} pictures failed; each is named in {}",
            args.out.join(RESULTS[1]).display()
        ))),
    }
}

/// Opens the parts in the order of their numbers; each must be complete.
fn open(args: &MergeArgs) -> Result<Vec<Opened>> {
    let mut parts = Vec::new();
    for folder in &args.parts {
        if same_place(folder, &args.out) {
            let reason = "is a part, and cannot be the folder of all results, too; choose another OUT";
            return Err(Error::Setting(format!("{}: {reason}", folder.display())));
        }
        let part = Part::read(folder)?;
        let results = folder.join(RESULTS[0]);
        if crate::weights::sha256(&results)? != part.results {
            let reason = "is not what this part's run wrote; run the part again";
            return Err(Error::dataset(results, reason));
        }
        parts.push(Opened { folder: folder.clone(), part });
    }
    parts.sort_by_key(|opened| opened.part.shard);
    agree(&parts)?;
    Ok(parts)
}

/// Makes sure that the parts belong together.
fn agree(parts: &[Opened]) -> Result<()> {
    let Some(Opened { folder: first, part: whole }) = parts.first() else { return Ok(()) };
    for Opened { folder, part } in parts {
        let reason = if part.shards != whole.shards {
            format!("is one of {} parts, {} one of {}", part.shards, first.display(), whole.shards)
        } else if part.model != whole.model {
            format!("was judged by another model than {}", first.display())
        } else if part.settings != whole.settings {
            format!("was made with other settings than {}", first.display())
        } else if part.listing != whole.listing {
            format!(
                "found other pictures, or the same by another path, than {} ({} and {}); run all parts again: only \
                 what is new is judged",
                first.display(),
                part.pictures,
                whole.pictures
            )
        } else {
            continue;
        };
        return Err(Error::Setting(format!("{}: {reason}", folder.display())));
    }
    for pair in parts.windows(2) {
        let [a, b] = pair else { continue };
        if a.part.shard == b.part.shard {
            let number = a.part.shard;
            let (a, b) = (a.folder.display(), b.folder.display());
            return Err(Error::Setting(format!("{b}: is part {number}, and so is {a}; give each part once")));
        }
    }
    let there: BTreeSet<usize> = parts.iter().map(|opened| opened.part.shard).collect();
    let missing: Vec<String> =
        (1..=whole.shards).filter(|number| !there.contains(number)).take(20).map(|n| n.to_string()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let more = whole.shards - there.len() - missing.len();
    let others = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::Setting(format!(
        "of {} parts these are missing: {}{others}; give the folders of all parts",
        whole.shards,
        missing.join(", ")
    )))
}

/// For each picture of the whole, the index in `parts` of the part that has it.
fn owners(parts: &[Opened]) -> Result<Vec<u32>> {
    const NONE: u32 = u32::MAX;
    let count = parts.first().map_or(0, |opened| opened.part.pictures);
    // Checked first: the number comes from a file, and decides how much memory is taken.
    if parts.iter().map(|opened| opened.part.order.len()).sum::<usize>() != count {
        return Err(Error::Setting("the parts do not have all pictures; run all parts again".into()));
    }
    let mut owners = vec![NONE; count];
    for (n, Opened { folder, part }) in parts.iter().enumerate() {
        for &place in &part.order {
            match owners.get_mut(place) {
                Some(owner) if *owner == NONE => *owner = n as u32,
                _ => return Err(Error::dataset(folder, "has pictures of another part; run all parts again")),
            }
        }
    }
    // Each number is in range and none occurs twice, so all of them are there.
    Ok(owners)
}

/// Calls back with every line, in the order of a single run: the part, the line's bytes, and the line parsed.
fn each(
    parts: &[Opened],
    owners: &[u32],
    mut work: impl FnMut(&Opened, &[u8], &ResultLine) -> Result<()>,
) -> Result<()> {
    let open = |opened: &Opened| {
        let path = opened.folder.join(RESULTS[0]);
        File::open(&path).map(BufReader::new).map_err(|e| Error::io(path, e))
    };
    let mut readers = parts.iter().map(open).collect::<Result<Vec<_>>>()?;
    let mut text = Vec::new();
    for &owner in owners {
        let opened = &parts[owner as usize];
        let path = || opened.folder.join(RESULTS[0]);
        text.clear();
        readers[owner as usize].read_until(b'\n', &mut text).map_err(|e| Error::io(path(), e))?;
        let line = serde_json::from_slice(&text).map_err(|_| {
            Error::dataset(path(), "has too few lines, or a damaged one; run this part again")
        })?;
        work(opened, &text, &line)?;
    }
    Ok(())
}

/// Puts a file of a part into the whole: as a hard link, or as a copy.
fn link(from: &Path, to: &Path) -> Result<()> {
    let folder = folder_of(to);
    std::fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
    if std::fs::hard_link(from, to).is_ok() || (to.is_file() && is_same(from, to)) {
        return Ok(());
    }
    let mut file = File::open(from).map_err(|e| Error::io(from, e))?;
    write_whole(to, |writer| std::io::copy(&mut file, writer).map(drop))
}

#[cfg(unix)]
fn is_same(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let of = |path: &Path| std::fs::metadata(path).ok().map(|facts| (facts.dev(), facts.ino()));
    of(a).is_some() && of(a) == of(b)
}

#[cfg(not(unix))]
fn is_same(_: &Path, _: &Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::super::shard::Shard;
    use super::*;

    fn opened(index: usize, pictures: usize, order: &[usize]) -> Opened {
        let part = Part { pictures, order: order.to_vec(), ..Part::new(Shard { index, count: 2 }) };
        Opened { folder: "parts".into(), part }
    }

    #[test]
    fn every_picture_is_in_one_part() {
        let whole = [opened(1, 3, &[1]), opened(2, 3, &[0, 2])];
        assert_eq!(owners(&whole).unwrap(), [1, 0, 1]);
        for (orders, words) in
            [([&[1][..], &[0]], "do not have all"), ([&[0, 1][..], &[1]], "has pictures of another part")]
        {
            let parts = [opened(1, 3, orders[0]), opened(2, 3, orders[1])];
            assert!(owners(&parts).unwrap_err().to_string().contains(words), "{orders:?}");
        }
    }

    /// A wrong number in a damaged file must not ask for all memory there is.
    #[test]
    fn a_number_beyond_all_memory_is_refused() {
        let said = owners(&[opened(1, usize::MAX, &[0])]).unwrap_err().to_string();
        assert!(said.contains("do not have all pictures"), "{said}");
    }
}
