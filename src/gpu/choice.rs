//! The choice of a device, as given by the user: `auto`, `cpu`, `gpu` or `gpu:N`.

use super::{Gpu, Processor, adapters};
use crate::{Error, Result};
use std::str::FromStr;
use std::sync::Arc;
use wgpu::DeviceType;

/// The requested device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// A real GPU if there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The N-th GPU; software adapters count too, after the real ones.
    Gpu(usize),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let number = |n: &str| n.parse().map(Self::Gpu).map_err(|_| format!("{n} is not a number"));
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu(0)),
            _ => text.strip_prefix("gpu:").map_or(Err("auto, cpu, gpu or gpu:N".into()), number),
        }
    }
}

impl Choice {
    /// Opens the device; also returns its name in words.
    ///
    /// # Errors
    /// The GPU asked for is not there, or cannot be opened.
    pub fn open(self) -> Result<(Processor, String)> {
        let Some(adapter) = self.find()? else {
            return Ok((Processor::Cpu, format!("CPU, {} threads", rayon::current_num_threads())));
        };
        let words = words(&adapter.get_info());
        Ok((Processor::Gpu(Arc::new(pollster::block_on(Gpu::on(&adapter))?)), words))
    }

    /// The adapter; none for the CPU.
    fn find(self) -> Result<Option<wgpu::Adapter>> {
        let index = match self {
            Self::Cpu => return Ok(None),
            Self::Auto => {
                let real = |adapter: &wgpu::Adapter| adapter.get_info().device_type != DeviceType::Cpu;
                return Ok(pollster::block_on(adapters()).into_iter().find(real));
            }
            Self::Gpu(index) => index,
        };
        let mut adapters = pollster::block_on(adapters());
        if index >= adapters.len() {
            let count = adapters.len();
            return Err(Error::Device(format!(
                "`device gpu:{index}`: there are {count} GPUs; install its driver, or use `device cpu`"
            )));
        }
        Ok(Some(adapters.swap_remove(index)))
    }
}

/// Name, kind and graphics API of an adapter.
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
    fn the_words_of_a_choice() {
        assert_eq!("gpu:3".parse(), Ok(Choice::Gpu(3)));
        assert_eq!("gpu".parse(), Ok(Choice::Gpu(0)));
        assert!("gpu:x".parse::<Choice>().is_err() && "cuda".parse::<Choice>().is_err());
    }

    #[test]
    fn a_gpu_that_is_not_there_is_named() {
        let error = Choice::Gpu(1000).open().unwrap_err().to_string();
        assert!(error.contains("`device gpu:1000`") && error.contains("`device cpu`"), "{error}");
    }
}
