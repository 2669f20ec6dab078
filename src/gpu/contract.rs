//! Checks, without an adapter, that shaders and Rust agree: every program is parsed and validated as wgpu does it, and
//! its uniform, workgroup and constants are compared with those in Rust.

use super::matrix_units::{MEMORY, SUBGROUP};
use super::network::OVERFLOW;
use super::pass::{CHANNELS, SHARERS, THREADS};
use super::passes::residual_code;
use super::shaders::Shader;
use super::tile::{self, Tile};
use super::{heat, layout, uniforms, winograd};
use crate::amplification::Residual;
use crate::model::Precision;
use wgpu::naga;
use wgpu::naga::valid::{Capabilities, ValidationFlags, Validator};

const TILES: [Tile; 5] = [Tile::Direct, Tile::Small, Tile::Large, Tile::Matrix64, Tile::Matrix128];

/// Every kernel. A test makes sure that none is missing: each shader file must belong to one of them.
fn kernels() -> Vec<Shader> {
    let mut all = vec![
        Shader::Picture,
        Shader::Picture8,
        Shader::ConvolutionSum,
        Shader::WinogradInput,
        Shader::WinogradOutput,
        Shader::MaxPool,
        Shader::Position,
        Shader::Gate,
        Shader::Amplify,
        Shader::Cosine,
        Shader::Nearest,
        Shader::Upsample,
        Shader::Blur,
        Shader::Maximum,
        Shader::Color,
        Shader::NormSums,
        Shader::NormMerge,
        Shader::NormApply,
        Shader::NormBackSums,
        Shader::NormBackMerge,
        Shader::NormBack,
        Shader::AdamFlat,
        Shader::AdamWeight,
        Shader::AdamMemory,
        Shader::DistillSums,
        Shader::DistillHardest,
        Shader::DistillBack,
        Shader::Rows,
        Shader::GateBack,
        Shader::ColumnSums,
        Shader::Advance,
        Shader::AdvanceBack,
        Shader::Pairs,
        Shader::Sum,
    ];
    for tile in TILES {
        all.extend([Shader::Convolution(tile), Shader::WeightGradient(tile)]);
    }
    all
}

fn on_matrix_units(kernel: Shader) -> bool {
    matches!(kernel, Shader::Convolution(Tile::Matrix64 | Tile::Matrix128))
}

/// All possible programs: matrix units multiply only f16.
fn programs() -> Vec<(Shader, Precision)> {
    let of = |precision| kernels().into_iter().map(move |kernel| (kernel, precision));
    let plain = of(Precision::F32).filter(|&(kernel, _)| !on_matrix_units(kernel));
    plain.chain(of(Precision::F16)).collect()
}

/// A parsed program, validated with only those capabilities that are requested from a device.
pub(super) struct Program {
    name: String,
    module: naga::Module,
}

