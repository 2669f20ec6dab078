//! The six 8-bit color spaces in which a texture's brightness is changed, encoded as in OpenCV.

use palette::{FromColor, Hsl, Hsv, IntoColor, Lab, LinSrgb, Luv, RgbHue, Srgb};

/// A color space with one channel for brightness (method.md 3.1 number 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorSpace {
    /// ITU-R BT.601 luma, Cr, Cb.
    YCrCb,
    /// Hue 0..179, saturation, value.
    Hsv,
    /// Hue 0..179, lightness, saturation.
    Hls,
    /// CIE L\*a\*b\* (D65).
    Lab,
    /// CIE L\*u\*v\* (D65).
    Luv,
    /// Analogue YUV.
    Yuv,
}

impl ColorSpace {
    /// Every space.
    pub const ALL: [Self; 6] = [Self::YCrCb, Self::Hsv, Self::Hls, Self::Lab, Self::Luv, Self::Yuv];

    /// Index of the brightness channel.
    pub fn brightness(self) -> usize {
        match self {
            Self::Hsv => 2,
            Self::Hls => 1,
            _ => 0,
        }
    }

    /// Encodes an RGB pixel.
    pub fn encode(self, rgb: [u8; 3]) -> [u8; 3] {
        match self {
            Self::YCrCb => {
                let [r, _, b] = rgb.map(f32::from);
                let y = luma(rgb);
                [y, (r - y) * 0.713 + 128.0, (b - y) * 0.564 + 128.0].map(round)
            }
            Self::Yuv => {
                let [r, _, b] = rgb.map(f32::from);
                let y = luma(rgb);
                [y, (b - y) * 0.492 + 128.0, (r - y) * 0.877 + 128.0].map(round)
            }
            Self::Hsv => {
                let hsv = Hsv::from_color(Srgb::from(rgb).into_format::<f32>());
                [hue(hsv.hue), round(hsv.saturation * 255.0), round(hsv.value * 255.0)]
            }
            Self::Hls => {
                let hsl = Hsl::from_color(Srgb::from(rgb).into_format::<f32>());
                [hue(hsl.hue), round(hsl.lightness * 255.0), round(hsl.saturation * 255.0)]
            }
            Self::Lab => {
                let lab: Lab = Srgb::from(rgb).into_linear::<f32>().into_color();
                [lab.l * 2.55, lab.a + 128.0, lab.b + 128.0].map(round)
            }
            Self::Luv => {
                let luv: Luv = Srgb::from(rgb).into_linear::<f32>().into_color();
                [luv.l * 2.55, (luv.u + 134.0) * 255.0 / 354.0, (luv.v + 140.0) * 255.0 / 262.0].map(round)
            }
        }
    }

    /// Decodes to an RGB pixel; values outside the gamut are clipped.
    pub fn decode(self, encoded: [u8; 3]) -> [u8; 3] {
        let [a, b, c] = encoded.map(f32::from);
        match self {
            Self::YCrCb => {
                let (cr, cb) = (b - 128.0, c - 128.0);
                [a + 1.403 * cr, a - 0.714 * cr - 0.344 * cb, a + 1.773 * cb].map(round)
            }
            Self::Yuv => {
                let (u, v) = (b - 128.0, c - 128.0);
                [a + 1.140 * v, a - 0.395 * u - 0.581 * v, a + 2.032 * u].map(round)
            }
            Self::Hsv => {
                let hsv = Hsv::new(RgbHue::from_degrees(a * 2.0), b / 255.0, c / 255.0);
                Srgb::from_color(hsv).into_format::<u8>().into()
            }
            Self::Hls => {
                let hsl = Hsl::new(RgbHue::from_degrees(a * 2.0), c / 255.0, b / 255.0);
                Srgb::from_color(hsl).into_format::<u8>().into()
            }
            Self::Lab => encoded_srgb(Lab::new(a / 2.55, b - 128.0, c - 128.0).into_color()),
            Self::Luv => {
                let (u, v) = (b * 354.0 / 255.0 - 134.0, c * 262.0 / 255.0 - 140.0);
                // Black has no chromaticity: dividing by its zero lightness would give NaN.
                if a == 0.0 { [0; 3] } else { encoded_srgb(Luv::new(a / 2.55, u, v).into_color()) }
            }
        }
    }
}

fn luma([r, g, b]: [u8; 3]) -> f32 {
    0.299 * f32::from(r) + 0.587 * f32::from(g) + 0.114 * f32::from(b)
}

fn hue(hue: RgbHue) -> u8 {
    // 360 degrees do not fit into a byte, so OpenCV halves them; 180 is 0 again.
    (round(hue.into_positive_degrees() / 2.0)) % 180
}

fn encoded_srgb(linear: LinSrgb) -> [u8; 3] {
    Srgb::<u8>::from_linear(linear).into()
}

fn round(value: f32) -> u8 {
    // The cast saturates, which clips to 0..255.
    (value + 0.5) as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use ColorSpace::*;

    #[test]
    fn known_encodings() {
        // cv2.cvtColor of pure red, and of white.
        for (space, red, white) in [
            (YCrCb, [76, 255, 85], [255, 128, 128]),
            (Hsv, [0, 255, 255], [0, 0, 255]),
            (Hls, [0, 128, 255], [0, 255, 0]),
            (Lab, [136, 208, 195], [255, 128, 128]),
            (Luv, [136, 223, 173], [255, 97, 136]),
            (Yuv, [76, 91, 255], [255, 128, 128]),
        ] {
            let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(&a, b)| a.abs_diff(b) <= 1);
            assert!(near(space.encode([255, 0, 0]), red), "{space:?} {:?}", space.encode([255, 0, 0]));
            assert!(near(space.encode([255; 3]), white), "{space:?} {:?}", space.encode([255; 3]));
        }
        assert_eq!(Hsv.encode([0, 0, 255]), [120, 255, 255]);
    }

    #[test]
    fn there_and_back() {
        // 8 bits of chroma lose a few levels, most in Luv, where a byte spans 354 units.
        for space in ColorSpace::ALL {
            for rgb in
                [[0, 0, 0], [255, 255, 255], [128, 128, 128], [200, 150, 100], [60, 120, 90], [90, 80, 160]]
            {
                let back = space.decode(space.encode(rgb));
                for (a, b) in rgb.iter().zip(back) {
                    assert!(a.abs_diff(b) <= 6, "{space:?}: {rgb:?} came back as {back:?}");
                }
            }
        }
    }
}
