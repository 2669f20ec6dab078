//! A picture whose verdict somebody corrected.

use crate::hash::sha256_of;
use crate::model::{Correction, Info};
use crate::picture::{Details, Seen, Size, decode_ranged};
use crate::{Error, Result};
use std::path::Path;

/// A picture with which somebody corrects the model.
#[derive(Clone, Debug)]
pub struct Corrected {
    /// As the model sees it.
    pub seen: Seen<'static>,
    /// Its name, and the hash by which it is recognized when it is given again.
    pub correction: Correction,
}

impl Corrected {
    /// From the bytes of a picture's file, for the model that `info` describes. The correction has only the file's
    /// name; the whole `path` is for messages. Also returns how the picture is stored.
    ///
    /// # Errors
    /// The bytes are not a picture, are damaged or too large, or the picture does not fit the model's view.
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
