//! A workaround for a bug of the crate `zip` (seen in 9.8.1) with some of PyTorch's archives.
//!
//! PyTorch ends every archive, however small, with a ZIP64 record and its locator, 76 bytes between the
//! directory and the end record. The crate looks for the directory as if they did not exist. If the
//! directory's first entry is just as long, which takes a name of 30 characters (`torch.save` to a file whose
//! stem has 21), it mistakes the second entry for the first.

use std::fs::File;
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

use tempfile::NamedTempFile;

/// Length of the end record of an archive without comment.
const END: u64 = 22;
/// Length of the ZIP64 end record and its locator.
const BETWEEN: u64 = 56 + 20;

/// A copy of the archive without the ZIP64 record if it is one that would be misread, else `None`.
pub(super) fn readable_copy(path: &Path) -> Result<Option<NamedTempFile>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let Some(directory_end) = length.checked_sub(END + BETWEEN) else { return Ok(None) };
    let mut tail = [0; (BETWEEN + END) as usize];
    file.seek(SeekFrom::Start(directory_end))?;
    file.read_exact(&mut tail)?;
    let end = &tail[BETWEEN as usize..];
    let number = |at: usize| end[at..at + 4].iter().rev().fold(0, |n, &byte| n << 8 | u64::from(byte));
    let (size, start) = (number(12), number(16));
    let crowded = tail.starts_with(b"PK\x06\x06")
        && tail[56..].starts_with(b"PK\x06\x07")
        && end.starts_with(b"PK\x05\x06")
        && start + size == directory_end
        && signature(&mut file, start)? == *b"PK\x01\x02"
        && signature(&mut file, start + BETWEEN)? == *b"PK\x01\x02";
    if !crowded {
        return Ok(None);
    }
    let mut copy = NamedTempFile::new()?;
    file.rewind()?;
    std::io::copy(&mut file.take(directory_end), &mut copy)?;
    copy.write_all(end)?;
    copy.flush()?;
    Ok(Some(copy))
}

fn signature(file: &mut File, at: u64) -> Result<[u8; 4]> {
    let mut bytes = [0; 4];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
