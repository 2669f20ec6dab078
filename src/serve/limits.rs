//! How much of everything a service takes on, so that no client can take it from the others.

use super::failure::Failure;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How much of everything.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Bytes of a request's body.
    pub body: usize,
    /// Bytes of all bodies, and of pictures that wait, together.
    pub memory: usize,
    /// Pixels of a picture.
    pub pixels: u64,
    /// Pictures that are decoded, wait or are computed.
    pub queue: usize,
    /// Pictures that are computed at once.
    pub batch: usize,
    /// How long a picture waits for others that are being decoded, to be computed with them.
    pub wait: Duration,
    /// Open connections; further ones wait until one closes.
    pub connections: usize,
    /// How long a client may be silent while it sends or receives; ten times as long a request's body may take.
    pub patience: Duration,
    /// Threads that decode pictures and draw heat maps.
    pub decoders: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            body: 64 << 20,
            memory: 1 << 30,
            pixels: 50_000_000,
            queue: 64,
            batch: 8,
            wait: Duration::from_millis(2),
            connections: 512,
            patience: Duration::from_secs(30),
            decoders: cores.clamp(2, 8),
        }
    }
}

/// Memory that all requests share, in KiB.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

/// A share of it, which goes back when it is dropped.
#[derive(Debug, Default)]
pub struct Share(Option<OwnedSemaphorePermit>);

impl Budget {
    /// So many bytes in all.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes >> 10).clamp(1, Semaphore::MAX_PERMITS))))
    }

    /// Takes `bytes` more.
    ///
    /// # Errors
    /// Others have them: to be tried again later.
    pub fn add(&self, share: &mut Share, bytes: usize) -> Result<(), Failure> {
        let pages = u32::try_from(bytes.div_ceil(1 << 10)).unwrap_or(u32::MAX);
        let more = Arc::clone(&self.0).try_acquire_many_owned(pages);
        let more = more.map_err(|_| Failure::busy("all memory for pictures is in use; try again later"))?;
        match &mut share.0 {
            Some(permit) => permit.merge(more),
            None => share.0 = Some(more),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back() {
        let budget = Budget::new(4 << 10);
        let mut one = Share::default();
        budget.add(&mut one, 1).unwrap();
        budget.add(&mut one, 3 << 10).unwrap();
        assert_eq!(budget.add(&mut Share::default(), 1).unwrap_err().status, 429);
        drop(one);
        budget.add(&mut Share::default(), 4 << 10).unwrap();
    }
}