impl Program {
    pub fn new(kernel: Shader, precision: Precision) -> Self {
        let name = format!("{kernel:?} in {precision:?}");
        let source = kernel.program(precision);
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&source)));
        let mut capabilities = Capabilities::empty();
        if precision == Precision::F16 {
            capabilities |= Capabilities::SHADER_FLOAT16;
        }
        if on_matrix_units(kernel) {
            capabilities |= Capabilities::COOPERATIVE_MATRIX | Capabilities::SUBGROUP;
        }
        let mut validator = Validator::new(ValidationFlags::all(), capabilities);
        validator.validate(&module).unwrap_or_else(|e| panic!("{name}: {}", e.emit_to_string(&source)));
        Self { name, module }
    }

    fn threads(&self) -> [u32; 3] {
        assert_eq!(self.module.entry_points.len(), 1, "{}", self.name);
        self.module.entry_points[0].workgroup_size
    }

    fn literal(&self, name: &str) -> naga::Literal {
        let found = self.module.constants.iter().find(|(_, c)| c.name.as_deref() == Some(name));
        let (_, constant) = found.unwrap_or_else(|| panic!("{} has no constant {name}", self.name));
        match self.module.global_expressions[constant.init] {
            naga::Expression::Literal(value) => value,
            ref other => panic!("{}: {name} is {other:?}", self.name),
        }
    }

    pub fn constant(&self, name: &str) -> u32 {
        match self.literal(name) {
            naga::Literal::U32(value) => value,
            other => panic!("{}: {name} is {other:?}", self.name),
        }
    }

    /// A constant with a decimal point.
    pub fn number(&self, name: &str) -> f64 {
        match self.literal(name) {
            naga::Literal::F32(value) => f64::from(value),
            naga::Literal::AbstractFloat(value) => value,
            other => panic!("{}: {name} is {other:?}", self.name),
        }
    }

    /// Names, types (empty for a u32) and offsets of the uniform's fields, and its size.
    fn uniform(&self) -> (Vec<(String, &'static str, usize)>, usize) {
        let of = |space| self.module.global_variables.iter().find(move |(_, v)| v.space == space);
        let (_, variable) = of(naga::AddressSpace::Uniform).expect("a uniform");
        assert_eq!(variable.binding, Some(naga::ResourceBinding { group: 0, binding: 0 }), "{}", self.name);
        let naga::TypeInner::Struct { members, span } = &self.module.types[variable.ty].inner else {
            panic!("{}: the uniform is no struct", self.name)
        };
        let field = |m: &naga::StructMember| {
            let naga::TypeInner::Scalar(naga::Scalar { kind, width: 4 }) = self.module.types[m.ty].inner
            else {
                panic!("{}: a field that is no word", self.name)
            };
            let kind = match kind {
                naga::ScalarKind::Uint => "",
                naga::ScalarKind::Sint => "i32",
                naga::ScalarKind::Float => "f32",
                other => panic!("{}: a field of {other:?}", self.name),
            };
            (m.name.clone().unwrap_or_default(), kind, m.offset as usize)
        };
        (members.iter().map(field).collect(), *span as usize)
    }

    /// Bytes of workgroup memory.
    fn memory(&self) -> u32 {
        let variables = self.module.global_variables.iter().map(|(_, v)| v);
        let shared = variables.filter(|v| v.space == naga::AddressSpace::WorkGroup);
        shared.map(|v| self.module.types[v.ty].inner.size(self.module.to_ctx())).sum()
    }

    fn binding(&self, name: &str) -> Option<u32> {
        let mut variables = self.module.global_variables.iter();
        let (_, found) = variables.find(|(_, v)| v.name.as_deref() == Some(name))?;
        found.binding.map(|at| at.binding)
    }
}

/// The one Rust struct that is a kernel's uniform.
fn ours(kernel: Shader) -> &'static uniforms::Description {
    let mut found = uniforms::ALL.iter().filter(|uniform| (uniform.is_of)(kernel));
    match (found.next(), found.next()) {
        (Some(uniform), None) => uniform,
        (first, second) => panic!("{kernel:?} is told {first:?} and {second:?}"),
    }
}

#[test]
fn every_program_is_valid_and_none_is_missing() {
    let mut sources = String::new();
    for (kernel, precision) in programs() {
        let program = Program::new(kernel, precision);
        // The limit of every adapter, unless more is requested.
        let most = if on_matrix_units(kernel) { MEMORY } else { 16 * 1024 };
        assert!(program.memory() <= most, "{}: {} bytes of workgroup memory", program.name, program.memory());
        assert!(program.threads().iter().product::<u32>() <= 256, "{}", program.name);
        sources += &kernel.program(precision);
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(sources.contains(&text), "no kernel has {}", path.display());
    }
}

#[test]
fn uniforms_are_the_structs_of_the_shaders() {
    let mut told = Vec::new();
    for (kernel, precision) in programs() {
        let uniform = ours(kernel);
        let program = Program::new(kernel, precision);
        let (theirs, span) = program.uniform();
        let theirs: Vec<(&str, &str, usize)> =
            theirs.iter().map(|(name, kind, at)| (name.as_str(), *kind, *at)).collect();
        assert_eq!(theirs, uniform.fields, "{}", program.name);
        assert_eq!(span, uniform.size, "{}", program.name);
        told.push(uniform.name);
    }
    // Every uniform belongs to some kernel.
    for uniform in uniforms::ALL {
        assert!(told.contains(&uniform.name), "{} is no shader's", uniform.name);
    }
}

