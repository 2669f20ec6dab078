//! Endless procedural pictures of things that might be inspected: materials, solid glossy things, trays, prints,
//! and their flaws. Picture `index` of a seed is always the same picture.

mod canvas;
mod color;
mod field;
mod finish;
mod print;
mod scene;
mod shape;
mod solid;
mod tiles;

use super::stream::Batch;
use canvas::Canvas;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use tiles::Tiles;

/// Paints the pictures of one seed.
#[derive(Debug)]
pub struct Painter {
    seed: u64,
    tiles: Tiles,
}

impl Painter {
    /// Prepares the noise all pictures share.
    pub fn new(seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::MAX);
        Self { seed, tiles: Tiles::new(&mut rng) }
    }

    /// Picture `index`: three planes (red, green, blue) of `size * size` bytes; `size` a multiple of 8.
    pub fn planes(&self, index: u64, size: usize) -> Vec<u8> {
        let (mut canvas, mut rng) = self.scene(index, size);
        finish::finish(&mut canvas, &mut rng, &self.tiles);
        bytes(&canvas)
    }

    /// Picture `index` with further flaws, in the same light.
    fn flawed(&self, index: u64, size: usize) -> Vec<u8> {
        let (mut canvas, mut rng) = self.scene(index, size);
        scene::flaws(&mut canvas, &mut self.flaw(index), &self.tiles, 1..4);
        finish::finish(&mut canvas, &mut rng, &self.tiles);
        bytes(&canvas)
    }

    /// Adds flaws to a photograph of three planes of `size * size` bytes.
    pub(super) fn spoilt(&self, planes: &[u8], index: u64, size: usize) -> Vec<u8> {
        let plane = |c: usize| planes[c * size * size..][..size * size].iter().map(|&v| f32::from(v) / 255.0);
        let mut canvas = Canvas { size, planes: [0, 1, 2].map(|c| plane(c).collect()) };
        scene::flaws(&mut canvas, &mut self.flaw(index), &self.tiles, 1..4);
        bytes(&canvas)
    }

    /// The random numbers of the flaws of picture `index`.
    fn flaw(&self, index: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed.rotate_left(32) ^ 0x5f1a);
        rng.set_stream(index);
        rng
    }

    /// Picture `index` before light and camera effects, and the random numbers for these.
    fn scene(&self, index: u64, size: usize) -> (Canvas, ChaCha8Rng) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(index);
        let mut canvas = scene::scene(&mut rng, &self.tiles, size);
        // Part of another scene, for edges between unrelated things.
        if rng.random_bool(0.12) {
            let other = scene::scene(&mut rng, &self.tiles, size);
            let mask = scene::region(&mut rng, &self.tiles, size);
            canvas.blend(&mask, &other);
        }
        (canvas, rng)
    }

    /// `count` pictures, starting with `first`; the last ones are the twins of those before, see [`twins`].
    pub(super) fn batch(&self, first: u64, count: usize, size: usize) -> Batch {
        let (twins, count_u64) = (twins(count) as u64, count as u64);
        let plain = (0..count_u64 - twins).flat_map(|i| self.planes(first + i, size));
        let flawed = (count_u64 - 2 * twins..count_u64 - twins).flat_map(|i| self.flawed(first + i, size));
        Batch::pack(&plain.chain(flawed).collect::<Vec<u8>>(), count, size)
    }

    /// Picture `index` as an RGB image.
    pub fn picture(&self, index: u64, size: usize) -> image::RgbImage {
        let planes = self.planes(index, size);
        image::RgbImage::from_fn(size as u32, size as u32, |x, y| {
            let i = y as usize * size + x as usize;
            image::Rgb([0, 1, 2].map(|c| planes[c * size * size + i]))
        })
    }
}

/// How many pictures at the end of a batch of `count` are equal to those right before them except for flaws,
/// which a detector must tell apart.
pub fn twins(count: usize) -> usize {
    (count / 8).max(1)
}

fn bytes(canvas: &Canvas) -> Vec<u8> {
    canvas.planes.iter().flatten().map(|v| (v.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_depends_on_seed_and_index_only() {
        let (one, two) = (Painter::new(3), Painter::new(3));
        // The order must not matter.
        let ahead: Vec<_> = (0..6).rev().map(|i| one.planes(i, 32)).collect();
        for (i, planes) in ahead.iter().rev().enumerate() {
            assert_eq!(*planes, two.planes(i as u64, 32));
        }
        assert_ne!(ahead[0], ahead[1]);
        assert_ne!(Painter::new(4).planes(0, 32), two.planes(0, 32));
    }

    #[test]
    fn pictures_are_varied() {
        let painter = Painter::new(1);
        let mut flat = 0;
        for i in 0..40 {
            let planes = painter.planes(i, 64);
            let mean = planes.iter().map(|v| f64::from(*v)).sum::<f64>() / planes.len() as f64;
            let variance = planes.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>();
            flat += usize::from(variance / (planes.len() as f64) < 25.0);
        }
        assert!(flat <= 6, "{flat} of 40 pictures show next to nothing");
    }

    /// Writes a sheet for visual inspection: `AAND_SHEET=/tmp/sheet.png cargo test --release pretrain --
    /// --ignored`.
    #[test]
    #[ignore = "for the eye"]
    fn sheet() {
        let Ok(path) = std::env::var("AAND_SHEET") else { return };
        let (across, size) = (12, 128);
        let painter = Painter::new(7);
        let mut sheet = image::RgbImage::new(across * size, across * size);
        let start = std::time::Instant::now();
        for i in 0..across * across {
            let picture = painter.picture(u64::from(i), size as usize);
            let (x, y) = ((i % across) * size, (i / across) * size);
            image::imageops::replace(&mut sheet, &picture, i64::from(x), i64::from(y));
        }
        let each = start.elapsed().as_secs_f64() * 1e3 / f64::from(across * across);
        println!("{each:.2} ms a picture");
        sheet.save(path).unwrap();
    }
}
