//! A picture as Python hands it over: a path, a file's bytes, or an array's bytes with its shape.

use aand::picture::{Picture, Pixels, Range, Size, decode_ranged, from_pixels, open_ranged};
use aand::{Error, Result};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use std::path::{Path, PathBuf};

/// Where a picture is.
#[derive(FromPyObject)]
pub enum Source {
    /// The bytes of an array in the machine's byte order, `uint8`, `uint16` or `float32`, and its height, width and
    /// channels.
    Array(PyBackedBytes, String, usize, usize, usize),
    /// The bytes of a file. Before the path, which Python takes from bytes as well.
    Encoded(PyBackedBytes),
    /// A file.
    File(PathBuf),
}

impl Source {
    /// The picture, 8 bits of red, green and blue; it is read with the model's `range`.
    ///
    /// # Errors
    /// The file or the array is no picture.
    pub fn open(&self, range: Option<Range>) -> Result<Picture> {
        let (bytes, kind, size, channels) = match self {
            Self::File(path) => return Ok(open_ranged(path, range)?.0),
            Self::Encoded(bytes) => return Ok(decode_ranged(bytes, Path::new("the bytes given"), range)?.0),
            Self::Array(bytes, kind, height, width, channels) => {
                (&bytes[..], kind, Size::new(*width, *height), *channels)
            }
        };
        match kind.as_str() {
            "uint8" => from_pixels(Pixels::U8(bytes), size, channels, range),
            "uint16" => {
                let values: Vec<u16> =
                    bytes.as_chunks().0.iter().map(|&value| u16::from_ne_bytes(value)).collect();
                from_pixels(Pixels::U16(&values), size, channels, range)
            }
            "float32" => {
                let values: Vec<f32> =
                    bytes.as_chunks().0.iter().map(|&value| f32::from_ne_bytes(value)).collect();
                from_pixels(Pixels::F32(&values), size, channels, range)
            }
            other => Err(Error::Setting(format!("an array of {other}: must be uint8, uint16 or float32"))),
        }
    }

    /// An error of this picture, with its name.
    pub fn named(&self, error: Error) -> Error {
        match (self, error) {
            (Self::File(path), Error::Device(reason)) => Error::picture(path, reason),
            (_, error) => error,
        }
    }
}
