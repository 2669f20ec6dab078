//! A picture that somebody said the truth of.

use crate::hash::sha256_of;
use crate::model::{Correction, Info};
use crate::picture::{Details, Seen, Size, decode_ranged};
use crate::{Error, Result};
use std::path::Path;

/// A picture that somebody corrected the model by.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// As the model looks at it.
    pub seen: Seen<'static>,
    /// Its name, and the hash by which it is known when it is given again.
    pub correction: Correction,
}

impl Corrected {
    /// Of the bytes of a picture's file for the model that `info` describes; the correction has the file's name only, the
    /// whole `path` is for messages. With it comes how the picture's values are stored.
    ///
    /// # Errors
    /// The bytes are no picture, damaged, too large, or do not fit how the model looks at pictures.
    pub fn read(bytes: &[u8], path: &Path, info: &Info) -> Result<(Self, Details)> {
        let (picture, details) = decode_ranged(bytes, path, info.range)?;
        if let Some(reason) = info.view.misfit(Size::of(&picture)) {
            return Err(Error::picture(path, reason));
        }
        let seen = info.view.see(&picture, info.size).owned();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let correction = Correction { name, sha256: sha256_of(bytes) };
        Ok((Self { seen, correction }, details))
    }
}
