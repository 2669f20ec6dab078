//! The teacher on a Burn device.

use super::{Backbone, FoldedConv, TensorSource, Trunk};
use crate::Result;
use crate::normal::normal;
use burn::tensor::{Device, Tensor};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use sha2::{Digest, Sha256};
use std::sync::{Mutex, PoisonError};

/// A frozen pre-trained network.
#[derive(Clone, Debug)]
pub struct Teacher {
    /// Which network.
    pub backbone: Backbone,
    /// Its weights.
    pub trunk: Trunk,
    /// SHA-256 over the weights as read, as 64 hexadecimal digits; empty for a teacher made in memory.
    pub fingerprint: String,
}

impl Teacher {
    /// Reads a teacher under torchvision's tensor names.
    ///
    /// # Errors
    /// A tensor is missing or has another shape than the backbone's.
    pub fn load(backbone: Backbone, source: &dyn TensorSource, device: &Device) -> Result<Self> {
        let source = Witness { source, read: Mutex::default() };
        let trunk = Trunk::load(backbone, &source, device)?;
        let read = source.read.into_inner().unwrap_or_else(PoisonError::into_inner);
        let fingerprint = crate::hash::hex(read.finalize());
        Ok(Self { backbone, trunk, fingerprint })
    }

    /// A randomly initialized teacher (Kaiming-normal), for the first row of the paper's Table I.
    ///
    /// # Errors
    /// None: every tensor is generated on request.
    pub fn random(backbone: Backbone, seed: u64, device: &Device) -> Result<Self> {
        let source = RandomWeights(Mutex::new(ChaCha8Rng::seed_from_u64(seed)));
        Self::load(backbone, &source, device)
    }

    /// `[B, 3, H, W]`, ImageNet-normalized, to `F_T` at levels 1, 2 and 3:
    /// `[B, C_k, H / 2^(k+1), W / 2^(k+1)]`, none negative.
    pub fn forward(&self, x: Tensor<4>) -> [Tensor<4>; 3] {
        self.trunk.forward(x)
    }

    /// Name, shape and values of every folded weight, under torchvision's names.
    pub fn weights(&self) -> Vec<(String, Tensor<4>, Tensor<1>)> {
        let entry = |name: String, conv: &FoldedConv| (name, conv.weight.clone(), conv.bias.clone());
        let mut all = vec![entry("conv1".into(), &self.trunk.stem)];
        for (level, blocks) in self.trunk.layers.iter().enumerate() {
            for (i, block) in blocks.iter().enumerate() {
                let prefix = format!("layer{}.{i}", level + 1);
                for (j, conv) in block.body.iter().enumerate() {
                    all.push(entry(format!("{prefix}.conv{}", j + 1), conv));
                }
                all.extend(block.shortcut.iter().map(|conv| entry(format!("{prefix}.downsample.0"), conv)));
            }
        }
        all
    }
}

/// A source that also computes the SHA-256 over everything read from it.
struct Witness<'a> {
    source: &'a dyn TensorSource,
    read: Mutex<Sha256>,
}

impl TensorSource for Witness<'_> {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let values = self.source.get(name, shape)?;
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.update(name.as_bytes());
        values.iter().for_each(|value| read.update(value.to_le_bytes()));
        Ok(values)
    }

    fn contains(&self, name: &str) -> bool {
        self.source.contains(name)
    }

    fn refused(&self, reason: String) -> crate::Error {
        self.source.refused(reason)
    }
}

/// Kaiming-normal (fan-out) weights and zero biases, as torchvision initializes a ResNet.
struct RandomWeights(Mutex<ChaCha8Rng>);

impl TensorSource for RandomWeights {
    fn get(&self, _: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let count = shape.iter().product();
        if shape.len() != 4 {
            return Ok(vec![0.0; count]);
        }
        let std = (2.0 / (shape[0] * shape[2] * shape[3]) as f64).sqrt();
        let mut rng = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok((0..count).map(|_| (normal(&mut rng) * std) as f32).collect())
    }

    fn contains(&self, name: &str) -> bool {
        name.ends_with(".bias")
    }
}

impl TensorSource for crate::weights::TensorFile {
    fn get(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        Self::get(self, name, shape)
    }

    fn contains(&self, name: &str) -> bool {
        Self::contains(self, name)
    }

    fn refused(&self, reason: String) -> crate::Error {
        crate::Error::weights(self.path(), reason)
    }
}
