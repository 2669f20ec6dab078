//! Trainings as they change, over server-sent events. Every event lists all trainings, at first and after each change,
//! so that a client that connects or reconnects knows everything.

use super::failure::{Failure, Outcome};
use super::jobs::Jobs;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{Stream, unfold};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};

/// A stream that has sent nothing for this long sends a sign of life.
const PERIOD: Duration = Duration::from_secs(10);

/// Changes that come faster than this are sent together.
const PAUSE: Duration = Duration::from_millis(150);

/// After this time a browser may reconnect.
const RETRY: Duration = Duration::from_secs(2);

/// The state of a stream.
struct Told {
    jobs: Arc<Jobs>,
    changes: watch::Receiver<u64>,
    next: Next,
    /// Its place among the listeners.
    _place: OwnedSemaphorePermit,
}

/// What is sent next.
#[derive(PartialEq)]
enum Next {
    /// All trainings, at once.
    First,
    /// All trainings, after a change.
    Change,
    /// That nothing more will come.
    End,
    /// Nothing.
    Nothing,
}

/// A stream of trainings, until the service ends and the training in progress is saved.
///
/// # Errors
/// There are too many listeners.
pub fn events(jobs: Arc<Jobs>) -> Outcome<Sse<impl Stream<Item = Result<Event, Infallible>>>> {
    let place = Arc::clone(&jobs.listeners).try_acquire_owned();
    let place = place.map_err(|_| Failure::busy("too many pages listen already; close some"))?;
    let told = Told { changes: jobs.watch(), jobs, next: Next::First, _place: place };
    Ok(Sse::new(unfold(told, |mut told| async move {
        let event = told.next().await?;
        Some((Ok(event), told))
    })))
}

impl Told {
    async fn next(&mut self) -> Option<Event> {
        match self.next {
            Next::Nothing => return None,
            Next::End => {
                self.next = Next::Nothing;
                return Some(Event::default().event("end").data("{}"));
            }
            Next::First => {}
            Next::Change => match timeout(PERIOD, self.changes.changed()).await {
                Ok(Ok(())) => sleep(PAUSE).await,
                Ok(Err(_)) => return None,
                Err(_) => return Some(Event::default().comment("")),
            },
        }
        // Marked as seen before it is read: later changes are sent the next time.
        let version = *self.changes.borrow_and_update();
        // A training that is still computing has one more state to send.
        self.next = if self.jobs.has_ended() { Next::End } else { Next::Change };
        let list = serde_json::to_string(&self.jobs.list()).ok()?;
        Some(Event::default().event("jobs").id(version.to_string()).retry(RETRY).data(list))
    }
}
