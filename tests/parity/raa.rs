//! `raa.safetensors`: one residual module, its outputs, the stage-1 losses and all their gradients.

use super::gradients;
use super::reference::{Reference, close, read};
use aand::amplification::{
    Advanced, PairSample, Raa, RaaOptions, Residual, from_rows, position_encoding, sample_pairs, to_rows,
    unit,
};
use aand::model::assign;
use aand::picture::Mask;
use aand::teacher::TensorSource;
use aand::training::{LevelLoss, MOST_PAIRS, Settings, level_loss};
use aand::{Error, Result};
use burn::tensor::{Device, Tensor, TensorData};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

const DIMS: [usize; 4] = [2, 32, 8, 8];
const ITEMS: usize = 5;

/// The role name of one of our parameters, and whether it is the transposed weight of a 1x1 convolution.
fn role(name: &str) -> (String, bool) {
    let role = name.replace("gate.memory", "memory").replace("mlp.", "");
    (role, name.contains("mlp.") && name.ends_with(".weight"))
}

/// `[rows, columns]` to `[columns, rows]`.
fn transposed(values: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    (0..columns).flat_map(|c| (0..rows).map(move |r| values[r * columns + c])).collect()
}

impl TensorSource for Reference {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let (role, is_transposed) = role(name);
        let values = self.values(&role);
        if values.len() != shape.iter().product::<usize>() {
            return Err(Error::Setting(format!("{name}: another shape than {shape:?}")));
        }
        match *shape {
            [input, output] if is_transposed => Ok(transposed(&values, [output, input])),
            _ => Ok(values),
        }
    }

    fn contains(&self, _: &str) -> bool {
        true
    }
}

fn module(reference: &Reference, device: &Device) -> Raa {
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    assign(Raa::new(DIMS[1], DIMS[2].into(), ITEMS, &mut rng, device), "param", reference).unwrap()
}

fn random() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(0)
}

/// Labels of all patches of the batch, from the mask of 32x32 pixels per picture.
fn labels(reference: &Reference, name: &str) -> Vec<bool> {
    let pixels = reference.flags(&format!("input.{name}"));
    let mask = |data: &[bool]| Mask { width: 32, height: 32, data: data.to_vec() };
    let labels: Vec<bool> = pixels.chunks(32 * 32).flat_map(|m| mask(m).patch_labels(8, 8)).collect();
    assert_eq!(labels, reference.flags(&format!("patch.{name}")), "{name}");
    labels
}

#[test]
fn position_encoding_and_query() {
    let reference = Reference::open("raa");
    let device = Device::flex();
    let [_, channels, height, width] = DIMS;
    let encoding = transposed(&position_encoding(channels, height, width), [height * width, channels]);
    reference.check_values("out.pe", &encoding, 1e-5);

    let raa = module(&reference, &device);
    let query = raa.gate.query(to_rows(reference.tensor("input.feature", &device)));
    reference.check("out.query", query.clone(), 1e-5);
    let memory: Tensor<2> = reference.tensor("param.memory", &device);
    reference.check("out.cosine", unit(query).matmul(unit(memory).transpose()), 1e-5);
}

#[test]
fn gate_scale_and_advanced_feature() {
    let reference = Reference::open("raa");
    let device = Device::flex();
    let raa = module(&reference, &device);
    let input: Tensor<4> = reference.tensor("input.feature", &device);
    let rows = to_rows(input.clone());
    let Advanced { feature, weight, residual } = raa.forward(input.clone(), RaaOptions::default());
    reference.check("out.weight", weight, 1e-5);
    reference.check("out.advanced_predicted", feature.clone(), 1e-5);
    close("residual = F_A - F_T", &read(residual), &read(feature - input.clone()), 1e-6);

    let scale = raa.generator.forward(rows.clone(), Residual::Learnable).tanh();
    reference.check("out.scale", from_rows(scale.clone(), DIMS), 1e-5);
    let delta = raa.generator.forward(rows.clone(), Residual::Tanh);
    close("delta = scale F_T", &read(delta.clone()), &read(scale * rows.clone()), 1e-6);

    let labels = labels(&reference, "mask");
    let gate: Vec<f32> = labels.iter().map(|&anomalous| f32::from(u8::from(anomalous))).collect();
    let gate = Tensor::<2>::from_data(TensorData::new(gate, [labels.len(), 1]), &device);
    reference.check("out.advanced_masked", from_rows(rows + delta * gate, DIMS), 1e-5);
}

#[test]
fn pairs_are_all_of_them() {
    let reference = Reference::open("raa");
    let [anomalous, foreground] = ["mask", "foreground"].map(|name| labels(&reference, name));
    let PairSample { normal, anomalous } = sample_pairs(&anomalous, &foreground, &mut random(), MOST_PAIRS);
    assert_eq!([anomalous.len() as i64, normal.len() as i64], reference.integers("count")[..]);
    assert_eq!((anomalous.len(), normal.len()), (13, 60));
}

/// The losses of the level as a training step takes them, and the module.
fn losses(reference: &Reference) -> (Raa, [Tensor<1>; 2]) {
    let device = Device::flex();
    let raa = module(reference, &device.clone().autodiff());
    let [anomalous, foreground] = ["mask", "foreground"].map(|name| labels(reference, name));
    let feature = reference.tensor("input.feature", &device);
    let labels = [&anomalous[..], &foreground[..]];
    let LevelLoss { focal, amplification } =
        level_loss(&raa, feature, labels, &Settings::default(), &mut random());
    (raa, [focal.unwrap(), amplification.unwrap()])
}

#[test]
fn losses_and_gradients() {
    let reference = Reference::open("raa");
    let (raa, [focal, amplification]) = losses(&reference);
    let weight = Settings::default().amplification_weight;
    let total = focal.clone() + amplification.clone().mul_scalar(weight);
    let values = Tensor::cat(vec![focal, amplification, total.clone()], 0);
    reference.check("out.loss", values.detach(), 1e-6);

    let gradients = gradients::by_name(total, &raa);
    assert_eq!(gradients.len(), 13);
    for (name, gradient) in gradients {
        let (role, is_transposed) = role(&format!("grad.{name}"));
        let shape = reference.shaped(&role).0;
        let gradient = if is_transposed { transposed(&gradient, [shape[1], shape[0]]) } else { gradient };
        reference.check_values(&role, &gradient, 1e-6);
    }
}

#[test]
fn focal_trains_the_gate_and_amplification_the_generator() {
    let reference = Reference::open("raa");
    let (raa, losses) = losses(&reference);
    for (loss, (trained, count)) in losses.into_iter().zip([("gate.", 7), ("generator.", 6)]) {
        let gradients = gradients::by_name(loss, &raa);
        let reached = gradients.iter().filter(|(_, values)| values.iter().any(|&v| v != 0.0));
        let reached: Vec<&String> = reached.map(|(name, _)| name).collect();
        assert!(reached.iter().all(|name| name.starts_with(trained)), "{trained} but {reached:?}");
        assert_eq!(reached.len(), count, "{reached:?}");
    }
}
