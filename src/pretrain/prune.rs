//! The starting point of the compact trunk: the large network itself, with the least informative channels
//! removed and the rest fitted by least squares to make up for them (as in He et al. 2017, "Channel Pruning",
//! and Luo et al. 2017, "ThiNet"), on painted pictures.
//!
//! Two kinds of channels are chosen (`choose`): those inside a block, after its first ReLU, and those of a
//! level's residual stream, which all its blocks share because of the identity shortcuts. Then every
//! convolution, starting at the stem, is fitted (`least_squares`) so that *from the narrow network's own
//! activations* it gives the wanted channels of the large network; so later layers make up for what earlier
//! ones lost.

use super::choose::{Reading, choose};
use super::least_squares::{fit, matrix};
use crate::Result;
use crate::convolution::max_pool3x3;
use crate::teacher::{Backbone, Block, FoldedConv, Teacher, Trunk};
use burn::tensor::{Device, Int, Tensor, TensorData, activation::relu};
use nalgebra::DMatrix;

/// The weight of the network's output features relative to one reader inside the network.
const OUTPUT_WEIGHT: f64 = 3.0;

/// A narrower network, and how to predict the large network's features from its own.
#[derive(Clone, Debug)]
pub struct Pruned {
    /// The network.
    pub trunk: Trunk,
    /// For each level a 1x1 convolution from its channels to those of the large network.
    pub expansions: [FoldedConv; 3],
}

/// The chosen channels of one group, all divided by their typical deviation: this keeps the proportions of
/// the large network, which a detector compares, and gives weights of similar size to train.
#[derive(Clone, Debug)]
struct Chosen {
    index: Vec<usize>,
    scale: f64,
    device: Device,
}

impl Chosen {
    /// The best `keep` channels of `readings`; the deviations are those of the last reading.
    fn new(readings: Vec<Reading>, keep: usize, device: &Device) -> Self {
        let variance = readings.last().map(|r| r.covariance.diagonal().clone_owned()).unwrap_or_default();
        let index = choose(readings, keep);
        let mean = index.iter().map(|&i| variance[i]).sum::<f64>() / index.len().max(1) as f64;
        Self { index, scale: 1.0 / (mean.max(0.0).sqrt() + 1e-6), device: device.clone() }
    }

    /// The wanted channels of a map, `[B, n, H, W]` to `[B, keep, H, W]`.
    fn of(&self, x: &Tensor<4>) -> Tensor<4> {
        let index: Vec<i32> = self.index.iter().map(|&i| i as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(index, [self.index.len()]), &self.device);
        x.clone().select(1, index) * self.scale
    }

    /// The 1x1 convolution that puts the chosen channels back at their positions among `channels`.
    fn back(&self, channels: usize) -> FoldedConv {
        let mut weight = vec![0.0; channels * self.index.len()];
        for (j, &i) in self.index.iter().enumerate() {
            weight[i * self.index.len() + j] = (1.0 / self.scale) as f32;
        }
        let weight = TensorData::new(weight, [channels, self.index.len(), 1, 1]);
        let weight = Tensor::from_data(weight, &self.device);
        FoldedConv { weight, bias: Tensor::zeros([channels], &self.device), stride: 1 }
    }

    /// `conv` applied after `expansion`, only its chosen outputs.
    fn narrowed(&self, conv: &FoldedConv, expansion: &FoldedConv) -> FoldedConv {
        let [outputs, inputs, kernel, _] = conv.weight.dims();
        let narrow = expansion.weight.dims()[1];
        let taps = kernel * kernel;
        // Rows are outputs and taps, columns inputs.
        let rows = conv.weight.clone().permute([0, 2, 3, 1]).reshape([outputs * taps, inputs]);
        let weight = rows.clone().matmul(expansion.weight.clone().reshape([inputs, narrow]));
        let weight = weight.reshape([outputs, kernel, kernel, narrow]).permute([0, 3, 1, 2]);
        let constant = rows.matmul(expansion.bias.clone().reshape([inputs, 1])).reshape([outputs, taps]);
        let bias = conv.bias.clone() + constant.sum_dim(1).reshape([outputs]);
        let weight = self.of(&weight.reshape([1, outputs, narrow, taps]));
        let keep = self.index.len();
        let bias = self.of(&bias.reshape([1, outputs, 1, 1])).reshape([keep]);
        FoldedConv { weight: weight.reshape([keep, narrow, kernel, kernel]), bias, stride: conv.stride }
    }
}

