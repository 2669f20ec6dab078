//! The machine of a measurement, and what the operating system reports about this process.

use serde::Serialize;

/// Burn's version, as Cargo.toml asks for it.
const BURN: &str = "0.22.1";

/// The machine and the versions.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name, where the system reports it.
    pub processor: String,
    /// Vector instructions that the CPU engine uses.
    pub instructions: &'static str,
    /// Threads that compute.
    pub threads: usize,
    /// Main memory, where the system reports it.
    pub memory_mb: Option<f64>,
    /// Operating system and architecture.
    pub system: String,
    /// The device that computed.
    pub device: String,
    /// Version of this program.
    pub aand: &'static str,
    /// Version of Burn.
    pub burn: &'static str,
}

impl Machine {
    /// This machine; `device` in words.
    pub fn this(device: String) -> Self {
        let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".into());
        Self {
            processor,
            instructions: crate::inference::instructions(),
            threads: rayon::current_num_threads(),
            memory_mb: field("/proc/meminfo", "MemTotal").and_then(|kb| megabytes(&kb)),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            device,
            aand: env!("CARGO_PKG_VERSION"),
            burn: BURN,
        }
    }
}

/// The most memory that the process has had at once (`VmHWM`), on Linux.
pub fn peak_memory_mb() -> Option<f64> {
    field("/proc/self/status", "VmHWM").and_then(|kb| megabytes(&kb))
}

/// Resets the peak to the memory in use now, on Linux. Returns whether that worked.
pub fn reset_peak_memory() -> bool {
    cfg!(target_os = "linux") && std::fs::write("/proc/self/clear_refs", "5").is_ok()
}

/// Milliseconds that all threads of the process have spent on a processor, on Linux.
pub fn processor_ms() -> Option<f64> {
    let threads = std::fs::read_dir("/proc/self/task").ok()?;
    let spent = threads.flatten().filter_map(|thread| {
        let line = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        line.split_whitespace().next()?.parse::<f64>().ok()
    });
    Some(spent.sum::<f64>() / 1e6)
}

/// The value of the first line `key: value` of a file.
fn field(file: &str, key: &str) -> Option<String> {
    let text = std::fs::read_to_string(file).ok()?;
    let line = text.lines().find(|line| line.split(':').next().is_some_and(|k| k.trim() == key))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

/// `1234 kB` in megabytes of a million bytes.
fn megabytes(words: &str) -> Option<f64> {
    let kilobytes: f64 = words.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_of_burn_is_cargo_s() {
        let manifest = include_str!("../../Cargo.toml");
        assert!(manifest.contains(&format!("burn = {{ version = \"={BURN}\"")), "{BURN}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn linux_tells_memory_and_time() {
        let before = processor_ms().unwrap();
        let large = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(peak_memory_mb().unwrap() > 64.0);
        assert!(std::hint::black_box(large.iter().map(|&b| u64::from(b)).sum::<u64>()) == 64 << 20);
        assert!(processor_ms().unwrap() > before);
        assert_eq!(megabytes("2000 kB"), Some(2.048));
    }
}
