//! `student.safetensors`: parameters by formula, the eval-mode outputs and losses, and the first
//! forward in train mode.

use super::formula::{parameter, positive};
use super::gradients;
use super::reference::{Reference, norm, relative_l2, within};
use aand::model::{NamedTensor, assign, collect};
use aand::student::{Student, distillation, hard_distillation, knowledge_distillation};
use aand::teacher::{Backbone, TensorSource};
use aand::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

/// The reference's name for one of our parameters: its blocks count from 1, and have no list around them.
pub fn role(name: &str) -> String {
    let mut parts = Vec::new();
    for part in name.split('.').filter(|part| *part != "student" && *part != "blocks") {
        match part.parse::<usize>() {
            Ok(index) => parts.push(format!("block{}", index + 1)),
            Err(_) => parts.push(part.to_owned()),
        }
    }
    parts.join(".")
}

/// The formula-defined parameters, under our names.
struct Formula(BTreeMap<String, u32>);

impl Formula {
    /// Streams are numbered by the ascending order of the reference's names.
    fn new(student: &Student) -> Self {
        let names: Vec<String> = collect(student, "student").unwrap().into_iter().map(|t| t.name).collect();
        assert_eq!(names.len(), 115);
        let mut roles: Vec<String> = names.iter().map(|name| role(name)).collect();
        roles.sort_unstable();
        let stream = |name: &String| roles.binary_search(&role(name)).unwrap() as u32;
        Self(names.iter().map(|name| (name.clone(), stream(name))).collect())
    }
}

impl TensorSource for Formula {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let p = *self.0.get(name).ok_or_else(|| Error::Setting(format!("{name} is unknown")))?;
        parameter(name, shape, p)
    }

    fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }
}

/// The student with the formula-defined parameters.
pub fn student(device: &Device) -> Student {
    let student = Student::new(Backbone::Resnet18, &mut ChaCha8Rng::seed_from_u64(0), device);
    let formula = Formula::new(&student);
    assign(student, "student", &formula).unwrap()
}

/// The inputs, which are the targets as well: `max(0, r(n, 1310 + k))`.
pub fn features(device: &Device) -> [Tensor<4>; 3] {
    [(1, [2, 64, 16, 16]), (2, [2, 128, 8, 8]), (3, [2, 256, 4, 4])].map(|(k, shape): (u32, [usize; 4])| {
        Tensor::from_data(TensorData::new(positive(1310 + k, shape.iter().product()), shape), device)
    })
}

/// Compares embedding, levels and losses of `student` with the tensors whose names start with `mode`; gives
/// the total loss.
fn compare(reference: &Reference, mode: &str, student: &Student, targets: [Tensor<4>; 3]) -> Tensor<1> {
    // Tolerances of embedding and of the losses differ between the modes.
    let [embedding_tolerance, part_tolerance] = if mode == "eval" { [1e-4, 1e-5] } else { [2e-4, 3e-5] };
    let embedding = student.embed(targets.clone());
    reference.check(&format!("{mode}.embedding"), embedding.clone(), embedding_tolerance);
    let levels = student.decode(embedding);
    for (k, level) in levels.iter().enumerate() {
        let name = format!("{mode}.level{}", k + 1);
        assert_eq!(level.dims()[..], reference.shaped(&name).0);
        reference.check(&name, level.clone(), 2e-4);
    }
    let parts = |part: &dyn Fn(Tensor<4>, Tensor<4>) -> Tensor<1>| {
        let parts = targets.iter().zip(&levels).map(|(t, s)| part(t.clone(), s.clone()));
        Tensor::cat(parts.collect(), 0)
    };
    reference.check(&format!("{mode}.kd"), parts(&knowledge_distillation), part_tolerance);
    reference.check(&format!("{mode}.hkd"), parts(&|t, s| hard_distillation(t, s, 10)), part_tolerance);
    let total = distillation(&targets, &levels, 10).total();
    reference.check(&format!("{mode}.total"), total.clone(), 3e-5);
    total
}

#[test]
fn names_are_the_references() {
    let student = Student::new(Backbone::Resnet18, &mut ChaCha8Rng::seed_from_u64(0), &Device::flex());
    let formula = Formula::new(&student);
    // Places in the ascending order of the 115 names.
    let rows = [
        ("student.decoder.layer1.0.bn1.bias", 0),
        ("student.decoder.layer1.0.deconv.weight", 9),
        ("student.decoder.layer2.0.shortcut.deconv.weight", 39),
        ("student.decoder.layer3.1.conv2.weight", 74),
        ("student.mbf.level2.conv1.weight", 89),
        ("student.oce.blocks.0.shortcut.conv.weight", 104),
        ("student.oce.blocks.1.conv2.weight", 114),
    ];
    rows.iter().for_each(|(name, p)| assert_eq!(formula.0.get(*name), Some(p), "{name}"));
}

#[test]
fn eval_mode() {
    let reference = Reference::open("student");
    let device = Device::flex();
    compare(&reference, "eval", &student(&device), features(&device));
}

#[test]
fn train_mode_and_gradients() {
    let reference = Reference::open("student");
    let device = Device::flex().autodiff();
    let student = student(&device);
    let total = compare(&reference, "train", &student, features(&device));
    let gradients = gradients::by_name(total, &student);
    let gradients: BTreeMap<String, Vec<f32>> = gradients.into_iter().map(|(n, g)| (role(&n), g)).collect();
    for name in [
        "mbf.level1.conv1.weight",
        "decoder.layer3.block1.deconv.weight",
        "oce.block2.bn2.weight",
        "decoder.layer1.block1.bn1.bias",
    ] {
        let full = format!("train.grad.{name}");
        reference.check_values(&full, &gradients[name], 5e-6);
        let relative = relative_l2(&gradients[name], &reference.values(&full));
        within(&format!("{full} (relative L2)"), [relative], 1e-4);
    }
    for name in [
        "mbf.level1.bn1.weight",
        "oce.block1.shortcut.conv.weight",
        "decoder.layer1.block1.deconv.weight",
        "decoder.layer3.block2.bn2.bias",
    ] {
        reference.check_values(&format!("train.grad64.{name}"), &gradients[name][..64], 5e-6);
    }
    let norms = reference.values("train.gradnorm");
    assert_eq!(gradients.len(), norms.len());
    // A BTreeMap goes through its names in ascending order, as the reference does.
    let relative = gradients.values().zip(&norms).map(|(g, &n)| (norm(g) / f64::from(n) - 1.0).abs());
    within("train.gradnorm (relative)", relative, 1e-3);

    let statistics = collect(&student, "student").unwrap();
    let statistics = statistics.into_iter().map(|NamedTensor { name, values, .. }| (role(&name), values));
    let statistics: BTreeMap<String, Vec<f32>> = statistics.collect();
    for norm in ["mbf.level1.bn1", "oce.block1.bn1", "decoder.layer3.block2.bn2"] {
        for kind in ["running_mean", "running_var"] {
            let name = format!("{norm}.{kind}");
            reference.check_values(&format!("train.after1.{name}"), &statistics[&name], 1e-5);
        }
    }
}
