//! The WGSL programs and their compiled pipelines.

use super::adapter::Gpu;
use super::tile::Tile;
use crate::Result;
use std::collections::HashMap;

/// One WGSL program; its file says what it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Picture,
    Convolution(Tile),
    WinogradInput,
    WinogradOutput,
    MaxPool,
    Position,
    Gate,
    Amplify,
    Cosine,
    Upsample,
    Blur,
    Maximum,
    Colour,
}

macro_rules! shader {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../../shaders/", $file, ".wgsl"))),+) };
}

impl Kernel {
    fn source(self) -> &'static str {
        match self {
            Self::Picture => shader!("picture"),
            Self::Convolution(Tile::Direct) => shader!("conv", "conv_direct"),
            Self::Convolution(Tile::Small) => shader!("conv", "conv_tile32"),
            Self::Convolution(Tile::Large) => shader!("conv", "conv_tile64"),
            Self::WinogradInput => shader!("winograd_input"),
            Self::WinogradOutput => shader!("winograd_output"),
            Self::MaxPool => shader!("pool"),
            Self::Position => shader!("position"),
            Self::Gate => shader!("gate"),
            Self::Amplify => shader!("amplify"),
            Self::Cosine => shader!("cosine"),
            Self::Upsample => shader!("upsample"),
            Self::Blur => shader!("blur"),
            Self::Maximum => shader!("maximum"),
            Self::Colour => shader!("colour"),
        }
    }

    fn compile(self, gpu: &Gpu) -> wgpu::ComputePipeline {
        let label = format!("{self:?}");
        let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(self.source().into()),
        });
        gpu.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(&label),
            layout: None,
            module: &module,
            entry_point: None,
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: None,
        })
    }
}

/// Pipelines that have been compiled.
#[derive(Debug, Default)]
pub(super) struct Kernels(HashMap<Kernel, wgpu::ComputePipeline>);

impl Kernels {
    /// Compiles those of `wanted` that are not there yet: natively on all threads, in a browser in the order given,
    /// which itself compiles in the background.
    ///
    /// # Errors
    /// The device does not accept one.
    pub fn prepare(&mut self, gpu: &Gpu, wanted: impl IntoIterator<Item = Kernel>) -> Result<()> {
        let mut missing: Vec<Kernel> = Vec::new();
        for kernel in wanted {
            if !self.0.contains_key(&kernel) && !missing.contains(&kernel) {
                missing.push(kernel);
            }
        }
        #[cfg(not(target_arch = "wasm32"))]
        let compiled: Vec<_> = {
            use rayon::prelude::*;
            missing.par_iter().map(|&kernel| (kernel, kernel.compile(gpu))).collect()
        };
        #[cfg(target_arch = "wasm32")]
        let compiled: Vec<_> = missing.iter().map(|&kernel| (kernel, kernel.compile(gpu))).collect();
        self.0.extend(compiled);
        gpu.check()
    }

    /// The pipeline of a kernel that was prepared.
    pub fn get(&self, kernel: Kernel) -> &wgpu::ComputePipeline {
        &self.0[&kernel]
    }
}
