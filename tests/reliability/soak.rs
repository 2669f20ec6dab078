//! Many pictures take no more memory than few.

use super::lines;
use super::program::{part, put, with_model};
use std::fs;
use std::process::{Command, Stdio};

const PICTURES: usize = 10_000;

#[cfg(target_os = "linux")]
#[test]
#[ignore = "takes minutes: cargo test --release --test reliability soak -- --ignored --nocapture"]
fn detect_on_ten_thousand_pictures() {
    let (folder, model) = with_model();
    let root = folder.path();
    (0..20).for_each(|n| put(&root.join("first"), &format!("{n}.png"), &part(n, n % 3 == 0)));
    let parts = root.join("parts");
    fs::create_dir(&parts).unwrap();
    for n in 0..PICTURES {
        fs::hard_link(root.join(format!("first/{}.png", n % 20)), parts.join(format!("{n:05}.png"))).unwrap();
    }
    let (at, out) = (root.display(), root.join("o"));
    let line = format!("detect {model} {at}/parts --out {at}/o --device cpu --quiet");
    let mut program = Command::new(env!("CARGO_BIN_EXE_aand"));
    let mut child = program.args(line.split(' ')).stdout(Stdio::null()).spawn().unwrap();
    let memory = |kind: &str| {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(kind))?;
        line.trim_start_matches(':').trim().trim_end_matches(" kB").parse::<f64>().ok().map(|kb| kb / 1024.0)
    };
    let mut seen = Vec::new();
    for n in (0..PICTURES).step_by(1000).skip(1) {
        let heat = out.join(format!("{n:05}_heat.png"));
        while !heat.exists() {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        seen.push(memory("VmRSS").unwrap());
        println!(
            "after {n} pictures: {:.1} MB in memory, at most {:.1}",
            seen[seen.len() - 1],
            memory("VmHWM").unwrap()
        );
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(lines(&out).len(), PICTURES);
    let (first, last) = (seen[0], seen[seen.len() - 1]);
    assert!(last < first + 16.0, "{first:.1} MB after the first thousand, {last:.1} MB at the end");
}
