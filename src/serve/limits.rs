//! The limits of a service, so that no client can starve the others.

use super::failure::Failure;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The limits of a service.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The most bytes of a request's body.
    pub body: usize,
    /// The most bytes of all bodies and waiting pictures together; at least as many as one request may need.
    pub memory: usize,
    /// The most pixels of a picture.
    pub pixels: u64,
    /// The most pictures being decoded, waiting or being computed.
    pub queue: usize,
    /// The most pictures computed at once.
    pub batch: usize,
    /// How long a picture waits for others still being decoded, to be computed together with them.
    pub wait: Duration,
    /// The most open connections; others wait until one closes.
    pub connections: usize,
    /// How long a client may be silent while it sends or receives; the whole body of a request may take ten
    /// times as long.
    pub patience: Duration,
    /// Threads that decode pictures and draw heat maps.
    pub decoders: usize,
    /// The most good pictures of a training that the page requests.
    pub training_pictures: usize,
    /// The most bytes of the good pictures of all such trainings that have not ended.
    pub training_bytes: u64,
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
            training_pictures: 5000,
            training_bytes: 8 << 30,
        }
    }
}

/// Bytes of a page, the unit in which memory is counted.
const PAGE: usize = 1 << 10;

/// Memory that all requests share, in pages.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Semaphore>);

/// A share of the budget, returned when it is dropped.
#[derive(Debug, Default)]
pub struct Share(Option<OwnedSemaphorePermit>);

impl Budget {
    /// As large as `limits` say, but at least enough for the largest body and the largest picture together; otherwise
    /// such a request would be told to come back later forever.
    pub fn new(limits: &Limits) -> Self {
        let picture = usize::try_from(limits.pixels.saturating_mul(3)).unwrap_or(usize::MAX);
        let pages = limits.body.div_ceil(PAGE).saturating_add(picture.div_ceil(PAGE));
        let pages = pages.max(limits.memory / PAGE);
        Self(Arc::new(Semaphore::new(pages.min(Semaphore::MAX_PERMITS))))
    }

    /// Grows the share to `bytes` in total, if it is not larger already. Takes the total instead of the increase, since
    /// a body may come in pieces of one byte.
    ///
    /// # Errors
    /// Others hold the memory: try again later.
    pub fn hold(&self, share: &mut Share, bytes: usize) -> Result<(), Failure> {
        let held = share.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let pages = u32::try_from(bytes.div_ceil(PAGE).saturating_sub(held)).unwrap_or(u32::MAX);
        if pages == 0 {
            return Ok(());
        }
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

    fn budget(memory: usize, body: usize, pixels: u64) -> Budget {
        Budget::new(&Limits { memory, body, pixels, ..Limits::default() })
    }

    #[test]
    fn memory_is_given_back() {
        let budget = budget(4 << 10, 0, 0);
        let mut one = Share::default();
        budget.hold(&mut one, 1).unwrap();
        budget.hold(&mut one, 4 << 10).unwrap();
        assert_eq!(budget.hold(&mut Share::default(), 1).unwrap_err().status, 429);
        drop(one);
        budget.hold(&mut Share::default(), 4 << 10).unwrap();
    }

    #[test]
    fn bytes_that_come_one_by_one_take_no_more_than_at_once() {
        let budget = budget(2 << 10, 0, 0);
        let mut share = Share::default();
        (1..=1 << 10).for_each(|bytes| budget.hold(&mut share, bytes).unwrap());
        budget.hold(&mut Share::default(), 1 << 10).unwrap();
    }

    #[test]
    fn a_body_and_the_picture_in_it_always_have_room() {
        let budget = budget(1, 1025, 1);
        let (mut body, mut picture) = (Share::default(), Share::default());
        budget.hold(&mut body, 1025).unwrap();
        budget.hold(&mut picture, 3).unwrap();
        assert_eq!(budget.hold(&mut picture, 1025).unwrap_err().status, 429);
    }
}
