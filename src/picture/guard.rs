//! Decoders are other people's code, and some have panicked on damaged files. Such a panic costs the one picture, not
//! the run. (In the browser a panic ends the module; the page starts it again.)

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a panic on this thread becomes an error that is told, so that a panic hook need not print it too.
pub fn is_guarded() -> bool {
    GUARDED.get()
}

/// What `work` returns.
///
/// # Errors
/// It panicked: what the panic said.
pub(super) fn guarded<T>(work: impl FnOnce() -> T) -> Result<T, String> {
    let before = GUARDED.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(before);
    done.map_err(|panic| {
        let said = panic.downcast_ref::<String>().map(String::as_str);
        said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words").to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error() {
        assert_eq!(guarded(|| (is_guarded(), 7)), Ok((true, 7)));
        assert_eq!(guarded(|| -> u8 { panic!("at byte {}", 3) }), Err("at byte 3".into()));
        assert_eq!(guarded(|| -> u8 { panic!("at once") }), Err("at once".into()));
        assert!(!is_guarded());
    }
}
