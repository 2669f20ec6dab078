//! `student.safetensors`, `adam.*`: the optimizer of both stages by itself.

use super::reference::{Reference, close, read};
use aand::teacher::Backbone;
use aand::training::{DistillStage, Settings};
use burn::module::{Module, Param};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// A module of one parameter, to hand gradients to an optimizer.
#[derive(Module, Debug)]
struct Probe {
    values: Param<Tensor<1>>,
}

#[test]
fn six_steps_of_adam() {
    let reference = Reference::open("student");
    let device = Device::flex();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let mut optimizer =
        DistillStage::new(Backbone::Compact, &Settings::default(), &mut rng, &device).optimizer;
    let initial = reference.tensor("adam.initial", &device.clone().autodiff());
    let mut probe = Probe { values: Param::from_tensor(initial) };
    let (gradients, after) = (reference.values("adam.gradients"), reference.values("adam.after"));
    for (i, lr) in reference.doubles("adam.lr").into_iter().enumerate() {
        let gradient = gradients[i * 64..][..64].to_vec();
        let mut step = GradientsParams::new();
        step.register(probe.values.id, Tensor::<1>::from_data(TensorData::new(gradient, [64]), &device));
        probe = optimizer.step(lr, probe, step);
        let values = read(probe.values.val());
        close(&format!("adam.after[{i}]"), &values, &after[i * 64..][..64], 1e-6);
    }
}
