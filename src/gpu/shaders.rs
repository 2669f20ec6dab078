//! The WGSL programs and their compiled pipelines.

use super::adapter::Gpu;
use super::tile::Tile;
use crate::Result;
use crate::model::Precision;
use std::borrow::Cow;
use std::collections::HashMap;

/// One WGSL program; its file says what it computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Shader {
    Picture,
    /// From pictures given as bytes.
    Picture8,
    Convolution(Tile),
    ConvolutionSum,
    WinogradInput,
    WinogradOutput,
    MaxPool,
    Position,
    Gate,
    Amplify,
    Cosine,
    Nearest,
    Upsample,
    Blur,
    Maximum,
    Color,
    // Training.
    NormSums,
    NormMerge,
    NormApply,
    NormBackSums,
    NormBackMerge,
    NormBack,
    WeightGradient(Tile),
    AdamFlat,
    AdamWeight,
    AdamMemory,
    DistillSums,
    DistillHardest,
    DistillBack,
    Rows,
    GateBack,
    ColumnSums,
    Advance,
    AdvanceBack,
    Pairs,
    Sum,
}

macro_rules! shader {
    ($($file:literal),+) => { concat!($(include_str!(concat!("../../shaders/", $file, ".wgsl"))),+) };
}

impl Shader {
    fn source(self) -> &'static str {
        match self {
            Self::Picture => shader!("picture_place", "picture"),
            Self::Picture8 => shader!("picture_place", "picture8"),
            Self::Convolution(Tile::Direct) => shader!("conv", "conv_direct"),
            Self::Convolution(Tile::Small) => shader!("conv", "conv_tile", "conv_tile32"),
            Self::Convolution(Tile::Large) => shader!("conv", "conv_tile", "conv_tile64"),
            Self::Convolution(Tile::Matrix64) => shader!("conv", "conv_coop", "conv_coop64"),
            Self::Convolution(Tile::Matrix128) => shader!("conv", "conv_coop", "conv_coop128"),
            Self::ConvolutionSum => shader!("conv", "conv_sum"),
            Self::WinogradInput => shader!("winograd_input"),
            Self::WinogradOutput => shader!("winograd_output"),
            Self::MaxPool => shader!("pool"),
            Self::Position => shader!("position"),
            Self::Gate => shader!("shared_rows", "matching", "gate"),
            Self::Amplify => shader!("residual", "amplify"),
            Self::Cosine => shader!("shared_rows", "cosine"),
            Self::Nearest => shader!("shared_rows", "matching", "nearest"),
            Self::Upsample => shader!("upsample"),
            Self::Blur => shader!("blur"),
            Self::Maximum => shader!("maximum"),
            Self::Color => shader!("color"),
            Self::NormSums => shader!("position_sums", "norm_sums"),
            Self::NormMerge => shader!("chunk_sums", "norm_merge"),
            Self::NormApply => shader!("norm_apply"),
            Self::NormBackSums => shader!("position_sums", "norm_back_sums"),
            Self::NormBackMerge => shader!("chunk_sums", "norm_back_merge"),
            Self::NormBack => shader!("norm_back"),
            Self::WeightGradient(Tile::Direct) => shader!("weight", "weight_direct"),
            Self::WeightGradient(Tile::Small) => shader!("weight", "weight_tile32"),
            // Gradients are f32, for which there are no matrix units.
            Self::WeightGradient(Tile::Large | Tile::Matrix64 | Tile::Matrix128) => {
                shader!("weight", "weight_tile64")
            }
            Self::AdamFlat => shader!("adam", "adam_flat"),
            Self::AdamWeight => shader!("adam", "adam_weight"),
            Self::AdamMemory => shader!("adam", "adam_memory"),
            Self::DistillSums => shader!("shared_rows", "distill_sums"),
            Self::DistillHardest => shader!("distill_hardest"),
            Self::DistillBack => shader!("distill_back"),
            Self::Rows => shader!("shared_rows", "rows"),
            Self::GateBack => shader!("shared_rows", "gate_back"),
            Self::ColumnSums => shader!("position_sums", "column_sums"),
            Self::Advance => shader!("shared_rows", "residual", "advance"),
            Self::AdvanceBack => shader!("shared_rows", "residual", "advance_back"),
            Self::Pairs => shader!("pairs"),
            Self::Sum => shader!("sum"),
        }
    }

    /// The shader source, prefixed with the f32 or f16 aliases if it uses features.
    pub(super) fn program(self, precision: Precision) -> Cow<'static, str> {
        let numbers = match precision {
            Precision::F32 => shader!("f32"),
            Precision::F16 => shader!("f16"),
        };
        match self {
            Self::Convolution(Tile::Matrix64 | Tile::Matrix128) => {
                [shader!("coop"), numbers, self.source()].concat().into()
            }
            Self::Picture
            | Self::Picture8
            | Self::Convolution(_)
            | Self::ConvolutionSum
            | Self::WinogradInput
            | Self::WinogradOutput
            | Self::MaxPool
            | Self::Position
            | Self::Gate
            | Self::Amplify
            | Self::Cosine
            | Self::Nearest => [numbers, self.source()].concat().into(),
            _ => self.source().into(),
        }
    }

    /// Whether it reports results that are too large for f16.
    pub fn can_overflow(self) -> bool {
        matches!(self, Self::Convolution(_) | Self::ConvolutionSum | Self::WinogradOutput | Self::Amplify)
    }

    pub(super) fn compile(self, gpu: &Gpu, precision: Precision) -> wgpu::ComputePipeline {
        let label = format!("{self:?}");
        let module = gpu.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(&label),
            source: wgpu::ShaderSource::Wgsl(self.program(precision)),
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
#[derive(Debug)]
pub(crate) struct Kernels {
    precision: Precision,
    compiled: HashMap<Shader, wgpu::ComputePipeline>,
}

impl Kernels {
    /// None yet.
    pub fn new(precision: Precision) -> Self {
        Self { precision, compiled: HashMap::new() }
    }

    /// Compiles those of `wanted` that are not compiled yet: natively on all threads; in a browser, which compiles
    /// in the background by itself, in the given order.
    ///
    /// # Errors
    /// The device does not accept one.
    pub fn prepare(&mut self, gpu: &Gpu, wanted: impl IntoIterator<Item = Shader>) -> Result<()> {
        let mut missing: Vec<Shader> = Vec::new();
        for kernel in wanted {
            if !self.compiled.contains_key(&kernel) && !missing.contains(&kernel) {
                missing.push(kernel);
            }
        }
        let precision = self.precision;
        #[cfg(not(target_arch = "wasm32"))]
        let compiled: Vec<_> = {
            use rayon::prelude::*;
            missing.par_iter().map(|&kernel| (kernel, kernel.compile(gpu, precision))).collect()
        };
        #[cfg(target_arch = "wasm32")]
        let compiled: Vec<_> =
            missing.iter().map(|&kernel| (kernel, kernel.compile(gpu, precision))).collect();
        self.compiled.extend(compiled);
        gpu.check()
    }

    /// How many were compiled.
    pub fn count(&self) -> usize {
        self.compiled.len()
    }

    /// The pipeline of a kernel that was prepared.
    pub fn get(&self, kernel: Shader) -> &wgpu::ComputePipeline {
        &self.compiled[&kernel]
    }
}
