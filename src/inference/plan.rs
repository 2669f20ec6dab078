//! The detector as data: which fused layer reads and writes which buffer.

use super::intermediate::LevelViews;
use super::network;
use super::slots::Slots;
use crate::Result;
use crate::amplification::Residual;
use crate::model::Info;
use crate::picture::Size;
use crate::teacher::{Backbone, TensorSource};

/// Index into [`Plan::buffers`].
pub type BufferId = usize;

/// A feature map of one picture, `[channels, height, width]`; a batch has one per picture. The executor
/// chooses the layout in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    /// `C`.
    pub channels: usize,
    /// `H`.
    pub height: usize,
    /// `W`.
    pub width: usize,
}

impl Buffer {
    /// `H W`.
    pub fn positions(self) -> usize {
        self.height * self.width
    }

    /// `C H W`.
    pub fn numbers(self) -> usize {
        self.channels * self.positions()
    }
}

/// A range of channels of a buffer, which a layer reads or writes. Concatenation is not an operation: its
/// parts are written to channels of the same buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// The buffer.
    pub buffer: BufferId,
    /// First channel.
    pub first: usize,
    /// Number of channels.
    pub channels: usize,
}

/// The kernel of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// `size x size`, weight `[out, in, size, size]`, zero padding `size / 2`: `H` becomes `H / stride`.
    Plain {
        /// 1, 3 or 7.
        size: usize,
        /// 1 or 2.
        stride: usize,
    },
    /// 2x2 of stride 2, weight `[in, out, 2, 2]`: `H` becomes `2 H`, and
    /// `y[o, 2 i + a, 2 j + b] = sum_c w[c, o, a, b] x[c, i, j]`.
    Transposed,
}

/// `output = relu?(kernel * input + bias + add?)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// What is convolved.
    pub input: View,
    /// Where the result is written.
    pub output: View,
    /// Size, stride and direction.
    pub kernel: Kernel,
    /// Row-major, in the order given by [`Kernel`], with batch normalization folded in.
    pub weight: Vec<f32>,
    /// `[out]`.
    pub bias: Vec<f32>,
    /// The shortcut of a residual block, of the output's shape.
    pub add: Option<View>,
    /// Whether negative results become zero.
    pub relu: bool,
}

/// One kind of fused layer.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// A convolution and everything fused with it.
    Convolution(Convolution),
    /// Maximum over 3x3 neighborhoods of stride 2, padding 1 (pixels outside do not count).
    MaxPool {
        /// `[C, H, W]`.
        input: View,
        /// `[C, H / 2, W / 2]`.
        output: View,
    },
    /// `F_T + PE`, the input of the gate's `phi_1` (method.md 2.2).
    Position {
        /// `F_T`.
        input: View,
        /// Of the same shape.
        output: View,
        /// `PE`, `[C, H, W]`.
        encoding: Vec<f32>,
    },
    /// The residual gate (method.md 2.3): with `m = matching / |query|` per position, the share of `softmax(m)`
    /// that falls on the second half of its channels.
    ///
    /// `matching` is the convolution of the query with the memory items, each scaled to length `1 / 0.2`; so
    /// `m` is `cos(query, memory) / 0.2`. `|query|` is `sqrt(max(sum of squares, 1e-16))`.
    Gate {
        /// `phi_1(F_T + PE)`, `[C, H, W]`.
        query: View,
        /// `[2 L, H, W]`, the normal items first.
        matching: View,
        /// `w`, `[1, H, W]`.
        output: View,
    },
    /// The advanced feature `F_A = F_T + w Delta` (method.md 2.4). With `y = generated`, `Delta` is
    /// `tanh(y) F_T`, `sigmoid(y) F_T` or `y`.
    Amplify {
        /// `F_T`, `[C, H, W]`.
        feature: View,
        /// `phi_2(F_T)`, of the same shape.
        generated: View,
        /// `w`, `[1, H, W]`; without it `w = 1`.
        gate: Option<View>,
        /// The form of `Delta`.
        residual: Residual,
        /// `F_A`.
        output: View,
    },
    /// `1 - cos(F_A, F_S)` over the channels (method.md 5), `|x|` taken as `sqrt(max(sum of squares, 1e-16))`.
    Discrepancy {
        /// `F_A`, `[C, H, W]`.
        teacher: View,
        /// `F_S`, of the same shape.
        student: View,
        /// `[1, H, W]`.
        output: View,
    },
    /// The distance to the nearest patch of a memory: `max(0, 1 - max over the items of matching / |feature|)`.
    ///
    /// `matching` is the convolution of the feature with the items, each scaled to length 1; `|feature|` is
    /// `sqrt(max(sum of squares, 1e-16))`.
    Nearest {
        /// Averaged over 3x3 neighborhoods, `[C, H, W]`.
        feature: View,
        /// `[items, H, W]`.
        matching: View,
        /// `[1, H, W]`.
        output: View,
    },
}