/// Moments of the channels of maps, accumulated batch by batch.
#[derive(Clone, Debug, Default)]
struct Moments {
    products: Option<DMatrix<f64>>,
    sums: Option<DMatrix<f64>>,
    count: f64,
}

impl Moments {
    fn add(&mut self, x: &Tensor<4>) -> Result<()> {
        let [batch, channels, height, width] = x.dims();
        let rows = x.clone().permute([1, 0, 2, 3]).reshape([channels, batch * height * width]);
        let products = matrix(rows.clone().matmul(rows.clone().transpose()))?;
        let sums = matrix(rows.sum_dim(1))?;
        self.products = Some(self.products.take().map_or(products.clone(), |old| old + products));
        self.sums = Some(self.sums.take().map_or(sums.clone(), |old| old + sums));
        self.count += (batch * height * width) as f64;
        Ok(())
    }

    fn covariance(self) -> DMatrix<f64> {
        let (products, sums) = (self.products.unwrap_or_default(), self.sums.unwrap_or_default());
        let mean = sums / self.count;
        products / self.count - &mean * mean.transpose()
    }
}

/// Importance of a convolution's inputs: the sum over outputs and taps of `w w'`.
fn importance(conv: &FoldedConv) -> Result<DMatrix<f64>> {
    let [outputs, inputs, kernel, _] = conv.weight.dims();
    let rows = conv.weight.clone().permute([0, 2, 3, 1]).reshape([outputs * kernel * kernel, inputs]);
    matrix(rows.clone().transpose().matmul(rows))
}

/// The chosen channels of the three residual streams, and those inside each block.
struct KeptChannels {
    streams: [Chosen; 3],
    inner: [Vec<Chosen>; 3],
}

fn plan(large: &Trunk, to: Backbone, pictures: &[Tensor<4>], device: &Device) -> Result<KeptChannels> {
    // For each level: the input of its first block (level 1 only), the output of each block, and the features
    // inside each.
    let mut entry = Moments::default();
    let mut after = large.layers.each_ref().map(|blocks| vec![Moments::default(); blocks.len()]);
    let mut inside = after.clone();
    for x in pictures {
        let mut x = max_pool3x3(relu(large.stem.forward(x.clone())));
        entry.add(&x)?;
        for ((blocks, after), inside) in large.layers.iter().zip(&mut after).zip(&mut inside) {
            for ((block, after), inside) in blocks.iter().zip(after).zip(inside) {
                inside.add(&relu(block.body[0].forward(x.clone())))?;
                x = block.forward(x);
                after.add(&x)?;
            }
        }
    }
    let mut streams = Vec::with_capacity(3);
    let mut inner = Vec::with_capacity(3);
    let mut entry = Some(entry);
    for (level, (after, inside)) in after.into_iter().zip(inside).enumerate() {
        let blocks = &large.layers[level];
        let keep = to.channels()[level];
        let mut readings = Vec::new();
        if let Some(entry) = entry.take() {
            let mut reading = Reading::new(entry.covariance());
            reading.read(&importance(&blocks[0].body[0])?, 1.0);
            readings.push(reading);
        }
        for (i, moments) in after.into_iter().enumerate() {
            let mut reading = Reading::new(moments.covariance());
            if let Some(next) = blocks.get(i + 1) {
                reading.read(&importance(&next.body[0])?, 1.0);
            } else {
                let channels = reading.covariance.nrows();
                reading.read(&DMatrix::identity(channels, channels), OUTPUT_WEIGHT);
                if let Some(next) = large.layers.get(level + 1) {
                    for conv in std::iter::once(&next[0].body[0]).chain(&next[0].shortcut) {
                        reading.read(&importance(conv)?, 1.0);
                    }
                }
            }
            readings.push(reading);
        }
        streams.push(Chosen::new(readings, keep, device));
        let inside = inside.into_iter().zip(blocks).map(|(moments, block)| {
            let mut reading = Reading::new(moments.covariance());
            reading.read(&importance(&block.body[1])?, 1.0);
            Ok(Chosen::new(vec![reading], to.inner()[level], device))
        });
        inner.push(inside.collect::<Result<Vec<_>>>()?);
    }
    let three = "three levels";
    Ok(KeptChannels { streams: streams.try_into().expect(three), inner: inner.try_into().expect(three) })
}

