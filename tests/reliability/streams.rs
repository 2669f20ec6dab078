//! A reader that stops does not end the work: closed pipes, full disks behind standard output, drivers that write
//! first.

use super::program::{category, part, put, text, with_model};
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

fn program(line: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
    program.args(line.split(' '));
    program
}

#[test]
fn a_closed_pipe_is_no_error() {
    let ((folder, model), data) = (with_model(), category());
    let parts = folder.path().join("parts");
    (0..6).for_each(|n| put(&parts, &format!("{n}.png"), &part(n, false)));
    let (at, out) = (folder.path().display(), folder.path().join("o"));
    for line in [
        "weights list".to_owned(),
        "--help".to_owned(),
        format!("detect {model} {at}/parts --out {at}/o --batch 1 --device cpu"),
        format!("eval {model} {} --device cpu --json", data.path().display()),
        format!("inspect {}", data.path().display()),
        format!("render washers --out {at}/r --train 1 --test-good 0 --test-per-defect 0 --json"),
    ] {
        let mut child = program(&line).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), text(&output.stderr).contains("panicked")),
            (Some(0), false),
            "{line}"
        );
    }
    // The work was done to the end.
    assert_eq!(super::lines(&out).len(), 6);
    // Nobody listens to the errors, either.
    let mut child = program(&format!("detect {model} gone.png --out {at}/o2 --device cpu"))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_behind_standard_output_is_one_line() {
    let (folder, model) = with_model();
    let parts = folder.path().join("parts");
    (0..6).for_each(|n| put(&parts, &format!("{n}.png"), &part(n, false)));
    let at = folder.path().display();
    for line in [
        "weights list".to_owned(),
        "--help".to_owned(),
        format!("detect {model} {at}/parts --out {at}/o --batch 1 --device cpu --quiet --json"),
        format!("render washers --out {at}/r --train 1 --test-good 0 --test-per-defect 0 --json --quiet"),
    ] {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = program(&line).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{line}: {said}");
        assert!(said.starts_with("aand: standard output: "), "{line}: {said}");
    }
    assert_eq!(super::lines(&folder.path().join("o")).len(), 6);
}

/// On a machine without a display Mesa's Vulkan layer asks libwayland, which prints "error: XDG_RUNTIME_DIR is invalid
/// or not set". Where there is no such driver, there is nothing to print it; the words must not be there either way.
#[cfg(unix)]
#[test]
fn a_driver_without_a_display_says_nothing() {
    let (folder, model) = with_model();
    put(folder.path(), "p.png", &part(1, false));
    let at = folder.path().display();
    for value in [None, Some("not/absolute")] {
        let mut program = program(&format!("detect {model} {at}/p.png --out {at}/o --again --device auto"));
        program.env_remove("XDG_RUNTIME_DIR").env_remove("WAYLAND_DISPLAY").env_remove("DISPLAY");
        if let Some(value) = value {
            program.env("XDG_RUNTIME_DIR", value);
        }
        let mut child = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert!(child.wait().unwrap().success() && !said.contains("XDG_RUNTIME_DIR"), "{said}");
    }
}
