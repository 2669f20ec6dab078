//! Where to compute: `--device auto|cpu|gpu[:N]`.

use super::Verbosity;
use crate::Result;
use crate::gpu::{Choice, Processor};
use clap::Args;

/// The choice of a device.
#[derive(Clone, Debug, Args)]
pub struct DeviceArgs {
    /// Where to compute: auto (a real GPU, else the CPU), cpu, gpu, or gpu:N for the N-th GPU
    #[arg(long, default_value = "auto")]
    pub device: Choice,
}

impl DeviceArgs {
    /// Chooses the device and tells the person which.
    ///
    /// # Errors
    /// The GPU asked for is not there, or cannot be opened.
    pub fn choose(&self, verbosity: Verbosity) -> Result<Processor> {
        self.choose_named(verbosity).map(|(processor, _)| processor)
    }

    /// As [`choose`](Self::choose); also returns the device in words.
    ///
    /// # Errors
    /// As [`choose`](Self::choose).
    pub fn choose_named(&self, verbosity: Verbosity) -> Result<(Processor, String)> {
        let (processor, words) = self.device.open()?;
        verbosity.say(format!("device: {words}"));
        Ok((processor, words))
    }
}
