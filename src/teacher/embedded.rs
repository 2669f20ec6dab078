//! The embedded teacher: a compact trunk that ships with the program (docs/teacher.md).

#[cfg(feature = "burn")]
use super::{Backbone, Teacher};
#[cfg(feature = "burn")]
use crate::weights::TensorFile;
use crate::{Error, Result};
#[cfg(feature = "burn")]
use burn::tensor::Device;
#[cfg(feature = "burn")]
use std::path::Path;

/// The hash of the file described in docs/teacher.md, by which models that leave their teacher out refer to
/// it.
pub const EMBEDDED_SHA256: &str = "67845de788189dc4d3b35dd4d1e66b07c69232ccdc970c0e3b6f15ff75ac37e8";

/// The weights, f16, batch normalization folded in; made by `aand pretrain`.
#[cfg(any(feature = "burn", not(target_arch = "wasm32")))]
pub const EMBEDDED: &[u8] = include_bytes!("embedded.safetensors");

/// The teacher's file, in a module that does not include it: the browser's detection module, which is small
/// without it.
#[cfg(all(not(feature = "burn"), target_arch = "wasm32"))]
static PROVIDED: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();

/// The bytes of the embedded teacher's file; `None` in a browser before they have been provided.
pub fn embedded_bytes() -> Option<&'static [u8]> {
    #[cfg(any(feature = "burn", not(target_arch = "wasm32")))]
    {
        Some(EMBEDDED)
    }
    #[cfg(all(not(feature = "burn"), target_arch = "wasm32"))]
    {
        PROVIDED.get().map(Vec::as_slice)
    }
}

/// Provides the embedded teacher's file to a program that does not include it.
///
/// # Errors
/// It is another file.
pub fn provide(bytes: Vec<u8>) -> Result<()> {
    if crate::hash::sha256_of(&bytes) != EMBEDDED_SHA256 {
        let reason = "this is not the embedded teacher's file, or it arrived damaged; try again";
        return Err(Error::Setting(reason.into()));
    }
    #[cfg(all(not(feature = "burn"), target_arch = "wasm32"))]
    PROVIDED.get_or_init(|| bytes);
    Ok(())
}

#[cfg(feature = "burn")]
impl Teacher {
    /// The compact teacher that needs no file.
    ///
    /// # Errors
    /// None, unless the program itself is damaged.
    pub fn embedded(device: &Device) -> Result<Self> {
        let file = TensorFile::from_safetensors_bytes(EMBEDDED, Path::new("the embedded teacher"))?;
        Self::load(Backbone::Compact, &file, device)
    }
}

#[cfg(all(test, feature = "burn", not(target_arch = "wasm32")))]
mod tests {
    use super::*;
    use crate::picture::normalize;
    use crate::pretrain::Painter;
    use burn::tensor::{Tensor, TensorData};

    /// Mean and root mean square of the features of `picture` at each level.
    const FEATURES: [[f32; 2]; 3] = [[0.5799564, 0.7292393], [0.19702, 0.3147673], [0.1478904, 0.2508184]];

    #[test]
    fn the_file_is_the_documented_one() {
        assert_eq!(crate::hash::sha256_of(EMBEDDED), EMBEDDED_SHA256);
        assert!(EMBEDDED.len() <= 3 << 20, "{} bytes", EMBEDDED.len());
    }

    #[test]
    fn features_of_a_painted_picture_are_the_pinned_ones() {
        let device = Device::flex();
        let picture = Painter::new(7).picture(5, 128);
        let x = Tensor::<4>::from_data(TensorData::new(normalize(&picture), [1, 3, 128, 128]), &device);
        let levels = Teacher::embedded(&device).unwrap().forward(x);
        let found = levels.map(|level| {
            let values: Vec<f32> = level.into_data().try_into_vec().unwrap();
            let mean = |f: fn(f32) -> f32| values.iter().map(|&v| f(v)).sum::<f32>() / values.len() as f32;
            [mean(|v| v), mean(|v| v * v).sqrt()]
        });
        for (one, wanted) in found.as_flattened().iter().zip(FEATURES.as_flattened()) {
            assert!((one - wanted).abs() < 2e-3 * wanted, "{found:?}");
        }
    }
}
