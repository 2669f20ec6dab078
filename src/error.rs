//! Everything that can go wrong, each with the file concerned and what to do about it.

use std::fmt::Display;
use std::path::{Path, PathBuf};

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. Each message is one line that names the file and the remedy; settings in it are in backticks.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}", line(format_args!("{}: {source}{}", path.display(), remedy(source))))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        source: std::io::Error,
    },

    /// A picture could not be decoded.
    #[error("{}", line(format_args!("{}: not a usable picture: {reason}", path.display())))]
    Picture {
        /// The picture.
        path: PathBuf,
        /// Why, and what to do.
        reason: String,
    },

    /// A folder does not hold what a data set needs.
    #[error("{}", line(format_args!("{}: {reason}", path.display())))]
    Dataset {
        /// The folder.
        path: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },

    /// Teacher weights are missing, incomplete or of another network.
    #[error("{}", line(format_args!("{}: {reason}", path.display())))]
    Weights {
        /// The weight file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },

    /// A model file is damaged, of another version, or not one at all.
    #[error("{}", line(format_args!("{}: {reason}", path.display())))]
    Model {
        /// The model file.
        path: PathBuf,
        /// What is wrong, and what to do.
        reason: String,
    },

    /// A setting is out of range or contradicts another.
    #[error("{}", line(.0))]
    Setting(String),

    /// The command line asks for something that does not exist.
    #[error("{}", line(.0))]
    Usage(String),

    /// A temporary obstacle: another run holds the lock, or the disk is full. The same run may be tried again
    /// unchanged.
    #[error("{}", line(.0))]
    Temporary(String),

    /// Training cannot go on; the last good checkpoint is kept.
    #[error("{}", line(.0))]
    Training(String),

    /// The compute device is missing or failed.
    #[error("{}", line(.0))]
    Device(String),

    /// Something on the network went wrong.
    #[error("{}", line(.0))]
    Network(String),

    /// Some of the pictures failed; the others were done.
    #[error("{}", line(.0))]
    Incomplete(String),

    /// The person asked to stop; the message says how to go on.
    #[error("{}", line(.0))]
    Interrupted(String),
}

impl Error {
    /// Whether the same run may well succeed later: [`Error::Temporary`], a requested stop, network errors, and the
    /// system's errors about a full disk or an unreachable file server.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Temporary(_) | Self::Interrupted(_) | Self::Network(_) => true,
            Self::Io { source, .. } => passes(source),
            _ => false,
        }
    }

    /// Wraps an operating system error with the path it belongs to.
    pub fn io(path: impl AsRef<Path>, source: std::io::Error) -> Self {
        Self::Io { path: path.as_ref().to_path_buf(), source }
    }
    /// A picture that cannot be used.
    pub fn picture(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Picture { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
    /// A folder that cannot be used.
    pub fn dataset(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Dataset { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
    /// Weights that cannot be used.
    pub fn weights(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Weights { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
    /// A model file that cannot be used.
    pub fn model(path: impl AsRef<Path>, reason: impl Into<String>) -> Self {
        Self::Model { path: path.as_ref().to_path_buf(), reason: reason.into() }
    }
}

/// A message as one line that is safe to print on a terminal: names, and text that a library quotes from a
/// damaged file, may contain line ends and escape sequences.
pub(crate) fn line(message: impl Display) -> String {
    let shown = |c: char| !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}');
    message.to_string().chars().map(|c| if shown(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn remedy(source: &std::io::Error) -> &'static str {
    use std::io::ErrorKind::*;
    match source.kind() {
        NotFound => "; check the path",
        PermissionDenied => "; check who may read or write it",
        StorageFull => "; free some space there, or choose another place",
        QuotaExceeded => "; free some of your quota there, or choose another place",
        ReadOnlyFilesystem => "; choose another place",
        FileTooLarge => "; raise the limit on the size of files (ulimit -f), or choose another place",
        InvalidFilename => "; give it a shorter or simpler name",
        AlreadyExists => "; something else is called so, choose another place",
        NotADirectory => "; a part of the path is a file, check it",
        _ if source.raw_os_error().is_some_and(|code| TOO_MANY_OPEN.contains(&code)) => {
            "; raise the limit on open files (ulimit -n)"
        }
        _ => "",
    }
}

/// Whether the system's error means a full disk, a file in use or an unreachable server.
fn passes(source: &std::io::Error) -> bool {
    use std::io::ErrorKind::*;
    let kind = source.kind();
    matches!(
        kind,
        StorageFull | QuotaExceeded | ResourceBusy | WouldBlock | TimedOut | StaleNetworkFileHandle
    ) || matches!(kind, HostUnreachable | NetworkUnreachable | NetworkDown | ConnectionReset | OutOfMemory)
        || source.raw_os_error().is_some_and(|code| TOO_MANY_OPEN.contains(&code))
}

/// Unix error numbers for too many open files in all processes (ENFILE) or in this one (EMFILE).
const TOO_MANY_OPEN: &[i32] = if cfg!(unix) { &[23, 24] } else { &[] };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_it_quotes() {
        let name = Path::new("a\nb\u{1b}[2J\u{2028}");
        let gone = || std::io::Error::from(std::io::ErrorKind::NotFound);
        for error in [
            Error::io(name, gone()),
            Error::picture(name, "damaged"),
            Error::weights("c", "archive error in 'a\rSt\nt.'"),
            Error::Setting("two\nlines".into()),
        ] {
            assert!(!error.to_string().contains(|c: char| c.is_control() || c == '\u{2028}'), "{error:?}");
        }
        assert_eq!(Error::weights("a\nb", "c").to_string(), "a\u{fffd}b: c");
    }

    #[test]
    fn what_passes_is_told_from_what_stays() {
        use std::io::ErrorKind::*;
        for kind in [StorageFull, QuotaExceeded, StaleNetworkFileHandle, TimedOut] {
            assert!(Error::io("a", kind.into()).is_temporary(), "{kind:?}");
        }
        for kind in [NotFound, PermissionDenied, FileTooLarge, InvalidData, ReadOnlyFilesystem] {
            assert!(!Error::io("a", kind.into()).is_temporary(), "{kind:?}");
        }
        assert!(Error::Interrupted("stopped".into()).is_temporary());
        assert!(Error::Temporary("held".into()).is_temporary() && !Error::Setting("x".into()).is_temporary());
        assert_eq!(cfg!(unix), Error::io("a", std::io::Error::from_raw_os_error(24)).is_temporary());
    }
}
