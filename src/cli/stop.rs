//! Requests to stop: Ctrl-C, and SIGTERM or SIGHUP, which containers, job queues and closed terminals send.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on, the first request to stop is remembered for [`asked`], and the second ends the program at once. If
/// no handler can be set, a request still stops the program, but loses the work so far.
pub fn listen() {
    static HANDLER: Once = Once::new();
    HANDLER.call_once(|| {
        let hang_up = Ignored::look();
        let _ = ctrlc::set_handler(|| {
            if ASKED.swap(true, Ordering::SeqCst) {
                std::process::exit(130);
            }
        });
        hang_up.keep();
    });
}

/// Whether the program has been asked to stop.
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}

/// Whether SIGHUP is ignored, as `nohup` wants it; the handler would change that.
struct Ignored(bool);

impl Ignored {
    #[cfg(unix)]
    fn look() -> Self {
        // SAFETY: all zeros is a valid value, and the call only fills it in.
        unsafe {
            let mut now: libc::sigaction = std::mem::zeroed();
            let asked = libc::sigaction(libc::SIGHUP, std::ptr::null(), &mut now);
            Self(asked == 0 && now.sa_sigaction == libc::SIG_IGN)
        }
    }

    #[cfg(not(unix))]
    fn look() -> Self {
        Self(false)
    }

    fn keep(self) {
        #[cfg(unix)]
        if self.0 {
            // SAFETY: ignoring a signal touches no memory.
            unsafe { libc::signal(libc::SIGHUP, libc::SIG_IGN) };
        }
        let _ = self;
    }
}
