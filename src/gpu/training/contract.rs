//! Checks that the training's shaders and Rust agree beyond their uniforms (see `crate::gpu::contract`).

use super::convolution::{Form, MASK, SUM};
use super::norm;
use crate::amplification::TEMPERATURE;
use crate::gpu::contract::Program;
use crate::gpu::shaders::Shader;
use crate::gpu::tile::Tile;
use crate::gpu::uniforms;
use crate::model::Precision;
use crate::teacher::Backbone;

fn program(kernel: Shader) -> Program {
    Program::new(kernel, Precision::F32)
}

#[test]
fn codes_are_the_same_on_both_sides() {
    let convolution = program(Shader::Convolution(Tile::Small));
    assert_eq!(["SUM", "MASK"].map(|name| convolution.constant(name)), [SUM, MASK]);
    let apply = program(Shader::NormApply);
    let codes = ["NOTHING", "NORMALIZED"].map(|name| apply.constant(name));
    assert_eq!(codes, [norm::NOTHING, norm::NORMALIZED]);
    let adam = program(Shader::AdamWeight);
    let forms = [
        ("NONE", Form::None),
        ("PLAIN", Form::Plain),
        ("HALVED", Form::Halved),
        ("CORNER", Form::Corner),
        ("DOUBLED", Form::Doubled),
    ];
    for (name, form) in forms {
        assert_eq!(adam.constant(name), form as u32, "{name}");
    }
}

#[test]
fn numbers_are_those_of_the_method() {
    let merge = program(Shader::NormMerge);
    // PyTorch's, as in `crate::student`.
    assert_eq!([merge.number("EPSILON"), merge.number("MOMENTUM")], [1e-5_f32, 0.1].map(f64::from));
    let memory = program(Shader::AdamMemory);
    assert_eq!(memory.number("TEMPERATURE"), f64::from(TEMPERATURE));
    // The longest memory item fits into the 64 threads that handle it.
    let most = 4 * 64 * memory.constant("EACH") as usize;
    let backbones = [Backbone::Compact, Backbone::Resnet18, Backbone::Resnet50, Backbone::WideResnet50_2];
    assert!(backbones.iter().all(|backbone| backbone.channels().iter().all(|&channels| channels <= most)));
}

/// A step overwrites the first two words of the optimizer passes' uniforms with rate and epsilon.
#[test]
fn optimizers_are_told_rate_and_epsilon_first() {
    for kernel in [Shader::AdamFlat, Shader::AdamWeight, Shader::AdamMemory] {
        let uniform = uniforms::ALL.iter().find(|uniform| (uniform.is_of)(kernel)).unwrap();
        assert_eq!(uniform.fields[..2], [("rate", "f32", 0), ("epsilon", "f32", 4)], "{kernel:?}");
    }
}
