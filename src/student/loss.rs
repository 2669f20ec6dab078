//! Normality distillation: KD on the flattened map, HKD on the hardest positions (method.md 4.3; Eq. 9-12).

use burn::tensor::Tensor;

/// Below this a vector counts as zero; its cosine with anything is then 0 (PyTorch's eps).
const EPSILON: f32 = 1e-8;

/// `1 - cos(a, b)` along `dim`, which keeps length 1.
///
/// The norm is taken as `sqrt(max(|a|^2, eps^2))`, whose gradient is finite at the zero vector.
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
    let (_, positions) = distance.clone().detach().topk_with_indices(count, 1);
    distance.gather(1, positions).mean()
}

/// The parts of the stage-2 loss, each summed over the levels. Scalars as `[1]`.
#[derive(Clone, Debug)]
pub struct DistillationLoss {
    /// Sum of the levels' KD.
    pub kd: Tensor<1>,
    /// Sum of the levels' HKD; zero when it is off.
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
