//! Prepares data on another thread, a little ahead of the training step.

use crate::Result;

/// The most batches that wait to be trained on.
#[cfg(not(target_arch = "wasm32"))]
const AHEAD: usize = 2;

/// Makes items `0..count` with `make` on another thread, in order, and passes each to `consume` on this one.
///
/// # Errors
/// The first error of `consume`; making then stops too.
#[cfg(not(target_arch = "wasm32"))]
pub fn prefetch<T: Send>(
    items: std::ops::Range<usize>,
    make: impl Fn(usize) -> T + Sync,
    consume: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    prefetch_few(AHEAD, items, make, consume)
}

/// As [`prefetch`], for items so large that only `ahead` of them may wait, besides the one being made.
///
/// # Errors
/// The first error of `consume`.
#[cfg(not(target_arch = "wasm32"))]
pub fn prefetch_few<T: Send>(
    ahead: usize,
    items: std::ops::Range<usize>,
    make: impl Fn(usize) -> T + Sync,
    mut consume: impl FnMut(usize, T) -> Result<()>,
) -> Result<()> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(ahead);
    std::thread::scope(|scope| {
        let (make, range) = (&make, items.clone());
        scope.spawn(move || range.map(make).try_for_each(|item| sender.send(item)).ok());
        // Moved in, so that an early return drops it and the maker stops.
        let receiver = receiver;
        items.zip(receiver.iter()).try_for_each(|(i, item)| consume(i, item))
    })
}

/// As `prefetch`, for work that must be awaited; the calling thread may block.
///
/// # Errors
/// The first error of `consume`.
#[cfg(not(target_arch = "wasm32"))]
pub async fn prefetch_async<T: Send>(
    items: std::ops::Range<usize>,
    make: impl Fn(usize) -> T + Sync,
    mut consume: impl AsyncFnMut(usize, T) -> Result<()>,
) -> Result<()> {
    prefetch(items, make, |i, item| burn::tensor::read_sync(consume(i, item)))
}

/// As the native one, but on this thread: a browser's worker has only one. Work that `consume` submitted to a GPU
/// is computed while the next item is made.
///
/// # Errors
/// The first error of `consume`.
#[cfg(target_arch = "wasm32")]
pub async fn prefetch_async<T>(
    items: std::ops::Range<usize>,
    make: impl Fn(usize) -> T,
    mut consume: impl AsyncFnMut(usize, T) -> Result<()>,
) -> Result<()> {
    for i in items {
        consume(i, make(i)).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn items_come_in_order_and_an_error_ends_it() {
        let mut seen = Vec::new();
        let result = prefetch(
            3..100,
            |i| i * i,
            |i, item| {
                seen.push((i, item));
                if i == 7 { Err(Error::Training("stop".into())) } else { Ok(()) }
            },
        );
        assert!(result.is_err());
        assert_eq!(seen, [(3, 9), (4, 16), (5, 25), (6, 36), (7, 49)]);
    }
}
