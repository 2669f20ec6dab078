//! The queue of the one thread that computes: pictures that arrive while a batch is computed form the next batch.

use super::failure::{Failure, Outcome};
use super::metrics::Metrics;
use super::model::Loaded;
use super::picture::Ready;
use crate::detection::Detection;
use crate::picture::{ScoreMap, Seen, Size};
use crate::{Error, Result};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The result for a picture: what was found, and its share of the milliseconds of its batch.
pub type Found = Result<(Detection, f64)>;

/// A picture that waits.
struct Job {
    model: Arc<Loaded>,
    ready: Ready,
    reply: oneshot::Sender<Found>,
    place: Place,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    closed: bool,
}

/// The queue.
pub struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    /// Number of pictures being decoded, waiting or being computed.
    taken: Arc<AtomicUsize>,
    most: usize,
}

/// A place in the queue, from before a picture is decoded until it is answered.
#[derive(Debug)]
pub struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Queue {
    /// A queue for at most `most` pictures.
    pub fn new(most: usize) -> Self {
        Self { waiting: Mutex::default(), changed: Condvar::new(), taken: Arc::default(), most }
    }

    /// Number of pictures being decoded, waiting or being computed.
    pub fn taken(&self) -> usize {
        self.taken.load(Ordering::SeqCst)
    }

    /// Takes places for the pictures of a request, all or none.
    ///
    /// # Errors
    /// There are never that many places, or not at the moment.
    pub fn enter(&self, pictures: usize) -> Outcome<Vec<Place>> {
        let most = self.most;
        fits(pictures, most)?;
        let more = |taken: usize| (taken + pictures <= most).then_some(taken + pictures);
        let entered = self.taken.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
        entered
            .map_err(|_| Failure::busy(format!("{most} pictures are waiting already; try again later")))?;
        Ok((0..pictures).map(|_| Place(Arc::clone(&self.taken))).collect())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a picture to the queue; its result arrives through the returned receiver.
    pub fn push(&self, model: Arc<Loaded>, ready: Ready, place: Place) -> oneshot::Receiver<Found> {
        let (reply, found) = oneshot::channel();
        self.lock().jobs.push_back(Job { model, ready, reply, place });
        self.changed.notify_all();
        found
    }

    /// Closes the queue to new pictures; waiting ones are still computed.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Computes until the queue is closed and empty: at most `batch` pictures at once, waiting at most `wait` for those
    /// that are being decoded.
    pub fn work(&self, batch: usize, wait: Duration, metrics: &Metrics) {
        while let Some(jobs) = self.next(batch, wait) {
            metrics.batch(jobs.len());
            let started = Instant::now();
            compute(jobs);
            metrics.computed(started.elapsed());
        }
    }

    /// The next batch, all for the same model; none once the queue is closed and empty.
    fn next(&self, batch: usize, wait: Duration) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        let mut until = None;
        loop {
            // Pictures whose client has disconnected are dropped.
            waiting.jobs.retain(|job| !job.reply.is_closed());
            let Some(first) = waiting.jobs.front() else {
                if waiting.closed {
                    return None;
                }
                until = None;
                waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let same = |job: &Job| Arc::ptr_eq(&job.model, &first.model);
            let count = waiting.jobs.iter().filter(|job| same(job)).count();
            let left =
                until.get_or_insert_with(|| Instant::now() + wait).saturating_duration_since(Instant::now());
            // No other picture is being decoded: waiting would only cost time.
            let alone = self.taken() <= waiting.jobs.len();
            if count >= batch || alone || left.is_zero() || waiting.closed {
                let model = Arc::clone(&first.model);
                let (mut taken, mut kept) = (Vec::new(), VecDeque::new());
                for job in waiting.jobs.drain(..) {
                    match taken.len() < batch && Arc::ptr_eq(&job.model, &model) {
                        true => taken.push(job),
                        false => kept.push_back(job),
                    }
                }
                waiting.jobs = kept;
                return Some(taken);
            }
            let woken = self.changed.wait_timeout(waiting, left);
            waiting = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Checks that a request does not have more pictures than the queue has places, `most`.
///
/// # Errors
/// It has more.
pub fn fits(pictures: usize, most: usize) -> Outcome<()> {
    match pictures <= most {
        true => Ok(()),
        false => Err(Failure::large(format!(
            "{pictures} pictures in a request: at most {most} are taken (--queue)"
        ))),
    }
}

/// Computes a batch. If the batch fails, its pictures are tried one by one, so that none makes others fail.
fn compute(jobs: Vec<Job>) {
    let Some(first) = jobs.first() else { return };
    let model = Arc::clone(&first.model);
    let seen: Vec<Seen<'_>> = jobs.iter().map(|job| job.ready.seen.borrowed()).collect();
    let found = look(&model, &seen);
    drop(seen);
    let found = match found {
        Ok(found) => found,
        Err(error) if jobs.len() == 1 => vec![Err(error)],
        Err(_) => jobs
            .iter()
            .map(|job| look(&model, &[job.ready.seen.borrowed()])?.pop().unwrap_or_else(|| Err(missing())))
            .collect(),
    };
    for (Job { ready, reply, place, .. }, found) in jobs.into_iter().zip(found) {
        // Dropped first, so that a client that receives the answer finds a place and memory for its next
        // picture.
        drop((ready, place));
        // The client may have disconnected.
        let _ = reply.send(found);
    }
}

fn missing() -> Error {
    Error::Device("a map is missing".into())
}

/// What the model finds in pictures.
fn look(model: &Loaded, seen: &[Seen<'_>]) -> Result<Vec<Found>> {
    let detector = &model.detector;
    let natives: Vec<Size> = seen.iter().map(|seen| seen.native).collect();
    let maps = || pollster::block_on(detector.look(seen, &mut |_, _| {}));
    found(&natives, maps, |map, native| detector.judge(map, native))
}

/// What is found in the maps of pictures with these sizes. A panic in one batch must not end the thread that computes
/// everything, or nobody would be answered any more.
fn found(
    natives: &[Size],
    maps: impl FnOnce() -> Result<Vec<ScoreMap>>,
    judge: impl Fn(ScoreMap, Size) -> Result<Detection>,
) -> Result<Vec<Found>> {
    let started = Instant::now();
    let whole = || {
        let maps = maps()?;
        if maps.len() != natives.len() {
            return Err(missing());
        }
        let share = started.elapsed().as_secs_f64() * 1e3 / natives.len().max(1) as f64;
        let judge = |(map, &native)| judge(map, native).map(|found| (found, share));
        Ok(maps.into_iter().zip(natives).map(judge).collect())
    };
    let failed = |_| Err(Error::Device("the computation failed; this is a fault of aand".into()));
    catch_unwind(AssertUnwindSafe(whole)).unwrap_or_else(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_in_a_map_or_its_verdict_is_an_answer() {
        let map = || ScoreMap { width: 1, height: 1, data: vec![0.0] };
        let size = [Size::square(1)];
        let judge = |map, _: Size| crate::detection::judge(map, 0.0, 1.0);
        assert!(found(&size, || Ok(vec![map()]), judge).unwrap()[0].is_ok());
        let faults = [
            found(&size, || panic!("a made fault"), judge),
            found(&size, || Ok(vec![map()]), |_, _| panic!("a made fault")),
        ];
        for fault in faults {
            assert!(fault.unwrap_err().to_string().contains("a fault of aand"));
        }
        assert!(found(&size, || Ok(Vec::new()), judge).unwrap_err().to_string().contains("missing"));
    }

    #[test]
    fn places_are_all_or_none_and_come_back() {
        let queue = Queue::new(3);
        let two = queue.enter(2).unwrap();
        assert_eq!(queue.enter(2).unwrap_err().status, 429);
        let one = queue.enter(1).unwrap();
        assert_eq!((queue.taken(), queue.enter(1).unwrap_err().status.as_u16()), (3, 429));
        drop(two);
        assert_eq!((queue.taken(), queue.enter(4).unwrap_err().status.as_u16()), (1, 413));
        drop(one);
        assert_eq!(queue.enter(3).unwrap().len(), 3);
    }
}
