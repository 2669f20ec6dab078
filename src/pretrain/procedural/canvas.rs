//! A picture in floats, and operations on whole pictures.

/// Three planes of `size * size` values, 0 to 1.
#[derive(Clone, Debug)]
pub struct Canvas {
    /// Side in pixels.
    pub size: usize,
    /// Red, green, blue.
    pub planes: [Vec<f32>; 3],
}

impl Canvas {
    /// One color.
    pub fn flat(size: usize, color: [f32; 3]) -> Self {
        Self { size, planes: color.map(|c| vec![c; size * size]) }
    }

    /// The square of side `side` at `corner` (column, row).
    pub fn crop(&self, [left, top]: [usize; 2], side: usize) -> Self {
        let rows = |plane: &Vec<f32>| {
            let rows = plane.chunks_exact(self.size).skip(top).take(side);
            rows.flat_map(|row| &row[left..left + side]).copied().collect()
        };
        Self { size: side, planes: self.planes.each_ref().map(rows) }
    }

    /// Writes a square back at `corner`.
    pub fn paste(&mut self, [left, top]: [usize; 2], other: &Self) {
        for (plane, window) in self.planes.iter_mut().zip(&other.planes) {
            let rows = plane.chunks_exact_mut(self.size).skip(top);
            for (row, source) in rows.zip(window.chunks_exact(other.size)) {
                row[left..left + other.size].copy_from_slice(source);
            }
        }
    }

    /// Lays `paint` over this where the mask is 1.
    pub fn blend(&mut self, mask: &[f32], paint: &Self) {
        for (plane, over) in self.planes.iter_mut().zip(&paint.planes) {
            for ((p, o), m) in plane.iter_mut().zip(over).zip(mask) {
                *p += (o - *p) * m;
            }
        }
    }

    /// Lays one color over this where the mask is 1.
    pub fn tint(&mut self, mask: &[f32], color: [f32; 3], opacity: f32) {
        for (plane, c) in self.planes.iter_mut().zip(color) {
            for (p, m) in plane.iter_mut().zip(mask) {
                *p += (c - *p) * m * opacity;
            }
        }
    }

    /// Multiplies by a field of brightness.
    pub fn shade(&mut self, gain: &[f32]) {
        for plane in &mut self.planes {
            plane.iter_mut().zip(gain).for_each(|(p, g)| *p *= g);
        }
    }

    /// Adds light of one color.
    pub fn light(&mut self, amount: &[f32], color: [f32; 3]) {
        for (plane, c) in self.planes.iter_mut().zip(color) {
            plane.iter_mut().zip(amount).for_each(|(p, a)| *p += a * c);
        }
    }

    /// Blurs all planes.
    pub fn blur(&mut self, radius: usize) {
        let size = self.size;
        self.planes.iter_mut().for_each(|plane| blur(plane, size, radius));
    }
}

/// Box blur, twice (a tent), edges repeated.
pub fn blur(plane: &mut [f32], size: usize, radius: usize) {
    if radius == 0 {
        return;
    }
    let mut line = vec![0.0; size];
    for _ in 0..2 {
        for row in plane.chunks_exact_mut(size) {
            line.copy_from_slice(row);
            slide(&line, radius, |i, v| row[i] = v);
        }
        for x in 0..size {
            for (y, l) in line.iter_mut().enumerate() {
                *l = plane[y * size + x];
            }
            slide(&line, radius, |i, v| plane[i * size + x] = v);
        }
    }
}

fn slide(line: &[f32], radius: usize, mut put: impl FnMut(usize, f32)) {
    let (last, r) = (line.len() - 1, radius as isize);
    let at = |i: isize| line[i.clamp(0, last as isize) as usize];
    let scale = 1.0 / (2 * radius + 1) as f32;
    let mut sum: f32 = (-r..=r).map(at).sum();
    for i in 0..line.len() {
        put(i, sum * scale);
        sum += at(i as isize + r + 1) - at(i as isize - r);
    }
}

/// Stretches values to 0..1.
pub fn stretch(field: &mut [f32]) {
    let (low, high) =
        field.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    let scale = 1.0 / (high - low + 1e-6);
    field.iter_mut().for_each(|v| *v = (*v - low) * scale);
}

/// The slope of a height field in the direction of light coming from `angle`, about -1 to 1 after scaling.
pub fn relief(height: &[f32], size: usize, angle: f32, strength: f32) -> Vec<f32> {
    let (c, s) = (angle.cos() * strength, angle.sin() * strength);
    let mut out = vec![0.0; size * size];
    for y in 0..size {
        let (above, below) = (y.saturating_sub(1) * size, (y + 1).min(size - 1) * size);
        for x in 0..size {
            let (left, right) = (x.saturating_sub(1), (x + 1).min(size - 1));
            let dx = height[y * size + right] - height[y * size + left];
            let dy = height[below + x] - height[above + x];
            out[y * size + x] = (dx * c + dy * s).clamp(-1.0, 1.0);
        }
    }
    out
}
