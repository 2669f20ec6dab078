//! Batches of pictures, painted ahead of the network by all cores, in an order that depends only on the seed.

use super::procedural::Painter;
use crate::picture::{MEAN, STD};
use burn::tensor::{Device, Int, Tensor, TensorData};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

/// Pictures of one size, packed as 8-bit numbers, four to a word, which makes the upload a quarter of the
/// size of floats.
#[derive(Clone, Debug)]
pub struct Batch {
    words: Vec<i32>,
    /// How many pictures.
    pub count: usize,
    /// Side in pixels.
    pub size: usize,
}

impl Batch {
    /// Packs 8-bit planes: `count` pictures of 3 planes of `size * size`. `size` must be even.
    pub fn pack(planes: &[u8], count: usize, size: usize) -> Self {
        // Byte k of word i is number i + k * quarter, so that unpacking is a concatenation.
        let quarter = planes.len() / 4;
        let word = |i: usize| {
            i32::from_le_bytes([
                planes[i],
                planes[i + quarter],
                planes[i + 2 * quarter],
                planes[i + 3 * quarter],
            ])
        };
        Self { words: (0..quarter).map(word).collect(), count, size }
    }

    /// `[count, 3, size, size]` on the device, ImageNet-normalized.
    pub fn upload(&self, device: &Device) -> Tensor<4> {
        let words = TensorData::new(self.words.clone(), [self.words.len()]);
        let words = Tensor::<1, Int>::from_data(words, device);
        let bytes =
            (0..4).map(|k| words.clone().bitwise_right_shift_scalar(8 * k).bitwise_and_scalar(255).float());
        let pixels = Tensor::cat(bytes.collect(), 0).reshape([self.count, 3, self.size, self.size]);
        let channel = |values: [f32; 3]| Tensor::<1>::from_floats(values, device).reshape([1, 3, 1, 1]);
        let (mean, std) = (MEAN.map(|m| m * 255.0), STD.map(|s| s * 255.0));
        (pixels - channel(mean)) / channel(std)
    }
}

/// Endless batches.
pub struct Stream {
    receiver: Option<Receiver<(u64, Batch)>>,
    waiting: BTreeMap<u64, Batch>,
    next: u64,
    workers: Vec<JoinHandle<()>>,
}

impl Stream {
    /// Starts to paint pictures `first`, `first + 1` ... of the painter's stream, `count` to a batch.
    pub fn start(painter: &Arc<Painter>, first: u64, count: usize, size: usize, threads: usize) -> Self {
        let (sender, receiver) = sync_channel(2 * threads);
        let turn = Arc::new(AtomicU64::new(0));
        let workers = (0..threads).map(|_| {
            let (sender, turn, painter) = (sender.clone(), turn.clone(), painter.clone());
            std::thread::spawn(move || {
                loop {
                    let index = turn.fetch_add(1, Ordering::Relaxed);
                    let start = first + index * count as u64;
                    if sender.send((index, painter.batch(start, count, size))).is_err() {
                        return;
                    }
                }
            })
        });
        Self { receiver: Some(receiver), waiting: BTreeMap::new(), next: 0, workers: workers.collect() }
    }

    /// The next batch; `None` if the workers have died.
    pub fn take(&mut self) -> Option<Batch> {
        loop {
            if let Some(batch) = self.waiting.remove(&self.next) {
                self.next += 1;
                return Some(batch);
            }
            let (index, batch) = self.receiver.as_ref()?.recv().ok()?;
            self.waiting.insert(index, batch);
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.receiver = None;
        for worker in self.workers.drain(..) {
            let _ = worker.join();
        }
    }
}