#[test]
fn workgroups_are_as_large_as_dispatches_assume() {
    for (kernel, precision) in programs() {
        let threads = match kernel {
            Shader::Convolution(Tile::Direct) | Shader::WeightGradient(Tile::Direct) => [8, 1, 1],
            Shader::Convolution(Tile::Matrix64) => [4 * SUBGROUP, 1, 1],
            Shader::Convolution(Tile::Matrix128) => [8 * SUBGROUP, 1, 1],
            // One workgroup does everything, whatever its size.
            Shader::Maximum | Shader::DistillHardest | Shader::Sum => continue,
            Shader::Color => [heat::SIDE, heat::SIDE, 1],
            _ => [THREADS, 1, 1],
        };
        let program = Program::new(kernel, precision);
        assert_eq!(program.threads(), threads, "{}", program.name);
    }
    let constants = |kernel, name| Program::new(kernel, Precision::F32).constant(name);
    let by_rows = [
        Shader::Gate,
        Shader::Nearest,
        Shader::Cosine,
        Shader::Rows,
        Shader::DistillSums,
        Shader::GateBack,
        Shader::Advance,
        Shader::AdvanceBack,
    ];
    assert!(by_rows.iter().all(|&kernel| constants(kernel, "SHARERS") == SHARERS));
    let by_channels = [Shader::NormSums, Shader::NormBackSums, Shader::ColumnSums];
    assert!(by_channels.iter().all(|&kernel| constants(kernel, "CHANNELS") == CHANNELS));
}

#[test]
fn tiles_have_the_size_that_their_shaders_have() {
    for tile in TILES {
        let program = Program::new(Shader::Convolution(tile), Precision::F16);
        let (size, slice) = match tile {
            Tile::Direct => continue,
            Tile::Small | Tile::Large => {
                let blocks = program.constant("BLOCKS");
                ([4 * blocks, blocks], program.constant("QUADS"))
            }
            Tile::Matrix64 | Tile::Matrix128 => {
                let subgroups = program.threads()[0] / SUBGROUP;
                let size = [program.constant("ROWS"), program.constant("COLUMNS")];
                // The subgroups' parts make up the tile.
                let part = program.constant("DOWN") * program.constant("WIDE");
                assert_eq!(subgroups * part, size[0] * size[1], "{}", program.name);
                (size, program.constant("SLICE"))
            }
        };
        assert_eq!(tile.size(), size, "{}", program.name);
        // If several workgroups share the channels of a tile, each has whole slices.
        if matches!(tile, Tile::Small | Tile::Matrix64) {
            assert_eq!(tile::SLICE, slice, "{}", program.name);
        }
        // No tile of Winograd's products may span two elements. Tiles of 128 rows are not used there.
        assert!(
            tile == Tile::Matrix128 || (winograd::WHOLE as u32).is_multiple_of(size[0]),
            "{}",
            program.name
        );
    }
}

#[test]
fn tiles_of_gradients_have_the_size_that_their_shaders_have() {
    for tile in [Tile::Direct, Tile::Small, Tile::Large] {
        let program = Program::new(Shader::WeightGradient(tile), Precision::F32);
        assert_eq!(tile.weight_size(), ["INPUTS", "OUTPUTS"].map(|name| program.constant(name)), "{tile:?}");
    }
}

#[test]
fn constants_are_the_same_on_both_sides() {
    for kernel in [Shader::Picture, Shader::Picture8] {
        assert_eq!(Program::new(kernel, Precision::F32).constant("BORDER") as usize, layout::BORDER);
    }
    for kernel in [Shader::Amplify, Shader::Advance, Shader::AdvanceBack] {
        let program = Program::new(kernel, Precision::F32);
        let [tanh, sigmoid] = [Residual::Tanh, Residual::Sigmoid].map(residual_code);
        assert_eq!([program.constant("TANH"), program.constant("SIGMOID")], [tanh, sigmoid]);
        assert!(![tanh, sigmoid].contains(&residual_code(Residual::Learnable)));
    }
    for (kernel, precision) in programs() {
        let told = Program::new(kernel, precision).binding("overflow");
        // Only detection kernels use f16.
        let expected = precision == Precision::F16 && kernel.can_overflow();
        let read = kernel.program(precision).contains("enable f16");
        assert!(!expected || told == Some(OVERFLOW), "{kernel:?} {precision:?}");
        assert!(told.is_none_or(|at| at == OVERFLOW && read), "{kernel:?} {precision:?}");
    }
}
