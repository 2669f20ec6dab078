//! Prepares a request's pictures for the network.

use super::failure::Failure;
use super::limits::{Budget, Share};
use crate::Error;
use crate::model::Info;
use crate::picture::{Picture, Seen, Size, decode_within};
use std::path::Path;
use std::time::Instant;

/// A picture as a client sends it.
#[derive(Debug)]
pub enum Given {
    /// The bytes of a file.
    Encoded(Vec<u8>),
    /// Its pixels.
    Pixels(Picture),
}

/// A picture as the model sees it.
#[derive(Debug)]
pub struct Ready {
    /// At the network's size, or the whole picture for tiles.
    pub seen: Seen<'static>,
    /// Milliseconds that this took.
    pub ms: f64,
    /// The share of memory of a picture that waits as a whole.
    _share: Share,
}

/// Decodes and resizes a picture of at most `most` pixels, exactly as `aand detect` does.
///
/// # Errors
/// It is not a picture, is too large, or does not fit the model's region.
pub fn ready(given: Given, info: &Info, most: u64, budget: &Budget) -> Result<Ready, Failure> {
    let started = Instant::now();
    let name = Path::new("the picture sent");
    let native = match given {
        Given::Encoded(bytes) => decode_within(most, &bytes, name, info.range)?.0,
        Given::Pixels(picture) => picture,
    };
    if let Some(reason) = info.view.misfit(Size::of(&native)) {
        return Err(Error::Setting(reason).into());
    }
    let mut share = Share::default();
    if info.view.tiles.is_some() {
        budget.hold(&mut share, native.as_raw().len())?;
    }
    let seen = info.view.see(&native, info.size).owned();
    Ok(Ready { seen, ms: started.elapsed().as_secs_f64() * 1e3, _share: share })
}
