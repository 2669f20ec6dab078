//! Turns the settings that the library's errors name, in backticks and with underscores, into command-line
//! flags.

use super::Cli;
use clap::{Command, CommandFactory};
use std::collections::HashSet;
use std::sync::LazyLock;

/// The long flags of all commands.
static FLAGS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let mut flags = HashSet::new();
    collect(&Cli::command(), &mut flags);
    flags
});

fn collect(command: &Command, flags: &mut HashSet<String>) {
    flags.extend(command.get_arguments().filter_map(|argument| argument.get_long()).map(str::to_owned));
    command.get_subcommands().for_each(|inner| collect(inner, flags));
}

/// A message with flags in place of settings: `epochs_amplify 0` in backticks becomes --epochs-amplify 0. Anything else
/// in backticks stays as it is. Not for messages that quote names the user chose.
pub fn with_flags(message: &str) -> String {
    let parts: Vec<&str> = message.split('`').collect();
    let mut text = String::with_capacity(message.len());
    for (n, part) in parts.iter().enumerate() {
        // Every second part is quoted, except one whose backtick is never closed.
        let quoted = n % 2 == 1 && n + 1 < parts.len();
        let (name, value) = part.split_at(part.find(' ').unwrap_or(part.len()));
        let flag = name.replace('_', "-");
        match quoted && FLAGS.contains(&flag) {
            true => text.extend(["--", &flag, value]),
            false if quoted => text.extend(["`", part, "`"]),
            false if n % 2 == 1 => text.extend(["`", part]),
            false => text.push_str(part),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn settings_become_flags_and_other_words_stay() {
        for (message, shown) in [
            ("`batch` 0: must be 1 to 1024", "--batch 0: must be 1 to 1024"),
            ("give `epochs_amplify 0`, or drop `no_gate`", "give --epochs-amplify 0, or drop --no-gate"),
            ("use `device cpu`", "use --device cpu"),
            ("`fine` lies beside `not fine`; see `aand weights list`", ""),
            ("one ` alone, and `batch", ""),
            ("`batch` and ` alone", "--batch and ` alone"),
            ("``", ""),
        ] {
            assert_eq!(with_flags(message), if shown.is_empty() { message } else { shown });
        }
    }

    #[test]
    fn names_of_peoples_own_are_no_settings() {
        let told = |error: &Error| super::super::one_line(error);
        assert_eq!(told(&Error::Setting("`batch` 0".into())), "--batch 0");
        let beside = Error::dataset("parts", "`good` lies beside `out`");
        assert_eq!(told(&beside), "parts: `good` lies beside `out`");
    }

    /// Every setting that the library's errors name is a flag of some command.
    #[test]
    fn settings_in_messages_are_known() {
        for name in [
            "amplification-weight",
            "alpha",
            "backbone",
            "batch",
            "beta1",
            "cache-memory",
            "device",
            "epochs-amplify",
            "epochs-distill",
            "false-alarms",
            "foreground",
            "holdout",
            "lr",
            "memory-items",
            "no-gate",
            "no-generator",
            "objective",
            "out",
            "precision",
            "resume",
            "score",
            "size",
            "teacher",
            "textures",
        ] {
            assert!(FLAGS.contains(name), "{name}");
        }
    }
}
