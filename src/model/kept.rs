//! Good pictures kept in a model file, so that it can be refined without forgetting them (docs/refine.md).
//!
//! They are stored as the 8-bit pixels that the network receives, losslessly compressed: the teacher is frozen, so its
//! features can be recomputed exactly, and about ten times as many pictures fit as features in f16 would. In the file:
//!
//! ```text
//! kept.pictures     U8  [bytes]      the PNG of each, one after the other
//! kept.index        U32 [n, 4]       bytes of its PNG; width and height of the picture itself; 1 if it was learned from
//! kept.embeddings   F32 [m, C]       embeddings of pictures that are usual (crate::embedding), C = C_1 + C_2 + C_3
//! ```

use super::Info;
use super::file::{check_shape, numbers};
use crate::picture::{Picture, Seen, Size};
use crate::{Error, Result};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageFormat, ImageReader};
use safetensors::Dtype;
use std::borrow::Cow;
use std::io::Cursor;
use std::path::Path;

/// The most bytes that the pictures take in a file.
pub const MOST_KEPT_BYTES: usize = 10_000_000;

/// The most pictures that are kept, and the most embeddings.
pub const MOST_KEPT: usize = 256;

/// After this many pictures that did not fit, no more are tried.
const MOST_TOO_LARGE: usize = 3;

/// The most bytes of all kept pictures when decoded.
const MOST_DECODED: usize = 1 << 29;

const PICTURES: &str = "kept.pictures";
const INDEX: &str = "kept.index";
const EMBEDDINGS: &str = "kept.embeddings";

/// How many numbers the index has for each picture.
const COLUMNS: usize = 4;

/// A good picture that a model keeps.
#[derive(Clone, Debug)]
pub struct KeptPicture {
    /// As the model sees it: at the network's size, or the picture itself if it is looked at in tiles.
    pub seen: Seen<'static>,
    /// Whether the student learned from it. The others show how high good pictures score that it has not seen.
    pub learned: bool,
}

/// The good pictures that a model keeps. Empty for older files, or if the training was told to keep none.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The pictures, the most central one first.
    pub pictures: Vec<KeptPicture>,
    /// Embeddings of good pictures, more than are kept, to know the usual distances.
    pub embeddings: Vec<Vec<f32>>,
    /// How many bytes the pictures take in the file.
    bytes: usize,
}

/// A tensor as it is stored.
pub(super) struct Raw<'a> {
    pub kind: Dtype,
    pub shape: Vec<usize>,
    pub bytes: Cow<'a, [u8]>,
}

/// A model file whose tensors can be read in their stored form.
pub(super) trait RawSource {
    /// The tensor `name`, if there is one.
    fn raw(&self, name: &str) -> Result<Option<Raw<'_>>>;
}

/// A tensor to be stored.
pub(super) type StoredTensor = (&'static str, Dtype, Vec<usize>, Vec<u8>);

impl Kept {
    /// Adds the first candidates, at most `most`, with which the file does not become too large.
    ///
    /// # Errors
    /// A picture cannot be encoded.
    pub fn fill(&mut self, candidates: impl IntoIterator<Item = KeptPicture>, most: usize) -> Result<()> {
        let (mut left, mut too_large) = (most, 0);
        for picture in candidates {
            // If one picture is larger than the others, some may still fit; if the file is full, none does.
            if left == 0 || too_large == MOST_TOO_LARGE {
                break;
            }
            match self.add(picture)? {
                true => left -= 1,
                false => too_large += 1,
            }
        }
        Ok(())
    }

    /// Adds a picture unless the file would become too large; returns whether it was added.
    fn add(&mut self, picture: KeptPicture) -> Result<bool> {
        let length = encode(&picture.seen.picture)?.len();
        let decoded = |seen: &Seen| 3 * Size::of(&seen.picture).area();
        let all: usize = self.pictures.iter().map(|kept| decoded(&kept.seen)).sum();
        let fits = self.pictures.len() < MOST_KEPT
            && self.bytes + length <= MOST_KEPT_BYTES
            && all + decoded(&picture.seen) <= MOST_DECODED;
        if fits {
            self.bytes += length;
            self.pictures.push(picture);
        }
        Ok(fits)
    }

    /// Whether nothing is kept.
    pub fn is_empty(&self) -> bool {
        self.pictures.is_empty() && self.embeddings.is_empty()
    }

    /// The tensors of the file.
    pub(super) fn parts(&self) -> Result<Vec<StoredTensor>> {
        let mut parts = Vec::new();
        if !self.pictures.is_empty() {
            let (mut pictures, mut index) = (Vec::new(), Vec::new());
            for KeptPicture { seen, learned } in &self.pictures {
                let png = encode(&seen.picture)?;
                for number in [png.len(), seen.native.width, seen.native.height, usize::from(*learned)] {
                    index.extend((number as u32).to_le_bytes());
                }
                pictures.extend(png);
            }
            parts.push((PICTURES, Dtype::U8, vec![pictures.len()], pictures));
            parts.push((INDEX, Dtype::U32, vec![self.pictures.len(), COLUMNS], index));
        }
        if let Some(first) = self.embeddings.first() {
            let bytes = self.embeddings.iter().flatten().flat_map(|v| v.to_le_bytes()).collect();
            parts.push((EMBEDDINGS, Dtype::F32, vec![self.embeddings.len(), first.len()], bytes));
        }
        Ok(parts)
    }

    /// From the tensors of a file; `name` is for messages.
    pub(super) fn read(source: &dyn RawSource, info: &Info, name: &Path) -> Result<Self> {
        let (pictures, bytes) = pictures(source, info, name)?;
        Ok(Self { pictures, embeddings: embeddings(source, info, name)?, bytes })
    }
}

fn encode(picture: &Picture) -> Result<Vec<u8>> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive);
    let (width, height) = picture.dimensions();
    let written = encoder.write_image(picture.as_raw(), width, height, ExtendedColorType::Rgb8);
    written.map_err(|e| Error::Setting(format!("cannot encode a picture to keep: {e}")))?;
    Ok(png)
}