/// Activations of the narrow and of the large network, batch by batch.
type Pairs = Vec<(Tensor<4>, Tensor<4>)>;

/// `large` pruned to the widths of `to`, fitted on `pictures` (`[B, 3, H, W]` each, ImageNet-normalized). Both
/// must consist of basic blocks, equally many at each level.
///
/// # Errors
/// The device fails, or features are not finite.
pub fn prune(large: &Teacher, to: Backbone, pictures: &[Tensor<4>], device: &Device) -> Result<Pruned> {
    let large = &large.trunk;
    let plan = plan(large, to, pictures, device)?;
    let first = &plan.streams[0];
    // The stem sees the pictures themselves: nothing is lost before it.
    let channels = large.stem.weight.dims()[1];
    let nothing_lost = FoldedConv {
        weight: matrix_identity(channels, device),
        bias: Tensor::zeros([channels], device),
        stride: 1,
    };
    let stem = first.narrowed(&large.stem, &nothing_lost);
    let enter = |conv: &FoldedConv, x: &Tensor<4>| max_pool3x3(relu(conv.forward(x.clone())));
    let mut stream: Pairs = pictures.iter().map(|x| (enter(&stem, x), enter(&large.stem, x))).collect();
    let mut expansion = fit(first.back(large.stem.weight.dims()[0]), &stream)?;
    let mut layers = [const { Vec::new() }; 3];
    let mut expansions = Vec::with_capacity(3);
    let levels = large.layers.iter().zip(&plan.streams).zip(plan.inner.iter().zip(&mut layers));
    for ((blocks, chosen), (inner, narrow)) in levels {
        for (block, inner) in blocks.iter().zip(inner) {
            narrow.push(narrow_block(block, [chosen, inner], &mut stream, &expansion)?);
            expansion = fit(chosen.back(block.body[1].weight.dims()[0]), &stream)?;
        }
        expansions.push(expansion.clone());
    }
    let expansions = expansions.try_into().expect("three levels");
    Ok(Pruned { trunk: Trunk { stem, layers }, expansions })
}

/// Narrows one block; advances `stream` from its input to its output. `expansion` predicts the large stream from
/// the narrow one.
fn narrow_block(
    block: &Block,
    [chosen, inner]: [&Chosen; 2],
    stream: &mut Pairs,
    expansion: &FoldedConv,
) -> Result<Block> {
    let [first, second] = &block.body[..] else { unreachable!("a basic block has two convolutions") };
    let wanted: Pairs =
        stream.iter().map(|(own, large)| (own.clone(), inner.of(&first.forward(large.clone())))).collect();
    let narrow_first = fit(inner.narrowed(first, expansion), &wanted)?;
    let shortcut = match &block.shortcut {
        Some(conv) => {
            let wanted: Pairs = stream
                .iter()
                .map(|(own, large)| (own.clone(), chosen.of(&conv.forward(large.clone()))))
                .collect();
            Some(fit(chosen.narrowed(conv, expansion), &wanted)?)
        }
        None => None,
    };
    let inside: Pairs = stream
        .iter()
        .map(|(own, large)| (relu(narrow_first.forward(own.clone())), relu(first.forward(large.clone()))))
        .collect();
    let inner_expansion = fit(inner.back(first.weight.dims()[0]), &inside)?;
    // The second convolution also makes up for what the shortcut loses.
    let short = |own: &Tensor<4>| shortcut.as_ref().map_or(own.clone(), |conv| conv.forward(own.clone()));
    let mut wanted = Vec::with_capacity(stream.len());
    for ((own, large), (own_inside, large_inside)) in stream.iter().zip(&inside) {
        let large_short = block.shortcut.as_ref().map_or(large.clone(), |conv| conv.forward(large.clone()));
        let sum = second.forward(large_inside.clone()) + large_short;
        wanted.push((own_inside.clone(), chosen.of(&sum) - short(own)));
    }
    let narrow_second = fit(chosen.narrowed(second, &inner_expansion), &wanted)?;
    let narrow = Block { body: vec![narrow_first, narrow_second], shortcut };
    for (own, large) in stream {
        *own = narrow.forward(own.clone());
        *large = block.forward(large.clone());
    }
    Ok(narrow)
}

