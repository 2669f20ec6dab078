//! From a request's bytes to what the network takes.

use super::failure::Failure;
use super::limits::{Budget, Share};
use crate::Error;
use crate::model::Info;
use crate::picture::{Picture, Seen, Size, decode_within};
use std::path::Path;
use std::time::Instant;

/// A picture as a client gives it.
#[derive(Debug)]
pub enum Given {
    /// The bytes of a file.
    Encoded(Vec<u8>),
    /// Its pixels.
    Pixels(Picture),
}

/// A picture as the model looks at it.
#[derive(Debug)]
pub struct Ready {
    /// Of the network's size, or the whole of it for tiles.
    pub seen: Seen<'static>,
    /// Milliseconds it took.
    pub ms: f64,
    /// Memory of a picture that waits as a whole.
    _share: Share,
}

/// Decodes and resizes a picture of at most `most` pixels; as `aand detect` does, to the bit.
///
/// # Errors
/// It is no picture, too large, or does not suit the model's region.
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
