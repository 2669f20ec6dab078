//! Where to compute: `--device auto|cpu|gpu[:N]`.

use super::Saying;
use crate::{Error, Result};
use burn::tensor::{Device, DeviceKind};
use clap::Args;

/// The choice of a device.
#[derive(Clone, Debug, Args)]
pub struct DeviceArgs {
    /// Where to compute: auto (a real GPU, else the CPU), cpu, gpu, or gpu:N for the N-th
    #[arg(long, default_value = "auto", value_parser = parse)]
    pub device: Choice,
}

/// A parsed `--device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A real GPU if there is one, else the CPU.
    Auto,
    /// The CPU.
    Cpu,
    /// The N-th GPU; software adapters count too, after the real ones.
    Gpu(usize),
}

fn parse(text: &str) -> std::result::Result<Choice, String> {
    let number = |n: &str| n.parse().map(Choice::Gpu).map_err(|_| format!("{n} is not a number"));
    match text {
        "auto" => Ok(Choice::Auto),
        "cpu" => Ok(Choice::Cpu),
        "gpu" => Ok(Choice::Gpu(0)),
        _ => text.strip_prefix("gpu:").map_or(Err("auto, cpu, gpu or gpu:N".into()), number),
    }
}

/// An adapter that wgpu found.
struct Adapter {
    kind: DeviceKind,
    words: String,
    real: bool,
}

impl DeviceArgs {
    /// Chooses the device and says which.
    ///
    /// # Errors
    /// The GPU asked for is not there.
    pub fn choose(&self, saying: Saying) -> Result<Device> {
        self.choose_named(saying).map(|(device, _)| device)
    }

    /// As [`choose`](Self::choose), with what it says.
    ///
    /// # Errors
    /// The GPU asked for is not there.
    pub fn choose_named(&self, saying: Saying) -> Result<(Device, String)> {
        let (device, words) = self.find()?;
        saying.say(format!("device: {words}"));
        Ok((device, words))
    }

    /// Chooses the device for a training, and prepares the person for what a GPU does first.
    ///
    /// # Errors
    /// The GPU asked for is not there.
    pub fn choose_to_train(&self, saying: Saying) -> Result<Device> {
        let device = self.choose(saying)?;
        if device != Device::flex() {
            saying.say(
                "kernels are tried on this GPU first: a minute or two without progress, less the next time",
            );
        }
        Ok(device)
    }

    fn find(&self) -> Result<(Device, String)> {
        let cpu = || (Device::flex(), format!("CPU, {} threads", rayon::current_num_threads()));
        let gpu = |adapter: &Adapter| (Device::wgpu(adapter.kind.clone()), adapter.words.clone());
        match self.device {
            Choice::Cpu => Ok(cpu()),
            Choice::Auto => Ok(adapters().iter().find(|a| a.real).map_or_else(cpu, gpu)),
            Choice::Gpu(index) => {
                let adapters = adapters();
                let chosen = adapters.get(index).ok_or_else(|| {
                    let count = adapters.len();
                    Error::Device(format!(
                        "--device gpu:{index}: there are {count} GPUs; install its driver, or use --device cpu"
                    ))
                })?;
                Ok(gpu(chosen))
            }
        }
    }
}

/// All adapters, real ones first, in the order Burn counts them by kind.
fn adapters() -> Vec<Adapter> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let found = burn::tensor::read_sync(instance.enumerate_adapters(wgpu::Backends::PRIMARY));
    let mut counts = [0; 3];
    let mut adapters: Vec<(usize, Adapter)> = Vec::new();
    for info in found.iter().map(wgpu::Adapter::get_info) {
        let mut next = |slot: usize| {
            counts[slot] += 1;
            counts[slot] - 1
        };
        use wgpu::DeviceType::*;
        let (rank, kind, what) = match info.device_type {
            DiscreteGpu => (0, DeviceKind::DiscreteGpu(next(0)), "GPU"),
            IntegratedGpu => (1, DeviceKind::IntegratedGpu(next(1)), "integrated GPU"),
            VirtualGpu => (2, DeviceKind::VirtualGpu(next(2)), "virtual GPU"),
            Cpu => (4, DeviceKind::Cpu, "SOFTWARE adapter, slow"),
            Other => continue,
        };
        let words = format!("{} ({what}, {})", info.name, info.backend);
        adapters.push((rank, Adapter { kind, words, real: rank < 4 }));
    }
    adapters.sort_by_key(|(rank, _)| *rank);
    adapters.into_iter().map(|(_, adapter)| adapter).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_flag() {
        assert_eq!(parse("gpu:3"), Ok(Choice::Gpu(3)));
        assert_eq!(parse("gpu"), Ok(Choice::Gpu(0)));
        assert!(parse("gpu:x").is_err() && parse("cuda").is_err());
    }
}
