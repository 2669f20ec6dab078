//! Failures: a status, and a message kept for each thread.

use aand::Error;
use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// As `aand.h` numbers them.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It worked.
    Ok = 0,
    /// A null pointer, a size that does not fit, an unknown device.
    Argument = 1,
    /// A file could not be read.
    File = 2,
    /// A picture could not be used.
    Picture = 3,
    /// The file is no model.
    Model = 4,
    /// The device is missing or failed.
    Device = 5,
    /// Anything else.
    Failed = 6,
}

/// A status with its message.
#[derive(Debug)]
pub struct Failure {
    status: Status,
    words: String,
}

impl Failure {
    /// A mistake of the caller.
    pub fn argument(words: String) -> Self {
        Self { status: Status::Argument, words }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let status = match error {
            Error::Setting(_) => Status::Argument,
            Error::Io { .. } => Status::File,
            Error::Picture { .. } => Status::Picture,
            Error::Model { .. } => Status::Model,
            Error::Device(_) => Status::Device,
            _ => Status::Failed,
        };
        Self { status, words: error.to_string() }
    }
}

thread_local! {
    static LAST: RefCell<CString> = RefCell::default();
}

/// Runs `run` and keeps the message of a failure; a panic is a failure like any other.
pub fn guarded(run: impl FnOnce() -> Result<(), Failure>) -> Status {
    let failure = match catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(())) => return Status::Ok,
        Ok(Err(failure)) => failure,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no words");
            Failure { status: Status::Failed, words: format!("an error in aand, please report it: {said}") }
        }
    };
    let words = CString::new(failure.words.replace('\0', " ")).unwrap_or_default();
    // A thread that is ending keeps no message.
    let _ = LAST.try_with(|last| last.replace(words));
    failure.status
}

/// The message of this thread's last failure.
pub fn last() -> *const c_char {
    const NONE: &CStr = c"";
    LAST.try_with(|last| last.borrow().as_ptr()).unwrap_or(NONE.as_ptr())
}
