//! Normalizes 8-bit RGB to the teacher's input (method.md 1.3, step 3).

use super::Picture;

/// Mean of ImageNet per channel (red, green, blue), in units of the full scale.
pub const MEAN: [f32; 3] = [0.485, 0.456, 0.406];

/// Standard deviation of ImageNet per channel (red, green, blue), in units of the full scale.
pub const STD: [f32; 3] = [0.229, 0.224, 0.225];

/// `(value / 255 - MEAN) / STD` for every pixel, as channel x row x column (`3 * height * width` values),
/// with every step in f32 and in this order, as in torchvision.
pub fn normalize(picture: &Picture) -> Vec<f32> {
    let tables = normalized_values();
    let pixels = picture.as_raw();
    let area = pixels.len() / 3;
    let mut planes = vec![0.0; 3 * area];
    for (channel, plane) in planes.chunks_exact_mut(area.max(1)).enumerate() {
        let table = &tables[channel];
        for (out, pixel) in plane.iter_mut().zip(pixels.chunks_exact(3)) {
            *out = table[usize::from(pixel[channel])];
        }
    }
    planes
}

/// The result of [`normalize`] for each of the 256 values, per channel.
pub fn normalized_values() -> [[f32; 256]; 3] {
    std::array::from_fn(|channel| {
        std::array::from_fn(|value| (value as f32 / 255.0 - MEAN[channel]) / STD[channel])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_become_planes() {
        let picture = Picture::from_raw(2, 1, vec![0, 255, 51, 255, 0, 102]).unwrap();
        let expected = [
            (0.0 - 0.485) / 0.229,
            (1.0 - 0.485) / 0.229,
            (1.0 - 0.456) / 0.224,
            (0.0 - 0.456) / 0.224,
            (0.2 - 0.406) / 0.225,
            (0.4 - 0.406) / 0.225,
        ];
        let planes = normalize(&picture);
        assert_eq!(planes.len(), 6);
        for (value, expected) in planes.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{value} is not {expected}");
        }
    }

    #[test]
    fn an_empty_picture_has_no_values() {
        assert!(normalize(&Picture::new(0, 0)).is_empty());
    }
}
