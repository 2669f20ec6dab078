//! Everything the program says goes through here, so that nobody who stops listening ends what it does.

use crate::Error;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// What became of standard output.
enum State {
    Open,
    /// The reader went away, as `| head` does: no fault of anyone, and nothing more to say.
    Closed,
    /// It cannot be written, and nobody has been told yet.
    Failed(std::io::Error),
}

static STATE: Mutex<State> = Mutex::new(State::Open);

/// A line of a result on standard output. What cannot be written is not written; [`failure`] tells.
pub fn print(line: impl Display) {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*state, State::Open) {
        let mut out = std::io::stdout().lock();
        *state = after(writeln!(out, "{line}").and_then(|()| out.flush()));
    }
}

/// A line on standard error, for people; without anyone to read it, it is lost.
pub fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Why not all lines of the result could be written; `None` too when the reader went away.
pub fn failure() -> Option<Error> {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    match std::mem::replace(&mut *state, State::Closed) {
        State::Failed(error) => {
            let full = error.kind() == ErrorKind::StorageFull;
            let remedy = if full { "free some space there" } else { "send it elsewhere" };
            Some(Error::Incomplete(format!("standard output: {error}; {remedy}")))
        }
        other => {
            *state = other;
            None
        }
    }
}

fn after(written: std::io::Result<()>) -> State {
    match written {
        Ok(()) => State::Open,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => State::Closed,
        Err(error) => State::Failed(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_may_go_but_a_full_disk_is_told() {
        assert!(matches!(after(Err(ErrorKind::BrokenPipe.into())), State::Closed));
        assert!(matches!(after(Err(ErrorKind::StorageFull.into())), State::Failed(_)));
        assert!(matches!(after(Ok(())), State::Open));
    }
}