fn damaged(name: &Path, what: &str) -> Error {
    Error::model(name, format!("its kept pictures are damaged ({what}); train or copy the model again"))
}

/// The pictures, and how many bytes they take in the file.
fn pictures(source: &dyn RawSource, info: &Info, name: &Path) -> Result<(Vec<KeptPicture>, usize)> {
    let damaged = |what: &str| damaged(name, what);
    let (data, index) = match (source.raw(PICTURES)?, source.raw(INDEX)?) {
        (None, None) => return Ok((Vec::new(), 0)),
        (Some(data), Some(index)) => (data, index),
        _ => return Err(damaged("a part is missing")),
    };
    let count = *index.shape.first().unwrap_or(&0);
    if data.kind != Dtype::U8 || index.kind != Dtype::U32 || index.shape.as_slice() != [count, COLUMNS] {
        return Err(damaged("of another kind"));
    }
    if count > MOST_KEPT || data.bytes.len() > MOST_KEPT_BYTES {
        return Err(damaged("more than there can be"));
    }
    let numbers: Vec<usize> =
        index.bytes.as_chunks::<4>().0.iter().map(|b| u32::from_le_bytes(*b) as usize).collect();
    let (mut found, mut rest, mut decoded) = (Vec::with_capacity(count), &data.bytes[..], 0_usize);
    for row in numbers.as_chunks::<COLUMNS>().0 {
        let &[length, width, height, learned] = row;
        let native = Size::new(width, height);
        let size = if info.view.tiles.is_some() { native } else { info.size };
        decoded = decoded.saturating_add(size.width.saturating_mul(size.height).saturating_mul(3));
        let possible = learned <= 1 && width > 0 && height > 0 && length <= rest.len();
        if !possible || decoded > MOST_DECODED || info.view.misfit(native).is_some() {
            return Err(damaged("impossible numbers"));
        }
        let (png, others) = rest.split_at(length);
        rest = others;
        // The PNG's own size is checked first, so that nothing larger than stated is decoded.
        let reader = || ImageReader::with_format(Cursor::new(png), ImageFormat::Png);
        if reader().into_dimensions().ok() != Some(size.pixels()) {
            return Err(damaged("a picture of another size"));
        }
        let picture = reader().decode().map_err(|_| damaged("no picture"))?.into_rgb8();
        let seen = Seen { picture: Cow::Owned(picture), native };
        found.push(KeptPicture { seen, learned: learned == 1 });
    }
    if rest.is_empty() { Ok((found, data.bytes.len())) } else { Err(damaged("bytes are left over")) }
}

/// Only the embeddings.
pub(super) fn embeddings(source: &dyn RawSource, info: &Info, name: &Path) -> Result<Vec<Vec<f32>>> {
    let Some(stored) = source.raw(EMBEDDINGS)? else { return Ok(Vec::new()) };
    let (count, length) = (*stored.shape.first().unwrap_or(&0), info.backbone.channels().iter().sum());
    if count > MOST_KEPT {
        return Err(damaged(name, "more than there can be"));
    }
    check_shape(name, EMBEDDINGS, &stored.shape, &[count, length])?;
    let values =
        numbers(stored.kind, &stored.bytes, EMBEDDINGS).map_err(|reason| Error::model(name, reason))?;
    Ok(values.chunks_exact(length).map(<[f32]>::to_vec).collect())
}

#[cfg(test)]
mod tests;
