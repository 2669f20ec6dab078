//! `pretrain`: the command `aand pretrain` on its own, until the command line has it.

use burn::tensor::{Device, DeviceKind};
use clap::{Parser, ValueEnum};

#[derive(Clone, Copy, ValueEnum)]
enum Where {
    Cpu,
    Gpu,
    /// A software GPU, for checks.
    Software,
}

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    options: aand::pretrain::PretrainOptions,
    #[arg(long, value_enum, default_value = "cpu")]
    device: Where,
}

fn main() -> std::process::ExitCode {
    let command = Command::parse();
    let device = match command.device {
        Where::Cpu => Device::flex(),
        Where::Gpu => Device::wgpu(DeviceKind::DiscreteGpu(0)),
        Where::Software => Device::wgpu(DeviceKind::Cpu),
    };
    match aand::pretrain::run(&command.options, device) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::FAILURE
        }
    }
}
