//! The advanced teacher's features of the training pictures, kept on the GPU if they fit.

use super::tape::buffer;
use crate::gpu::Gpu;
use crate::{Error, Result};

/// One buffer per picture, with the three levels one after the other.
pub struct Features {
    pictures: Vec<wgpu::Buffer>,
    /// Numbers of a picture, by level.
    lengths: [usize; 3],
}

impl Features {
    /// No features yet; `lengths` are their numbers per level.
    pub fn new(lengths: [usize; 3]) -> Self {
        Self { pictures: Vec::new(), lengths }
    }

    /// Bytes of a picture.
    pub fn bytes(lengths: [usize; 3]) -> u64 {
        4 * lengths.iter().sum::<usize>() as u64
    }

    /// Adds copies of the first `count` pictures of a batch, which has one buffer per level.
    ///
    /// # Errors
    /// The device is out of memory.
    pub fn push(&mut self, gpu: &Gpu, batch: &[wgpu::Buffer; 3], count: usize) -> Result<()> {
        let mut encoder = gpu.device.create_command_encoder(&Default::default());
        for picture in 0..count {
            let to = buffer(gpu, "features", Self::bytes(self.lengths) as usize);
            let mut offset = 0;
            for (from, length) in batch.iter().zip(self.lengths) {
                let bytes = 4 * length as u64;
                encoder.copy_buffer_to_buffer(from, picture as u64 * bytes, &to, offset, bytes);
                offset += bytes;
            }
            self.pictures.push(to);
        }
        gpu.submit(encoder);
        gpu.check()
    }

    /// Records the copy of the first `count` pictures of one batch into another.
    pub fn copy(
        from: &[wgpu::Buffer; 3],
        lengths: [usize; 3],
        count: usize,
        encoder: &mut wgpu::CommandEncoder,
        to: &[wgpu::Buffer; 3],
    ) {
        for ((from, to), length) in from.iter().zip(to).zip(lengths) {
            encoder.copy_buffer_to_buffer(from, 0, to, 0, 4 * (length * count) as u64);
        }
    }

    /// Records the copies of the chosen pictures into a batch.
    ///
    /// # Errors
    /// There is no such picture.
    pub fn load(
        &self,
        chosen: &[usize],
        encoder: &mut wgpu::CommandEncoder,
        batch: &[wgpu::Buffer; 3],
    ) -> Result<()> {
        for (place, &picture) in chosen.iter().enumerate() {
            let from = self.pictures.get(picture);
            let from = from.ok_or_else(|| Error::Training(format!("there is no picture {picture}")))?;
            let mut offset = 0;
            for (to, length) in batch.iter().zip(self.lengths) {
                let bytes = 4 * length as u64;
                encoder.copy_buffer_to_buffer(from, offset, to, place as u64 * bytes, bytes);
                offset += bytes;
            }
        }
        Ok(())
    }
}
