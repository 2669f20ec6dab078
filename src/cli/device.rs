//! Where to compute: `--device auto|cpu|gpu[:N]`.

use super::Saying;
use crate::gpu::{Gpu, Processor, adapters};
use crate::{Error, Result};
use clap::Args;
use std::sync::Arc;
use wgpu::DeviceType;

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

impl DeviceArgs {
    /// Chooses the device and says which.
    ///
    /// # Errors
    /// The GPU asked for is not there, or cannot be opened.
    pub fn choose(&self, saying: Saying) -> Result<Processor> {
        self.choose_named(saying).map(|(processor, _)| processor)
    }

    /// As [`choose`](Self::choose), with what it says.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn choose_named(&self, saying: Saying) -> Result<(Processor, String)> {
        let chosen = self.find()?;
        let words = chosen.as_ref().map_or_else(
            || format!("CPU, {} threads", rayon::current_num_threads()),
            |adapter| words(&adapter.get_info()),
        );
        saying.say(format!("device: {words}"));
        let processor = match chosen {
            None => Processor::Cpu,
            Some(adapter) => Processor::Gpu(Arc::new(pollster::block_on(Gpu::on(&adapter))?)),
        };
        Ok((processor, words))
    }

    /// The adapter; none for the CPU.
    fn find(&self) -> Result<Option<wgpu::Adapter>> {
        let index = match self.device {
            Choice::Cpu => return Ok(None),
            Choice::Auto => {
                let real = |adapter: &wgpu::Adapter| adapter.get_info().device_type != DeviceType::Cpu;
                return Ok(pollster::block_on(adapters()).into_iter().find(real));
            }
            Choice::Gpu(index) => index,
        };
        let mut adapters = pollster::block_on(adapters());
        if index >= adapters.len() {
            let count = adapters.len();
            return Err(Error::Device(format!(
                "--device gpu:{index}: there are {count} GPUs; install its driver, or use --device cpu"
            )));
        }
        Ok(Some(adapters.swap_remove(index)))
    }
}

/// Name, kind and driver's interface of an adapter.
fn words(info: &wgpu::AdapterInfo) -> String {
    let kind = match info.device_type {
        DeviceType::DiscreteGpu => "GPU",
        DeviceType::IntegratedGpu => "integrated GPU",
        DeviceType::VirtualGpu => "virtual GPU",
        DeviceType::Other => "unknown kind of GPU",
        DeviceType::Cpu => "SOFTWARE adapter, slow",
    };
    format!("{} ({kind}, {})", info.name, info.backend)
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
