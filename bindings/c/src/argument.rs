//! Checks the arguments that C passes.

use crate::failure::Failure;
use aand::picture::Pixels;
use std::ffi::{CStr, c_char, c_int};
use std::path::PathBuf;

fn null(name: &str) -> Failure {
    Failure::argument(format!("{name} is NULL"))
}

/// The place for a new handle; null is written there until there is one.
///
/// # Safety
/// The pointer is null or may be written.
pub unsafe fn out<'a, T>(place: *mut *mut T, name: &str) -> Result<&'a mut *mut T, Failure> {
    if place.is_null() {
        return Err(null(name));
    }
    // SAFETY: as the caller promises; the memory need not be initialized.
    unsafe {
        place.write(std::ptr::null_mut());
        Ok(&mut *place)
    }
}

/// A handle.
///
/// # Safety
/// The pointer is null or came from this library.
pub unsafe fn reference<'a, T>(handle: *const T, name: &str) -> Result<&'a T, Failure> {
    // SAFETY: as the caller promises.
    unsafe { handle.as_ref() }.ok_or_else(|| null(name))
}

/// A string.
///
/// # Safety
/// The pointer is null or points to a string that ends with 0.
pub unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str, Failure> {
    if text.is_null() {
        return Err(null(name));
    }
    // SAFETY: as the caller promises.
    let text = unsafe { CStr::from_ptr(text) };
    text.to_str().map_err(|_| Failure::argument(format!("{name} is not UTF-8")))
}

/// A path.
///
/// # Safety
/// As [`text`].
pub unsafe fn path(path: *const c_char) -> Result<PathBuf, Failure> {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        if path.is_null() {
            return Err(null("path"));
        }
        // SAFETY: as the caller promises.
        let bytes = unsafe { CStr::from_ptr(path) }.to_bytes();
        Ok(std::ffi::OsStr::from_bytes(bytes).into())
    }
    // SAFETY: as the caller promises.
    #[cfg(not(unix))]
    unsafe { text(path, "path") }.map(PathBuf::from)
}

/// How values are stored.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    U8,
    U16,
    F32,
}

impl Kind {
    /// By its number in `aand.h`.
    pub fn of(number: c_int) -> Result<Self, Failure> {
        match number {
            0 => Ok(Self::U8),
            1 => Ok(Self::U16),
            2 => Ok(Self::F32),
            other => Err(Failure::argument(format!("kind {other}: must be AAND_U8, AAND_U16 or AAND_F32"))),
        }
    }

    fn bytes(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U16 => 2,
            Self::F32 => 4,
        }
    }
}

/// A picture's values, row after row.
#[derive(Debug)]
pub enum Rows {
    U8(Vec<u8>),
    U16(Vec<u16>),
    F32(Vec<f32>),
}

impl Rows {
    pub fn as_pixels(&self) -> Pixels<'_> {
        match self {
            Self::U8(values) => Pixels::U8(values),
            Self::U16(values) => Pixels::U16(values),
            Self::F32(values) => Pixels::F32(values),
        }
    }
}

/// Pixels in the caller's memory, copied: rows may lie apart, and values need not be aligned.
///
/// # Safety
/// The pointer is null or `bytes` may be read there.
pub unsafe fn pixels(
    memory: *const u8,
    bytes: usize,
    [width, height, channels]: [usize; 3],
    stride: usize,
    kind: Kind,
) -> Result<Rows, Failure> {
    if memory.is_null() {
        return Err(null("pixels"));
    }
    let wrong = |reason: &str| {
        Failure::argument(format!(
            "{width} x {height} pixels of {channels} channels, {stride} bytes from row to row: {reason}"
        ))
    };
    if width == 0 || height == 0 || !(1..=4).contains(&channels) || bytes > isize::MAX as usize {
        return Err(wrong("must have 1 pixel or more, and 1 to 4 channels"));
    }
    let row = width.checked_mul(channels).and_then(|values| values.checked_mul(kind.bytes()));
    let row = row.ok_or_else(|| wrong("are too many"))?;
    let stride = if stride == 0 { row } else { stride };
    if stride < row {
        return Err(wrong("rows are longer than that"));
    }
    let needed = stride.checked_mul(height - 1).and_then(|before| before.checked_add(row));
    if needed.is_none_or(|needed| needed > bytes) {
        return Err(wrong(&format!("do not fit in the {bytes} bytes there are")));
    }
    // SAFETY: as the caller promises.
    let memory = unsafe { std::slice::from_raw_parts(memory, bytes) };
    let rows = memory.chunks(stride).take(height).flat_map(|line| &line[..row]);
    Ok(match kind {
        Kind::U8 => Rows::U8(rows.copied().collect()),
        Kind::U16 => Rows::U16(values(rows, u16::from_ne_bytes)),
        Kind::F32 => Rows::F32(values(rows, f32::from_ne_bytes)),
    })
}

fn values<'a, T, const N: usize>(bytes: impl Iterator<Item = &'a u8>, of: fn([u8; N]) -> T) -> Vec<T> {
    let bytes: Vec<u8> = bytes.copied().collect();
    bytes.as_chunks().0.iter().map(|&bytes| of(bytes)).collect()
}
