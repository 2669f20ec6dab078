//! The source of textures: pictures (DTD in the reference), or endless procedural ones.

use super::{geometry::resize_bilinear, procedural};
use crate::picture::Picture;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

/// The source of textures.
///
/// The reference blends textures in BGR order (method.md 3 step 1). Swapping channels only turns one texture
/// into another, which augmenters recolor anyway, so here they stay RGB.
#[derive(Clone, Debug, Default)]
pub struct Textures {
    /// Empty for procedural textures.
    pictures: Vec<Picture>,
}

impl Textures {
    /// Procedural textures, a new one each time.
    pub fn builtin() -> Self {
        Self::default()
    }

    /// These pictures, each equally likely; procedural textures if there are none.
    pub fn from_pictures(pictures: Vec<Picture>) -> Self {
        Self { pictures: pictures.into_iter().filter(|p| p.width() > 0 && p.height() > 0).collect() }
    }

    /// All pictures in `folder` and below, in natural order, shrunk to `size x size`.
    ///
    /// Each takes `3 size^2` bytes of memory: 1.1 GB for the 5640 of DTD at 256.
    ///
    /// # Errors
    /// When the folder can't be read, holds no picture, or a picture is damaged.
    #[cfg(not(target_arch = "wasm32"))]
    pub fn open(folder: &std::path::Path, size: usize) -> crate::Result<Self> {
        use rayon::prelude::*;
        let found = match folder.is_dir() {
            true => crate::listing::below(folder)?,
            false if folder.exists() => {
                let reason = "it is a file; name a folder of textures, or leave `textures` out";
                return Err(crate::Error::dataset(folder, reason));
            }
            false => return Err(crate::Error::io(folder, std::io::ErrorKind::NotFound.into())),
        };
        let paths = found.pictures;
        if paths.is_empty() {
            let told = found.left_out.in_brackets();
            return Err(crate::Error::dataset(
                folder,
                format!(
                    "holds no picture (jpg, png, bmp, tiff, webp){told}; name a folder of textures, or leave `textures` out"
                ),
            ));
        }
        // `collect` keeps the order, whichever thread decodes first.
        let pictures: crate::Result<_> = paths
            .par_iter()
            .map(|path| Ok(resize_bilinear(&crate::picture::open(path)?, size as u32, size as u32)))
            .collect();
        Ok(Self { pictures: pictures? })
    }

    /// How many pictures there are to choose from; `None` for endless procedural ones.
    pub fn count(&self) -> Option<usize> {
        (!self.pictures.is_empty()).then_some(self.pictures.len())
    }

    /// SHA-256 over the pictures, as 64 hexadecimal digits; that of no bytes for procedural ones.
    pub fn fingerprint(&self) -> String {
        use sha2::{Digest, Sha256};
        let mut all = Sha256::new();
        for picture in &self.pictures {
            let (width, height) = picture.dimensions();
            [width, height].iter().for_each(|side| all.update(side.to_le_bytes()));
            all.update(picture.as_raw());
        }
        crate::hash::hex(all.finalize())
    }

    /// The same textures, with all pictures already resized to `size x size` (bilinear, no antialiasing).
    pub fn resized(self, size: usize) -> Self {
        let size = size as u32;
        Self { pictures: self.pictures.iter().map(|picture| resize_bilinear(picture, size, size)).collect() }
    }

    /// A random texture of `size x size`.
    pub fn draw(&self, size: usize, rng: &mut ChaCha8Rng) -> Picture {
        match self.pictures.choose(rng) {
            Some(picture) => resize_bilinear(picture, size as u32, size as u32),
            None => procedural::texture(size, rng),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn procedural_textures_vary_and_repeat_by_seed() {
        let draw = |seed| Textures::builtin().draw(96, &mut ChaCha8Rng::seed_from_u64(seed));
        let (mut means, mut flat) = (Vec::new(), 0);
        for seed in 0..60 {
            let texture = draw(seed);
            assert_eq!(texture.dimensions(), (96, 96));
            let values: Vec<f32> = texture.iter().map(|&v| f32::from(v)).collect();
            let mean = values.iter().sum::<f32>() / values.len() as f32;
            let deviation =
                (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt();
            flat += usize::from(deviation < 6.0);
            means.push(mean);
        }
        assert_eq!(draw(7), draw(7));
        assert!(flat <= 5, "{flat} of 60 textures show hardly anything");
        let (low, high) = means.iter().fold((255.0, 0.0), |(l, h): (f32, f32), &m| (l.min(m), h.max(m)));
        assert!(high - low > 90.0, "means from {low} to {high}");
    }

    #[test]
    fn pictures_are_chosen_uniformly_and_resized() {
        let textures = Textures::from_pictures(
            (0..4_u8).map(|n| Picture::from_pixel(10 + u32::from(n), 7, Rgb([n * 10; 3]))).collect(),
        );
        assert_eq!(textures.count(), Some(4));
        let mut rng = ChaCha8Rng::seed_from_u64(2);
        let mut counts = [0; 4];
        for _ in 0..200 {
            let texture = textures.draw(16, &mut rng);
            assert_eq!(texture.dimensions(), (16, 16));
            counts[usize::from(texture.get_pixel(3, 3)[0]) / 10] += 1;
        }
        assert!(counts.iter().all(|&n| n > 25), "{counts:?}");
    }

    #[test]
    fn a_folder_is_read_recursively_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("woven");
        std::fs::create_dir(&inner).unwrap();
        for (path, grey) in [(inner.join("a.PNG"), 200), (folder.path().join("z.png"), 100)] {
            Picture::from_pixel(20, 10, Rgb([grey; 3]))
                .save_with_format(path, image::ImageFormat::Png)
                .unwrap();
        }
        std::fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
        let textures = Textures::open(folder.path(), 8).unwrap();
        let greys: Vec<u8> = textures.pictures.iter().map(|p| p.get_pixel(0, 0)[0]).collect();
        assert_eq!(greys, [200, 100]);
        assert_eq!(textures.pictures[0].dimensions(), (8, 8));

        let told = Textures::open(&folder.path().join("z.png"), 8).unwrap_err().to_string();
        assert!(told.contains("z.png") && told.contains("it is a file; name a folder"), "{told}");

        // A Mac's metadata, hidden files and a link back to the folder are not textures; files with any ending of a
        // picture are.
        std::fs::write(folder.path().join("._z.png"), [0, 5, 22, 7]).unwrap();
        std::fs::write(inner.join(".hidden.png"), b"x").unwrap();
        std::fs::copy(folder.path().join("z.png"), inner.join("b.jfif")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink(".", folder.path().join("again")).unwrap();
        assert_eq!(Textures::open(folder.path(), 8).unwrap().count(), Some(3));

        std::fs::write(inner.join("b.jpg"), b"not a picture").unwrap();
        let message = Textures::open(folder.path(), 8).unwrap_err().to_string();
        assert!(message.contains("b.jpg"), "{message}");
        let empty = tempfile::tempdir().unwrap();
        assert!(Textures::open(empty.path(), 8).unwrap_err().to_string().contains("`textures`"));
        assert!(Textures::open(&empty.path().join("missing"), 8).is_err());
    }
}
