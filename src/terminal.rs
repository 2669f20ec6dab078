//! All output of the program goes through here, so that a closed output does not end the program.

use crate::Error;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// The state of standard output.
enum State {
    Open,
    /// The reader closed it, as `| head` does: not an error, and nothing more is printed.
    Closed,
    /// It cannot be written, which has not been reported yet.
    Failed(std::io::Error),
}

static STATE: Mutex<State> = Mutex::new(State::Open);

/// Prints a line of a result on standard output. A failure is reported later, by [`failure`].
pub fn print(line: impl Display) {
    let mut state = STATE.lock().unwrap_or_else(PoisonError::into_inner);
    if matches!(*state, State::Open) {
        let mut out = std::io::stdout().lock();
        *state = after(writeln!(out, "{line}").and_then(|()| out.flush()));
    }
}

/// Prints a line for people on standard error; it is lost if nobody reads that.
pub fn complain(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Why not all lines of the result could be written; `None` also if the reader closed the output.
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
