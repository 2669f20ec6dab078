//! `student.safetensors`: three steps of Adam on the whole student, as stage 2 takes them.

use super::reference::{Reference, relative_l2, within};
use super::student::{features, role, student};
use aand::model::collect;
use aand::student::{Student, distillation};
use aand::teacher::Backbone;
use aand::training::{DistillStage, Settings};
use burn::module::Module;
use burn::tensor::Device;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use std::collections::BTreeMap;

/// The parameters of which the reference holds the first 64 elements after each step.
const FOLLOWED: [&str; 5] = [
    "mbf.level1.conv1.weight",
    "mbf.level1.bn1.weight",
    "oce.block1.shortcut.conv.weight",
    "decoder.layer1.block1.deconv.weight",
    "decoder.layer3.block2.bn2.bias",
];

fn followed(student: &Student) -> BTreeMap<String, Vec<f32>> {
    let tensors = collect(student, "student").unwrap().into_iter();
    let followed = tensors.map(|t| (role(&t.name), t.values)).filter(|(n, _)| FOLLOWED.contains(&&**n));
    followed.map(|(name, values)| (name, values[..64].to_vec())).collect()
}

fn difference(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

#[test]
fn three_steps_of_stage_2() {
    let reference = Reference::open("student");
    let (device, settings) = (Device::flex(), Settings::default());
    assert_eq!((settings.lr, settings.beta1, settings.hardest), (0.005, 0.5, 10));
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut stage = DistillStage::new(Backbone::Resnet18, &settings, &mut rng, &device);
    stage.student = student(&device.clone().autodiff());
    let initial = followed(&stage.student);

    // Later steps drift: Adam's first step is lr times the sign of the gradient, which rounding flips.
    let (losses, loss_tolerances) = (reference.values("train.step_losses"), [3e-5, 1e-3, 5e-3]);
    for (i, drift) in [2e-3, 1e-1, 1.5e-1].into_iter().enumerate() {
        let loss = stage.step(features(&device), &settings, settings.lr).unwrap();
        let error = (loss.kd + loss.hkd - f64::from(losses[i])).abs();
        within(&format!("train.step_losses[{i}]"), [error], loss_tolerances[i]);
        for (name, values) in followed(&stage.student) {
            let key = format!("train.step{}.{name}", i + 1);
            let ours = difference(&values, &initial[&name]);
            let expected = difference(&reference.values(&key), &initial[&name]);
            within(&format!("{key} (relative L2 of the change)"), [relative_l2(&ours, &expected)], drift);
        }
    }

    let (student, targets) = (stage.student.valid(), features(&device));
    let total = distillation(&targets, &student.forward(targets.clone()), settings.hardest).total();
    reference.check("train.final_eval_total", total, 5e-2);
}
