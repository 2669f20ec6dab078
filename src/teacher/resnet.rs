//! A ResNet from the stem to layer 3, for inference only, with batch normalization folded into the
//! convolutions.

use super::{Backbone, BlockKind, TensorSource};
use crate::Result;
use crate::batch_norm::BatchNorm;
use crate::convolution::{conv2d, max_pool3x3};
use burn::tensor::{Device, Tensor, TensorData, activation::relu};

/// A convolution with the batch normalization that follows it folded in.
#[derive(Clone, Debug)]
pub struct FoldedConv {
    /// `[out, in, k, k]`
    pub weight: Tensor<4>,
    /// `[out]`
    pub bias: Tensor<1>,
    /// Step in pixels.
    pub stride: usize,
}

impl FoldedConv {
    /// Reads `name.weight` and either its bias or the statistics of the batch normalization `norm`.
    fn load(
        source: &dyn TensorSource,
        [name, norm]: [&str; 2],
        [output, input, kernel]: [usize; 3],
        stride: usize,
        device: &Device,
    ) -> Result<Self> {
        let (weight, bias) = folded(source, [name, norm], [output, input, kernel])?;
        let shape = [output, input, kernel, kernel];
        Ok(Self {
            weight: Tensor::from_data(TensorData::new(weight, shape), device),
            bias: Tensor::from_data(TensorData::new(bias, [output]), device),
            stride,
        })
    }

    /// `[B, in, H, W]` to `[B, out, H / stride, W / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let padding = self.weight.dims()[2] / 2;
        conv2d(x, self.weight.clone(), Some(self.bias.clone()), self.stride, padding)
    }
}

/// Weight and bias of a convolution; if the source has a batch normalization `norm` instead of a bias, it is
/// folded in.
fn folded(
    source: &dyn TensorSource,
    [name, norm]: [&str; 2],
    [output, input, kernel]: [usize; 3],
) -> Result<(Vec<f32>, Vec<f32>)> {
    let weight = source.get(&format!("{name}.weight"), &[output, input, kernel, kernel])?;
    if source.contains(&format!("{name}.bias")) || !source.contains(&format!("{norm}.weight")) {
        return Ok((weight, source.get(&format!("{name}.bias"), &[output])?));
    }
    let norm = BatchNorm::read(|part| source.get(&format!("{norm}.{part}"), &[output]))?;
    norm.fold(&weight, input * kernel * kernel, None).ok_or_else(|| {
        source.refused(format!(
            "the convolution '{name}' is not finite once its batch normalization is folded in; give other weights"
        ))
    })
}

/// A residual block: `relu(body(x) + shortcut(x))`.
#[derive(Clone, Debug)]
pub struct Block {
    /// Two 3x3 convolutions (basic) or 1x1, 3x3, 1x1 (bottleneck).
    pub body: Vec<FoldedConv>,
    /// A 1x1 convolution if the shape changes.
    pub shortcut: Option<FoldedConv>,
}

impl Block {
    fn load(
        source: &dyn TensorSource,
        prefix: &str,
        kind: BlockKind,
        [input, inner, output]: [usize; 3],
        stride: usize,
        device: &Device,
    ) -> Result<Self> {
        // Torchvision's ResNet v1.5: the stride sits on the (first) 3x3 convolution.
        let shapes: Vec<([usize; 3], usize)> = match kind {
            BlockKind::Basic => vec![([inner, input, 3], stride), ([output, inner, 3], 1)],
            BlockKind::Bottleneck => {
                vec![([inner, input, 1], 1), ([inner, inner, 3], stride), ([output, inner, 1], 1)]
            }
        };
        let body = shapes.into_iter().enumerate().map(|(i, (shape, stride))| {
            let names = [format!("{prefix}.conv{}", i + 1), format!("{prefix}.bn{}", i + 1)];
            FoldedConv::load(source, [&names[0], &names[1]], shape, stride, device)
        });
        let body = body.collect::<Result<_>>()?;
        let names = [format!("{prefix}.downsample.0"), format!("{prefix}.downsample.1")];
        let shortcut = (stride != 1 || input != output)
            .then(|| FoldedConv::load(source, [&names[0], &names[1]], [output, input, 1], stride, device))
            .transpose()?;
        Ok(Self { body, shortcut })
    }

    /// `[B, in, H, W]` to `[B, out, H / stride, W / stride]`.
    pub fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.shortcut {
            Some(conv) => conv.forward(x.clone()),
            None => x.clone(),
        };
        let y = self.body.iter().enumerate().fold(x, |y, (number, conv)| {
            let y = if number > 0 { relu(y) } else { y };
            conv.forward(y)
        });
        relu(y + shortcut)
    }
}

/// Stem, layer 1, layer 2 and layer 3.
#[derive(Clone, Debug)]
pub struct Trunk {
    /// 7x7, stride 2.
    pub stem: FoldedConv,
    /// The blocks of layers 1 to 3.
    pub layers: [Vec<Block>; 3],
}

impl Trunk {
    /// Reads torchvision's tensor names, with batch normalization or already folded.
    ///
    /// # Errors
    /// A tensor is missing or has another shape than the backbone's.
    pub fn load(backbone: Backbone, source: &dyn TensorSource, device: &Device) -> Result<Self> {
        let stem = FoldedConv::load(source, ["conv1", "bn1"], [backbone.stem(), 3, 7], 2, device)?;
        let mut input = backbone.stem();
        let mut layers = [const { Vec::new() }; 3];
        for (level, blocks) in layers.iter_mut().enumerate() {
            let (output, inner) = (backbone.channels()[level], backbone.inner()[level]);
            for i in 0..backbone.blocks()[level] {
                let stride = if i == 0 && level > 0 { 2 } else { 1 };
                let prefix = format!("layer{}.{i}", level + 1);
                let widths = [input, inner, output];
                blocks.push(Block::load(source, &prefix, backbone.block(), widths, stride, device)?);
                input = output;
            }
        }
        Ok(Self { stem, layers })
    }

    /// `[B, 3, H, W]`, ImageNet-normalized, to the outputs of layers 1, 2 and 3 after their last ReLU:
    /// `[B, C_k, H / 2^(k+1), W / 2^(k+1)]`.
    pub fn forward(&self, x: Tensor<4>) -> [Tensor<4>; 3] {
        let mut x = max_pool3x3(relu(self.stem.forward(x)));
        self.layers.each_ref().map(|blocks| {
            x = blocks.iter().fold(x.clone(), |x, block| block.forward(x));
            x.clone()
        })
    }
}
