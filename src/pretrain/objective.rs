//! What the compact trunk learns, at each of the three levels:
//!
//! 1. the standardized features of the large network, through the projection (mean square error);
//! 2. their direction at every position (one minus the cosine);
//! 3. the similarities *between* positions and pictures (relational distillation, Park et al. 2019), computed
//!    from the trunk's own features without the projection, which is discarded after training, and with the
//!    large network's channels in their own proportions, since that is what a detector compares;
//! 4. the discrepancy, again of its own features, between a picture and the same picture with flaws, which is
//!    how a detector sees a defect.

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

    /// The targets of the compact trunk: the features of the large network, plain and standardized.
    pub fn targets(&self, features: [Tensor<4>; 3]) -> [Target; 3] {
        let mut level = 0;
        features.map(|plain| {
            level += 1;
            let standard = (plain.clone() - self.mean[level - 1].clone()) / self.deviation[level - 1].clone();
            Target { plain, standard }
        })
    }
}

/// The losses of one batch: the sum to minimize, and `[12]` numbers to show (four parts for each of levels 1,
/// 2 and 3).
pub struct Losses {
    /// Weighted sum, `[1]`.
    pub total: Tensor<1>,
    /// Unweighted parts, `[12]`, detached.
    pub parts: Tensor<1>,
}

/// The features of the large network at one level.
#[derive(Clone, Debug)]
pub struct Target {
    /// Unchanged.
    pub plain: Tensor<4>,
    /// Standardized.
    pub standard: Tensor<4>,
}

/// Compares the network's features of `x` with the `targets`. `window` (row and column, each 0 to 1) is the
/// position of the window whose similarities are compared.
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

/// The cosine of two maps `[B, C, H, W]` at every position, `[B, 1, H, W]`.
fn cosine(a: Tensor<4>, b: Tensor<4>) -> Tensor<4> {
    let dot = (a.clone() * b.clone()).sum_dim(1);
    let norms = (a.square().sum_dim(1) + 1e-6).sqrt() * (b.square().sum_dim(1) + 1e-6).sqrt();
    dot / norms
}

/// How much the discrepancy maps between pictures and their flawed twins differ between the trunk's own features
/// and the large network's: mean square, as a share of the latter's.
fn discrepancy(own: Tensor<4>, target: Tensor<4>) -> Tensor<1> {
    let map = |x: Tensor<4>| {
        let count = x.dims()[0];
        let twins = twins(count);
        -cosine(x.clone().narrow(0, count - 2 * twins, twins), x.narrow(0, count - twins, twins)) + 1.0
    };
    let target = map(target);
    // If flaws are faint, the square itself counts.
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