impl Operation {
    /// The views it reads.
    pub fn reads(&self) -> Vec<View> {
        match self {
            Self::Convolution(c) => [Some(c.input), c.add].into_iter().flatten().collect(),
            Self::MaxPool { input, .. } | Self::Position { input, .. } => vec![*input],
            Self::Gate { query, matching, .. } => vec![*query, *matching],
            Self::Nearest { feature, matching, .. } => vec![*feature, *matching],
            Self::Amplify { feature, generated, gate, .. } => {
                [Some(*feature), Some(*generated), *gate].into_iter().flatten().collect()
            }
            Self::Discrepancy { teacher, student, .. } => vec![*teacher, *student],
        }
    }

    /// The view it writes; never in a buffer that it reads.
    pub fn writes(&self) -> View {
        match self {
            Self::Convolution(c) => c.output,
            Self::MaxPool { output, .. }
            | Self::Position { output, .. }
            | Self::Gate { output, .. }
            | Self::Amplify { output, .. }
            | Self::Discrepancy { output, .. }
            | Self::Nearest { output, .. } => *output,
        }
    }
}

/// One layer with the name of its weights, for example `student.oce.blocks.0.conv1`.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name in the model.
    pub name: String,
    /// What it does.
    pub operation: Operation,
}

/// The whole detector, from the normalized picture `[3, S, S]` to the discrepancies of the three levels.
///
/// The rest is [`crate::detection::anomaly_map`]: up-sampling, sum and Gaussian.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Width and height of the picture, here `S x S` for short.
    pub size: Size,
    /// All feature maps.
    pub buffers: Vec<Buffer>,
    /// The layers, in an order in which they can run.
    pub steps: Vec<Step>,
    /// The picture, `[3, S, S]`.
    pub input: View,
    /// The discrepancy (or the gate, if the model scores by it) of levels 1, 2 and 3, `[1, H_k, W_k]`.
    pub maps: [View; 3],
    /// The intermediate features of levels 1, 2 and 3. Only the maps still exist after the last layer.
    pub levels: [LevelViews; 3],
}

impl Plan {
    /// The detector that `info` describes; `source` has its tensors under the names of a model file.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn new(info: &Info, source: &dyn TensorSource) -> Result<Self> {
        network::build(info, source)
    }

    /// The teacher alone, whose features `F_T` are the maps; its tensors are named `teacher.*`.
    ///
    /// # Errors
    /// A tensor is missing or has another shape.
    pub fn teacher(backbone: Backbone, size: impl Into<Size>, source: &dyn TensorSource) -> Result<Self> {
        network::teacher(backbone, size.into(), source)
    }

    /// Assigns memory to the buffers, so that those never needed at the same time share it.
    pub fn slots(&self) -> Slots {
        Slots::new(self)
    }

    /// The shape of a view, `[channels, height, width]`.
    pub fn shape(&self, view: View) -> [usize; 3] {
        let buffer = self.buffers[view.buffer];
        [view.channels, buffer.height, buffer.width]
    }

    /// Numbers in all weights.
    pub fn parameters(&self) -> usize {
        let numbers = |step: &Step| match &step.operation {
            Operation::Convolution(c) => c.weight.len() + c.bias.len(),
            Operation::Position { encoding, .. } => encoding.len(),
            _ => 0,
        };
        self.steps.iter().map(numbers).sum()
    }
}

/// Standard deviation of the Gaussian that smooths an anomaly map of that size (method.md 5): 4 if the shorter side has
/// 256 pixels, otherwise in proportion.
pub fn sigma(size: Size) -> f64 {
    4.0 * size.shorter() as f64 / 256.0
}
