//! The lamp above the part, and how materials reflect it: diffuse, glossy, and turned metal.

use super::field::SIZE;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

/// A direction or a normal; x to the right, y down, z towards the camera.
pub(super) type Vector = [f32; 3];

pub(super) fn dot(a: Vector, b: Vector) -> f32 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

pub(super) fn unit(a: Vector) -> Vector {
    let length = dot(a, a).sqrt().max(1e-6);
    a.map(|x| x / length)
}

/// The normal of a height field with slopes `(dz/dx, dz/dy)`.
pub(super) fn normal(slope: [f32; 2]) -> Vector {
    unit([-slope[0], -slope[1], 1.0])
}

/// One lamp, and ambient light.
pub(super) struct Light {
    /// Unit vector towards the lamp.
    pub(super) toward: Vector,
    /// Unit vector halfway between the directions to the lamp and to the camera.
    pub(super) half: Vector,
    /// Strength and color of the lamp.
    pub(super) key: [f32; 3],
    /// Strength of the ambient light.
    pub(super) ambient: f32,
}

impl Light {
    /// A lamp near `azimuth` (radians) and `elevation` (radians above the table), varied as on a real
    /// line: a few degrees, a few per cent of strength, a little color temperature.
    pub(super) fn draw(rng: &mut ChaCha8Rng, azimuth: f32, elevation: f32, ambient: f32) -> Self {
        let azimuth = azimuth + rng.random_range(-0.09..0.09f32);
        let elevation = elevation + rng.random_range(-0.04..0.04f32);
        let toward = [elevation.cos() * azimuth.cos(), elevation.cos() * azimuth.sin(), elevation.sin()];
        let strength = rng.random_range(0.96..1.04f32);
        let warmth = rng.random_range(-0.008..0.008f32);
        Self {
            toward,
            half: unit([toward[0], toward[1], toward[2] + 1.0]),
            key: [strength * (1.0 + warmth), strength, strength * (1.0 - warmth)],
            ambient: ambient * rng.random_range(0.97..1.03f32),
        }
    }

    /// The same lamp as seen from (x, y): it stands just over two picture widths away, so its direction
    /// changes a little across the picture.
    pub(super) fn from(&self, x: f32, y: f32) -> Self {
        const DISTANCE: f32 = 560.0;
        let middle = SIZE as f32 / 2.0;
        let [a, b, c] = self.toward.map(|part| part * DISTANCE);
        let toward = unit([a - (x - middle), b - (y - middle), c]);
        Self { toward, half: unit([toward[0], toward[1], toward[2] + 1.0]), ..*self }
    }

    /// Light reflected by a rough surface; `open` in 0..1 is how much of the lamp reaches it, and `sky` how
    /// much of the ambient light.
    pub(super) fn diffuse(&self, albedo: [f32; 3], normal: Vector, open: f32, sky: f32) -> [f32; 3] {
        let lamp = dot(normal, self.toward).max(0.0) * open;
        std::array::from_fn(|k| albedo[k] * (self.key[k] * lamp + self.ambient * sky))
    }

    /// Blinn-Phong highlight of a glossy surface; a larger `sharpness` makes a smaller highlight.
    pub(super) fn gloss(&self, normal: Vector, sharpness: f32) -> f32 {
        dot(normal, self.half).max(0.0).powf(sharpness)
    }

    /// What a mirror with this normal shows the camera: a bright softbox around the lamp, a paler ceiling, a
    /// dark horizon.
    pub(super) fn mirror(&self, normal: Vector) -> f32 {
        let z = normal[2];
        let seen = [2.0 * z * normal[0], 2.0 * z * normal[1], 2.0 * z * z - 1.0];
        let lamp = dot(seen, self.toward).max(0.0).powi(6);
        let ceiling = (0.5 + 0.5 * seen[2]).max(0.0);
        1.25 * lamp + self.ambient * (0.12 + 0.88 * ceiling * ceiling)
    }

    /// Ward's highlight of a surface with grooves along `groove`: narrow along them (`fine`), wide
    /// across (`coarse`), which gives turned metal its bow-tie reflection.
    pub(super) fn grooved(&self, normal: Vector, groove: Vector, fine: f32, coarse: f32) -> f32 {
        let across = [
            normal[1] * groove[2] - normal[2] * groove[1],
            normal[2] * groove[0] - normal[0] * groove[2],
            normal[0] * groove[1] - normal[1] * groove[0],
        ];
        let facing = dot(normal, self.half).max(1e-3);
        let (t, b) = (dot(self.half, groove) / fine, dot(self.half, across) / coarse);
        (-(t * t + b * b) / (facing * facing)).exp()
    }
}
