//! Normality distillation: KD on the flattened map, HKD on the hardest positions (method.md 4.3; Eq. 9-12).

use burn::tensor::Tensor;

/// A shorter vector counts as zero; its cosine with anything is then 0 (PyTorch's eps).
const EPSILON: f32 = 1e-8;

/// `1 - cos(a, b)` along `dim`, which keeps length 1.
///
/// The norm is computed as `sqrt(max(|a|^2, eps^2))`, whose gradient is finite at the zero vector.
pub fn cosine_distance<const D: usize>(a: Tensor<D>, b: Tensor<D>, dim: usize) -> Tensor<D> {
    let norm = |x: Tensor<D>| (x.clone() * x).sum_dim(dim).clamp_min(EPSILON * EPSILON).sqrt();
    let dot = (a.clone() * b.clone()).sum_dim(dim);
    -(dot / (norm(a) * norm(b))) + 1.0
}

/// KD of one level: `1 - cos` of the whole flattened map `[C H W]`, mean over the pictures. `[1]`
pub fn knowledge_distillation(teacher: Tensor<4>, student: Tensor<4>) -> Tensor<1> {
    let flat = |x: Tensor<4>| x.flatten::<2>(1, 3);
    cosine_distance(flat(teacher), flat(student), 1).mean()
}

/// HKD of one level: the mean of the `hardest` largest per-position distances of each picture. `[1]`
pub fn hard_distillation(teacher: Tensor<4>, student: Tensor<4>, hardest: usize) -> Tensor<1> {
    let distance = cosine_distance(teacher, student, 1).flatten::<2>(1, 3);
    let count = hardest.min(distance.dims()[1]);
    // Burn's autodiff sorts on the host, which a browser's GPU cannot wait for; the plain device does not.
    let (_, positions) = distance.clone().without_autodiff().topk_with_indices(count, 1);
    distance.gather(1, positions).mean()
}

/// The parts of the stage-2 loss, each summed over the levels, as `[1]`.
#[derive(Clone, Debug)]
pub struct DistillationLoss {
    /// Sum of the levels' KD.
    pub kd: Tensor<1>,
    /// Sum of the levels' HKD; zero if it is off.
    pub hkd: Tensor<1>,
}

impl DistillationLoss {
    /// `L2 = sum_k (KD_k + HKD_k)`.
    pub fn total(&self) -> Tensor<1> {
        self.kd.clone() + self.hkd.clone()
    }
}

/// `L2` of all levels; `hardest` = `K_h`, 0 turns HKD off.
pub fn distillation(teacher: &[Tensor<4>; 3], student: &[Tensor<4>; 3], hardest: usize) -> DistillationLoss {
    let zero = Tensor::zeros([1], &student[0].device());
    let (mut kd, mut hkd) = (zero.clone(), zero);
    for (t, s) in teacher.iter().zip(student) {
        kd = kd + knowledge_distillation(t.clone(), s.clone());
        if hardest > 0 {
            hkd = hkd + hard_distillation(t.clone(), s.clone(), hardest);
        }
    }
    DistillationLoss { kd, hkd }
}

#[cfg(test)]
mod tests {
    use super::*;
    use burn::tensor::{Device, TensorData};

    /// `g(shape, ph, k)` of method.md section 12.
    fn g(phase: f64, k: f64) -> Tensor<4> {
        let values: Vec<f32> = (0..96).map(|n| (k * f64::from(n + 1) + phase).sin() as f32).collect();
        Tensor::from_data(TensorData::new(values, [2, 3, 4, 4]), &Device::flex())
    }

    fn close(tensor: Tensor<1>, expected: f32) {
        let value: f32 = tensor.into_scalar();
        assert!((value - expected).abs() < 1e-5, "{value} is not {expected}");
    }

    #[test]
    fn matches_the_golden_values() {
        let (a1, a2, b1, b2) = (g(0.0, 0.7), g(0.3, 1.1), g(0.5, 0.9), g(1.0, 1.3));
        close(knowledge_distillation(a1.clone(), b1.clone()), 0.973102);
        close(hard_distillation(a1.clone(), b1.clone(), 10), 1.423684);
        close(hard_distillation(a1.clone(), b1.clone(), 3), 1.848864);
        close(cosine_distance(a1.clone(), b1.clone(), 1).mean(), 0.981685);
        close(knowledge_distillation(a2.clone(), b2.clone()), 0.989223);
        close(hard_distillation(a2.clone(), b2.clone(), 10), 1.390996);
        close(hard_distillation(a2, b2, 3), 1.835359);
    }

    #[test]
    fn more_hard_positions_than_there_are_means_all_of_them() {
        let (a, b) = (g(0.0, 0.7), g(0.5, 0.9));
        let all: f32 = cosine_distance(a.clone(), b.clone(), 1).mean().into_scalar();
        close(hard_distillation(a, b, 1000), all);
    }

    #[test]
    fn a_zero_vector_has_distance_one_and_a_finite_gradient() {
        let device = Device::flex().autodiff();
        let student = Tensor::<4>::zeros([1, 3, 4, 4], &device).require_grad();
        let teacher = Tensor::<4>::ones([1, 3, 4, 4], &device);
        let loss = hard_distillation(teacher, student.clone(), 10);
        close(loss.clone(), 1.0);
        let gradient = student.grad(&loss.backward()).expect("a gradient");
        assert!(gradient.into_data().iter::<f32>().all(f32::is_finite));
    }
}
