//! Gate and generator together, for one level and for all three.

use super::{Gate, Generator, RaaOptions};
use crate::picture::Size;
use crate::teacher::Backbone;
use burn::module::Module;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;

/// The residual module of one level.
#[derive(Module, Debug)]
pub struct Raa {
    /// Where to amplify.
    pub gate: Gate,
    /// How to amplify.
    pub generator: Generator,
}

impl Raa {
    /// Freshly initialized for a level of `channels` and `size` positions.
    pub fn new(channels: usize, size: Size, items: usize, rng: &mut ChaCha8Rng, device: &Device) -> Self {
        Self {
            gate: Gate::new(channels, size, items, rng, device),
            generator: Generator::new(channels, rng, device),
        }
    }

    /// Everything this level computes from `F_T` `[B, C, H, W]`, with the predicted gate applied.
    pub fn forward(&self, feature: Tensor<4>, options: RaaOptions) -> Advanced {
        let dims = feature.dims();
        let rows = to_rows(feature);
        let weight = self.gate.forward(rows.clone());
        let applied = if options.gate { weight.clone() } else { weight.ones_like() };
        let residual = match options.generator {
            true => self.generator.forward(rows.clone(), options.residual) * applied,
            false => rows.zeros_like(),
        };
        Advanced {
            feature: from_rows(rows + residual.clone(), dims),
            weight: from_rows(weight, [dims[0], 1, dims[2], dims[3]]),
            residual: from_rows(residual, dims),
        }
    }
}

/// What the RAA of one level computes from `F_T`.
#[derive(Clone, Debug)]
pub struct Advanced {
    /// `F_A`, `[B, C, H, W]`.
    pub feature: Tensor<4>,
    /// The predicted gate `w`, `[B, 1, H, W]`.
    pub weight: Tensor<4>,
    /// The applied residual `w * Delta`, `[B, C, H, W]`.
    pub residual: Tensor<4>,
}

/// The residual modules of the three levels.
#[derive(Module, Debug)]
pub struct Amplifier {
    /// By level.
    pub levels: [Raa; 3],
}

impl Amplifier {
    /// Freshly initialized for an input of that size.
    pub fn new(
        backbone: Backbone,
        size: impl Into<Size>,
        items: usize,
        rng: &mut ChaCha8Rng,
        device: &Device,
    ) -> Self {
        let size = size.into();
        let mut level =
            |k: usize| Raa::new(backbone.channels()[k], backbone.sizes(size)[k], items, rng, device);
        Self { levels: [level(0), level(1), level(2)] }
    }

    /// `F_T` at three levels to [`Advanced`].
    pub fn forward(&self, features: [Tensor<4>; 3], options: RaaOptions) -> [Advanced; 3] {
        let ([fine, middle, coarse], levels) = (features, &self.levels);
        [
            levels[0].forward(fine, options),
            levels[1].forward(middle, options),
            levels[2].forward(coarse, options),
        ]
    }
}

/// `[B, C, H, W]` to rows `[B H W, C]`.
pub fn to_rows(feature: Tensor<4>) -> Tensor<2> {
    let [batch, channels, height, width] = feature.dims();
    feature.permute([0, 2, 3, 1]).reshape([batch * height * width, channels])
}

/// Rows `[B H W, C]` back to `[B, C, H, W]`.
pub fn from_rows(rows: Tensor<2>, [batch, channels, height, width]: [usize; 4]) -> Tensor<4> {
    rows.reshape([batch, height, width, channels]).permute([0, 3, 1, 2])
}
