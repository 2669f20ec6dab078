//! The plan itself: shapes that fit each other, slots that do not collide.

use super::*;
use crate::Result;
use crate::amplification::{RaaOptions, Residual};
use crate::model::{FORMAT_VERSION, FORMAT_WITH_FORM, Form, Info, Precision, Score, Selection, Threshold};
use crate::picture::{Size, View};
use crate::teacher::{Backbone, TensorSource};

/// Ones of whatever shape is asked for.
pub(crate) struct Ones;

impl TensorSource for Ones {
    fn get(&self, _: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(vec![1.0; shape.iter().product()])
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}

/// Numbers that look random, so scaled that features neither vanish nor grow without bound.
pub(crate) struct Random;

impl TensorSource for Random {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let seed: u64 = name.bytes().fold(7, |h, b| h.wrapping_mul(31).wrapping_add(u64::from(b)));
        let mut rng = <rand_chacha::ChaCha8Rng as rand_chacha::rand_core::SeedableRng>::seed_from_u64(seed);
        let count: usize = shape.iter().product();
        let inputs = if shape.len() == 4 && !name.contains("deconv") { count / shape[0] } else { shape[0] };
        let (middle, spread) = match name.rsplit('.').next() {
            Some("running_var") => (1.0, 0.5),
            Some("weight") if shape.len() == 1 => (1.0, 0.5),
            Some("bias" | "running_mean") => (0.0, 0.1),
            Some("memory" | "items") => (0.0, 1.0),
            _ => (0.0, (6.0 / inputs as f32).sqrt()),
        };
        Ok((0..count).map(|_| middle + spread * rand::RngExt::random_range(&mut rng, -1.0..1.0f32)).collect())
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}

pub(crate) fn info(backbone: Backbone, size: impl Into<Size>) -> Info {
    Info {
        format_version: FORMAT_VERSION,
        program: String::new(),
        name: String::new(),
        backbone,
        teacher: String::new(),
        size: size.into(),
        view: View::default(),
        preprocessing: String::new(),
        range: None,
        form: Default::default(),
        raa: RaaOptions { gate: true, generator: true, residual: Residual::Tanh, memory_items: 10 },
        score: Score::Discrepancy,
        selection: Selection::Last,
        threshold: Threshold {
            value: 1.0,
            method: String::new(),
            pictures: 0,
            reliability: String::new(),
            reliable: false,
            stated: None,
            scores: Vec::new(),
        },
        seed: 0,
        precision: Precision::F32,
        training: serde_json::Value::Null,
        data_fingerprint: String::new(),
        training_pictures: 0,
        history: Default::default(),
        refinements: Vec::new(),
    }
}

/// A nearest-neighbor detector with so many items in its memories.
pub(crate) fn nearest(info: Info, items: [usize; 3]) -> Info {
    let form = Form { items: Some(items), ..Form::default() };
    Info { score: Score::Nearest, format_version: FORMAT_WITH_FORM, form, ..info }
}

/// Every backbone, and every switch on the smallest.
fn infos() -> Vec<Info> {
    let mut all: Vec<Info> = Backbone::ALL.map(|backbone| info(backbone, 64)).into();
    let base = info(Backbone::Compact, 96);
    all.push(Info { raa: RaaOptions { gate: false, ..base.raa }, ..base.clone() });
    all.push(Info { raa: RaaOptions { generator: false, ..base.raa }, ..base.clone() });
    all.push(nearest(base.clone(), [20, 16, 5]));
    all.push(Info { score: Score::Gate, ..base });
    all
}

#[test]
fn every_step_reads_what_was_written_and_of_the_right_shape() {
    for info in infos() {
        let plan = Plan::new(&info, &Ones).unwrap();
        let mut written = vec![Vec::new(); plan.buffers.len()];
        written[plan.input.buffer] = vec![true; 3];
        for step in &plan.steps {
            for view in step.operation.reads() {
                let channels = &written[view.buffer][view.first..view.first + view.channels];
                assert!(channels.iter().all(|&w| w), "{}", step.name);
            }
            let to = step.operation.writes();
            let [_, height, width] = plan.shape(to);
            written[to.buffer].resize(plan.buffers[to.buffer].channels, false);
            written[to.buffer][to.first..to.first + to.channels].fill(true);
            match &step.operation {
                Operation::Convolution(c) => {
                    let [input, h, w] = plan.shape(c.input);
                    let (taps, size) = match c.kernel {
                        Kernel::Plain { size, stride } => (size * size, [h / stride, w / stride]),
                        Kernel::Transposed => (4, [2 * h, 2 * w]),
                    };
                    assert_eq!(size, [height, width], "{}", step.name);
                    assert_eq!(c.weight.len(), input * to.channels * taps, "{}", step.name);
                    assert_eq!(c.bias.len(), to.channels, "{}", step.name);
                    assert!(c.add.is_none_or(|add| plan.shape(add) == plan.shape(to)), "{}", step.name);
                }
                Operation::MaxPool { input, .. } => {
                    assert_eq!(plan.shape(*input), [to.channels, 2 * height, 2 * width]);
                }
                Operation::Position { input, encoding, .. } => {
                    assert_eq!(
                        (plan.shape(*input), encoding.len()),
                        (plan.shape(to), to.channels * height * width)
                    );
                }
                Operation::Gate { query, matching, .. } => {
                    assert_eq!(plan.shape(*query)[1..], plan.shape(to)[1..]);
                    assert_eq!(plan.shape(*matching), [2 * info.raa.memory_items, height, width]);
                }
                Operation::Amplify { feature, generated, gate, .. } => {
                    assert_eq!(
                        (plan.shape(*feature), plan.shape(*generated)),
                        (plan.shape(to), plan.shape(to))
                    );
                    assert!(gate.is_none_or(|gate| plan.shape(gate) == [1, height, width]));
                }
                Operation::Nearest { feature, matching, .. } => {
                    assert_eq!(plan.shape(*feature)[1..], plan.shape(to)[1..]);
                    assert_eq!(plan.shape(*matching)[1..], plan.shape(to)[1..]);
                }
                Operation::Discrepancy { teacher, student, .. } => {
                    assert_eq!(plan.shape(*teacher), plan.shape(*student));
                }
            }
        }
        let sizes = info.backbone.sizes(info.size);
        assert_eq!(plan.maps.map(|map| plan.shape(map)), sizes.map(|size| [1, size.height, size.width]));
    }
}

/// Runs the plan with the buffers' names instead of their numbers.
#[test]
fn no_slot_is_overwritten_while_it_is_needed() {
    for info in infos() {
        let plan = Plan::new(&info, &Ones).unwrap();
        let slots = plan.slots();
        let mut holds = vec![None; slots.numbers.len()];
        holds[slots.of[plan.input.buffer]] = Some(plan.input.buffer);
        for step in &plan.steps {
            let to = step.operation.writes().buffer;
            for view in step.operation.reads() {
                assert_eq!(holds[slots.of[view.buffer]], Some(view.buffer), "{}", step.name);
                assert_ne!(slots.of[view.buffer], slots.of[to], "{}", step.name);
            }
            holds[slots.of[to]] = Some(to);
            assert!(plan.buffers[to].numbers() <= slots.numbers[slots.of[to]]);
        }
        for map in plan.maps {
            assert_eq!(holds[slots.of[map.buffer]], Some(map.buffer));
        }
        let all: usize = plan.buffers.iter().map(|buffer| buffer.numbers()).sum();
        let kept: usize = slots.numbers.iter().sum();
        assert!(2 * kept < all, "{}: {kept} of {all}", info.backbone);
    }
}

#[test]
fn the_method_has_its_layers() {
    let plan = Plan::new(&info(Backbone::Resnet18, 256), &Ones).unwrap();
    let names: Vec<&str> = plan.steps.iter().map(|step| step.name.as_str()).collect();
    for name in [
        "teacher.conv1",
        "teacher.layer2.0.downsample.0",
        "amplifier.levels.2.gate.mlp.conv3",
        "amplifier.levels.0.gate.memory",
        "amplifier.levels.1.generator",
        "student.mbf.level1.conv2",
        "student.oce.blocks.1.conv2",
        "student.decoder.layer3.0.deconv",
        "student.decoder.layer3.0.shortcut.deconv",
        "discrepancy.3",
    ] {
        assert!(names.contains(&name), "{name}");
    }
    let gate = Info { score: Score::Gate, ..info(Backbone::Resnet18, 256) };
    let plan = Plan::new(&gate, &Ones).unwrap();
    assert!(plan.steps.iter().all(|step| !step.name.starts_with("student")));
}
