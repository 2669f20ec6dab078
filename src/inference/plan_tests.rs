//! The plan itself: shapes fit together, and slots do not collide.

use super::*;
use crate::Result;
use crate::amplification::RaaOptions;
use crate::model::{FORMAT_WITH_FORM, Form, Info, Score};
use crate::picture::{Size, View};
use crate::teacher::{Backbone, TensorSource};

#[path = "../../tests/made_up/random.rs"]
mod random;
pub(crate) use random::Random;

/// Tensors of ones, of any shape.
pub(crate) struct Ones;

impl TensorSource for Ones {
    fn get(&self, _: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Ok(vec![1.0; shape.iter().product()])
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}

pub(crate) fn info(backbone: Backbone, size: impl Into<Size>) -> Info {
    let raa = RaaOptions { memory_items: 10, ..RaaOptions::default() };
    Info { raa, ..Info::new("", backbone, size.into(), View::default()) }
}

/// A nearest-neighbor detector with these numbers of items in its memories.
pub(crate) fn nearest(info: Info, items: [usize; 3]) -> Info {
    let form = Form { items: Some(items), ..Form::default() };
    Info { score: Score::Nearest, format_version: FORMAT_WITH_FORM, form, ..info }
}

/// Every backbone, and every option on the smallest backbone.
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

/// Runs the plan symbolically, with each buffer's number standing for its content.
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