/// The identity as a 1x1 convolution.
fn matrix_identity(channels: usize, device: &Device) -> Tensor<4> {
    Tensor::<2>::eye(channels, device).reshape([channels, channels, 1, 1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pretrain::Painter;
    use crate::pretrain::standardize::numbers;

    fn pictures(count: usize, device: &Device) -> Vec<Tensor<4>> {
        let painter = Painter::new(5);
        (0..count as u64).map(|i| painter.batch(8 * i, 8, 64).upload(device)).collect()
    }

    /// Mean square of the difference, as a share of the variance of `wanted`.
    fn share_missed(own: Tensor<4>, wanted: Tensor<4>) -> f32 {
        let missed = (own - wanted.clone()).square().mean();
        numbers(&(missed / wanted.var_mean(1).0.mean())).unwrap()[0]
    }

    #[test]
    fn at_full_width_nothing_changes() {
        let device = Device::flex();
        let large = Teacher::random(Backbone::Compact, 3, &device).unwrap();
        let pictures = pictures(2, &device);
        let pruned = prune(&large, Backbone::Compact, &pictures, &device).unwrap();
        let narrow = pruned.trunk.forward(pictures[0].clone());
        let wanted = large.forward(pictures[0].clone());
        for ((own, expansion), wanted) in narrow.into_iter().zip(&pruned.expansions).zip(wanted) {
            let missed = share_missed(expansion.forward(own), wanted);
            assert!(missed < 1e-6, "{missed}");
        }
    }

    #[test]
    fn channels_that_are_copies_can_go() {
        let device = Device::flex();
        // A network of twice the width in which every channel occurs twice.
        let small = Teacher::random(Backbone::Compact, 3, &device).unwrap();
        let twice = |conv: &FoldedConv, first: bool| {
            let weight = Tensor::cat(vec![conv.weight.clone(); 2], 0);
            let weight = if first { weight } else { Tensor::cat(vec![weight * 0.5; 2], 1) };
            FoldedConv { weight, bias: Tensor::cat(vec![conv.bias.clone(); 2], 0), stride: conv.stride }
        };
        let layers = small.trunk.layers.each_ref().map(|blocks| {
            let block = |block: &Block| Block {
                body: block.body.iter().map(|conv| twice(conv, false)).collect(),
                shortcut: block.shortcut.as_ref().map(|conv| twice(conv, false)),
            };
            blocks.iter().map(block).collect()
        });
        let trunk = Trunk { stem: twice(&small.trunk.stem, true), layers };
        let large = Teacher { backbone: Backbone::Resnet18, trunk, fingerprint: String::new() };
        let pictures = pictures(4, &device);
        let pruned = prune(&large, Backbone::Compact, &pictures, &device).unwrap();
        let narrow = pruned.trunk.forward(pictures[0].clone());
        assert_eq!(narrow.each_ref().map(|x| x.dims()[1]), Backbone::Compact.channels());
        let wanted = large.forward(pictures[0].clone());
        for ((own, expansion), wanted) in narrow.into_iter().zip(&pruned.expansions).zip(wanted) {
            let missed = share_missed(expansion.forward(own), wanted);
            assert!(missed < 1e-3, "{missed}");
        }
    }
}
