//! stub
use super::stream::Batch;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
/// Painter
pub struct Painter { seed: u64 }
impl Painter {
    /// new
    pub fn new(seed: u64) -> Self { Self { seed } }
    /// batch
    pub fn batch(&self, first: u64, count: usize, size: usize) -> Batch {
        let mut planes = Vec::new();
        for i in 0..count {
            let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
            rng.set_stream(first + i as u64);
            planes.extend((0..3 * size * size).map(|_| rng.random::<u8>()));
        }
        Batch::pack(&planes, count, size)
    }
}
