//! `aand pretrain`: makes the embedded teacher anew.

use super::{DeviceArgs, Verbosity};
use crate::Result;
use crate::gpu::Processor;
use crate::pretrain::{PretrainOptions, run as distill};
use burn::tensor::Device;
use clap::Args;

/// Options of `aand pretrain`.
#[derive(Debug, Args)]
pub struct PretrainArgs {
    #[command(flatten)]
    options: PretrainOptions,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Runs `aand pretrain`.
pub fn run(args: &PretrainArgs) -> Result<()> {
    if let Processor::Gpu(_) = args.device.choose(Verbosity::default())? {
        Verbosity::default()
            .say("pretrain computes on the CPU: the GPU has no shaders for the stem's gradients");
    }
    distill(&args.options, Device::flex())
}
