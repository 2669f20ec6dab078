//! Trainings as they change, over server-sent events: all of them at first and after each change, so that whoever comes
//! anew or comes back knows everything.

use super::failure::{Failure, Outcome};
use super::jobs::Jobs;
use axum::response::sse::{Event, Sse};
use futures_util::stream::{Stream, unfold};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{sleep, timeout};

/// A stream that has nothing to say for so long says that it lives.
const PERIOD: Duration = Duration::from_secs(10);

/// Changes that come faster than this are told together.
const PAUSE: Duration = Duration::from_millis(150);

/// After so long a browser may come back.
const RETRY: Duration = Duration::from_secs(2);

/// Where a stream stands.
struct Told {
    jobs: Arc<Jobs>,
    changes: watch::Receiver<u64>,
    next: Next,
    /// Its place among those who listen.
    _place: OwnedSemaphorePermit,
}

/// What comes next.
#[derive(PartialEq)]
enum Next {
    /// All, at once.
    First,
    /// All, after a change.
    Change,
    /// That no more is to come.
    End,
    /// Nothing.
    Nothing,
}

/// A stream of trainings, until the service ends and what is trained is kept.
///
/// # Errors
/// Too many listen.
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
        // Marked before it is read: what changes from now on is told the next time.
        let version = *self.changes.borrow_and_update();
        // One that computes still has its last state to tell.
        self.next = if self.jobs.has_ended() { Next::End } else { Next::Change };
        let list = serde_json::to_string(&self.jobs.list()).ok()?;
        Some(Event::default().event("jobs").id(version.to_string()).retry(RETRY).data(list))
    }
}
