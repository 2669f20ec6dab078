//! What the compact trunk is asked for, at each of the three levels:
//!
//! 1. the standardised features of the large network, through the projection (mean square error);
//! 2. their direction at every position (one minus the cosine);
//! 3. the similarities *between* positions and pictures (relational distillation, Park et al. 2019), asked of
//!    the trunk's own features without the projection, because the projection is thrown away afterwards, and
//!    with the large network's channels in their own proportions: that is what a detector compares;
//! 4. the discrepancy, again of its own features, between a picture and the same one with flaws: what a detector
//!    sees of a defect.

use super::network::CompactTrunk;
use super::procedural::twins;
use burn::tensor::{Device, Tensor, TensorData};

/// Weights of the four parts.
const PARTS: [f64; 4] = [1.0, 0.5, 2.0, 0.25];

/// Side of the window of positions whose similarities are compared.
const WINDOW: usize = 4;

/// Mean and deviation of every channel of the large network, level by level.
#[derive(Clone, Debug)]
pub struct Standard {
    /// `[1, C_k, 1, 1]`
    pub mean: [Tensor<4>; 3],
    /// `[1, C_k, 1, 1]`
    pub deviation: [Tensor<4>; 3],
}

impl Standard {
    /// From the plain numbers of all levels (mean and deviation of each channel).
    pub fn new(numbers: &[(Vec<f32>, Vec<f32>); 3], device: &Device) -> Self {
        let tensor = |v: &Vec<f32>| Tensor::from_data(TensorData::new(v.clone(), [1, v.len(), 1, 1]), device);
        Self {
            mean: numbers.each_ref().map(|(mean, _)| tensor(mean)),
            deviation: numbers.each_ref().map(|(_, deviation)| tensor(deviation)),
        }
    }

    /// What the compact trunk is to give: the features of the large network, plain and standardised.
    pub fn targets(&self, features: [Tensor<4>; 3]) -> [Target; 3] {
        let mut level = 0;
        features.map(|plain| {
            level += 1;
            let standard = (plain.clone() - self.mean[level - 1].clone()) / self.deviation[level - 1].clone();
            Target { plain, standard }
        })
    }
}

/// The losses of one batch: the sum to be lowered, and `[12]` numbers (four parts of level 1, of level 2, of
/// level 3) to be shown.
pub struct Losses {
    /// Weighted sum, `[1]`.
    pub total: Tensor<1>,
    /// Unweighted parts, `[12]`, detached.
    pub parts: Tensor<1>,
}

/// The features of the large network at one level.
#[derive(Clone, Debug)]
pub struct Target {
    /// As they are.
    pub plain: Tensor<4>,
    /// Standardised.
    pub standard: Tensor<4>,
}

/// Compares the network's features of `x` with the `targets`. `window` (row and column, each 0 to 1) places the
/// positions whose similarities are compared.
pub fn losses(network: &CompactTrunk<'_>, x: Tensor<4>, targets: [Target; 3], window: [f32; 2]) -> Losses {
    let features = network.features(x);
    let mut parts = Vec::with_capacity(3 * PARTS.len());
    for (level, (own, target)) in features.into_iter().zip(targets).enumerate() {
        let relation = relation(own.clone(), target.plain.clone(), window);
        let discrepancy = discrepancy(own.clone(), target.plain);
        let projected = network.project(level, own);
        parts.push((projected.clone() - target.standard.clone()).square().mean());
        parts.push(direction(projected, target.standard));
        parts.push(relation);
        parts.push(discrepancy);
    }
    let total = parts.iter().zip(PARTS.iter().cycle()).map(|(part, weight)| part.clone() * *weight);
    let total = total.reduce(|a, b| a + b).expect("three levels have parts");
    let parts = Tensor::cat(parts.into_iter().map(Tensor::inner).collect(), 0);
    Losses { total, parts }
}

/// One minus the cosine of two maps `[B, C, H, W]`, averaged over positions.
fn direction(a: Tensor<4>, b: Tensor<4>) -> Tensor<1> {
    -cosine(a, b).mean() + 1.0
}

/// Of two maps `[B, C, H, W]` at every position, `[B, 1, H, W]`.
fn cosine(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let dot = (a.clone() * b.clone()).sum_dim(1);
    let norms = (a.square().sum_dim(1) + 1e-6).sqrt() * (b.square().sum_dim(1) + 1e-6).sqrt();
    dot / norms
}

/// How far the discrepancy maps between pictures and their flawed twins, as the own features tell them, are from
/// those of the large network: mean square, as a share of the latter's.
fn discrepancy(own: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let map = |x: Tensor<4>| {
        let count = x.dims()[0];
        let twins = twins(count);
        -cosine(x.clone().narrow(0, count - 2 * twins, twins), x.narrow(0, count - twins, twins)) + 1.0
    };
    let target = map(target);
    // Flaws can be faint: then the square itself counts.
    (map(own) - target.clone()).square().mean() / (target.square().mean() + 2e-3)
}

/// Mean square difference of the two similarity matrices of the positions in the window, all pictures of the
/// batch together.
fn relation(own: Tensor<4>, target: Tensor<4>, window: [f32; 2]) -> Tensor<1> {
    let gram = |x: Tensor<4>| {
        let [batch, channels, height, width] = x.dims();
        let (h, w) = (WINDOW.min(height), WINDOW.min(width));
        let top = (window[0] * (height - h + 1) as f32) as usize;
        let left = (window[1] * (width - w + 1) as f32) as usize;
        let (top, left) = (top.min(height - h), left.min(width - w));
        let x = x.slice([0..batch, 0..channels, top..top + h, left..left + w]);
        let rows = x.permute([0, 2, 3, 1]).reshape([batch * h * w, channels]);
        let rows = rows.clone() - rows.mean_dim(0);
        let rows = rows.clone() / (rows.square().sum_dim(1) + 1e-6).sqrt();
        rows.clone().matmul(rows.transpose())
    };
    (gram(own) - gram(target)).square().mean()
}
