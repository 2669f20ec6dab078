//! Finds a part in front of a plain background, for [`Foreground::Auto`](super::Foreground::Auto).
//!
//! Our own addition: the reference has a hand-made rule for each category (method.md 3.3), which new parts
//! lack.

use crate::picture::{Mask, Picture};
use image::GrayImage;
use image::imageops::thumbnail;
use imageproc::distance_transform::Norm;
use imageproc::filter::gaussian_blur_f32;
use imageproc::morphology::close;
use palette::{IntoColor, Lab, Srgb};

/// Longest side at which the search runs; larger pictures are shrunk first.
const SEARCH_SIDE: u32 = 256;
/// CIE76 distances from the background's color that are tried as tolerances.
const TOLERANCES: [f32; 9] = [6.0, 8.0, 10.0, 13.0, 16.0, 20.0, 25.0, 32.0, 40.0];
/// The smallest mean change of the distance per pixel across the part's outline. Textures and shading reach
/// 2, parts 5 and more.
const STEEPNESS: f32 = 3.0;
/// The smallest share of the border that must show the background.
const BORDER_SHARE: f32 = 0.6;
/// The smallest share of the largest candidate's area that a steeper one must keep.
const KEPT_SHARE: f32 = 0.4;
/// Notches in the outline narrower than twice this many pixels are closed.
const CLOSING: u8 = 6;
/// Anything nearer to the picture's edge than this share of its side counts as at the edge.
const EDGE: f32 = 0.06;
/// A part that covers less or more of the picture than this counts as a mistake.
const PART_SHARE: std::ops::RangeInclusive<f32> = 0.05..=0.95;

/// The pixels of the part; `None` unless there is clearly a plain, connected background that touches the
/// border. So a texture, or a part that fills the picture, gives `None`.
pub fn part(native: &Picture) -> Option<Mask> {
    let (width, height) = native.dimensions();
    let scale = (SEARCH_SIDE as f32 / width.max(height) as f32).min(1.0);
    let shrunk = |length: u32| ((length as f32 * scale).round() as u32).max(1);
    let small = thumbnail(native, shrunk(width), shrunk(height));
    let field = Field::new(&gaussian_blur_f32(&small, 1.5));
    if field.width < 16 || field.height < 16 {
        return None;
    }
    let (distance, spread) = field.distance_to_border_color()?;
    // Shadows and shading end gradually, the part itself abruptly: of all tolerances that the background's
    // own spread allows, take the one with the steepest outline. But not one that loses most of the part: a
    // strong pattern on a pale part may be even steeper.
    let mut candidates = Vec::new();
    for tolerance in TOLERANCES.into_iter().filter(|&t| t >= 3.0 * spread) {
        let Some(part) = field.part(&distance, tolerance) else { continue };
        let steepness = field.steepness(&distance, &part);
        if steepness >= STEEPNESS && PART_SHARE.contains(&covered(&part)) {
            candidates.push((steepness, tolerance, part));
        }
    }
    let largest = candidates.iter().map(|(_, _, part)| covered(part)).fold(0.0, f32::max);
    let (_, tolerance, part) = candidates
        .into_iter()
        .filter(|(_, _, part)| covered(part) >= KEPT_SHARE * largest)
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    // A real outline hardly moves with the tolerance; the contour lines of a texture do.
    for other in [0.8 * tolerance, 1.25 * tolerance] {
        if overlap(&field.part(&distance, other)?, &part) < 0.7 {
            return None;
        }
    }
    let part = field.close(&field.without_strays(part));
    let (columns, rows) = (width as usize, height as usize);
    let data = (0..rows)
        .flat_map(|y| (0..columns).map(move |x| (x, y)))
        .map(|(x, y)| part[y * field.height / rows * field.width + x * field.width / columns])
        .collect();
    Some(Mask { width: columns, height: rows, data })
}

/// A small picture in CIE Lab.
struct Field {
    width: usize,
    height: usize,
    colors: Vec<[f32; 3]>,
}

impl Field {
    fn new(picture: &Picture) -> Self {
        let colors = picture
            .pixels()
            .map(|pixel| {
                let lab: Lab = Srgb::from(pixel.0).into_linear::<f32>().into_color();
                [lab.l, lab.a, lab.b]
            })
            .collect();
        Self { width: picture.width() as usize, height: picture.height() as usize, colors }
    }

    /// Whether a pixel is at most `reach` of the picture's side, in pixels, from its edge.
    fn near_edge(&self, n: usize, reach: impl Fn(usize) -> usize) -> bool {
        let near = |at: usize, length: usize| at <= reach(length) || at + reach(length) + 1 >= length;
        near(n % self.width, self.width) || near(n / self.width, self.height)
    }

    /// The outermost pixels, two deep.
    fn border(&self) -> Vec<usize> {
        (0..self.colors.len()).filter(|&n| self.near_edge(n, |_| 1)).collect()
    }

    /// Every pixel's distance to the background's color, which may drift linearly over the picture, and
    /// the median distance among the border's background pixels; `None` if the border does not show a single
    /// color.
    fn distance_to_border_color(&self) -> Option<(Vec<f32>, f32)> {
        let border = self.border();
        let mut plane = [[0.0; 3]; 3];
        for (channel, coefficients) in plane.iter_mut().enumerate() {
            coefficients[0] = median(border.iter().map(|&n| self.colors[n][channel]).collect());
        }
        // Alternates between choosing the border pixels near the plane and fitting the plane to them.
        for reach in [20.0, 14.0, 12.0] {
            let near: Vec<usize> =
                border.iter().copied().filter(|&n| self.distance(n, &plane) <= reach).collect();
            if (near.len() as f32) < BORDER_SHARE * border.len() as f32 {
                return None;
            }
            plane = self.fit_plane(&near)?;
        }
        let distance: Vec<f32> = (0..self.colors.len()).map(|n| self.distance(n, &plane)).collect();
        let spread = median(border.iter().map(|&n| distance[n]).filter(|&d| d <= 12.0).collect());
        Some((distance, spread))
    }

    /// Column and row from -1 to 1.
    fn place(&self, n: usize) -> [f32; 3] {
        let along = |n: usize, length: usize| 2.0 * n as f32 / (length - 1) as f32 - 1.0;
        [1.0, along(n % self.width, self.width), along(n / self.width, self.height)]
    }

    fn distance(&self, n: usize, plane: &[[f32; 3]; 3]) -> f32 {
        let place = self.place(n);
        let square = |channel: usize| {
            let expected: f32 = plane[channel].iter().zip(place).map(|(c, p)| c * p).sum();
            (self.colors[n][channel] - expected).powi(2)
        };
        (square(0) + square(1) + square(2)).sqrt()
    }

    /// Least squares per channel; `None` if the pixels do not span the picture.
    fn fit_plane(&self, pixels: &[usize]) -> Option<[[f32; 3]; 3]> {
        let mut normal = [[0.0_f32; 3]; 3];
        let mut right = [[0.0_f32; 3]; 3];
        for &n in pixels {
            let place = self.place(n);
            for i in 0..3 {
                for j in 0..3 {
                    normal[i][j] += place[i] * place[j];
                    right[j][i] += place[i] * self.colors[n][j];
                }
            }
        }
        let determinant = |m: [[f32; 3]; 3]| {
            m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
                - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
                + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
        };
        let whole = determinant(normal);
        if whole.abs() < 1e-3 {
            return None;
        }
        // Cramer's rule: the normal matrix is symmetric, so its rows serve as columns.
        Some(std::array::from_fn(|channel| {
            std::array::from_fn(|unknown| {
                let mut replaced = normal;
                replaced[unknown] = right[channel];
                determinant(replaced) / whole
            })
        }))
    }

    /// The pixels that the background, flooded from the border, does not reach, without small islands.
    fn part(&self, distance: &[f32], tolerance: f32) -> Option<Vec<bool>> {
        let border = self.border();
        let seeds: Vec<usize> = border.iter().copied().filter(|&n| distance[n] <= tolerance).collect();
        if (seeds.len() as f32) < BORDER_SHARE * border.len() as f32 {
            return None;
        }
        let mut part = vec![true; distance.len()];
        self.flood(seeds, &mut part, |n| distance[n] <= tolerance);
        let islands = self.islands(&part);
        let largest = islands.iter().map(Vec::len).max()?;
        for small in islands.iter().filter(|island| island.len() * 20 < largest) {
            small.iter().for_each(|&n| part[n] = false);
        }
        Some(part)
    }

    /// Drops objects at the picture's edge beside a larger part: a tray's rim, its shadow, a neighbor.
    fn without_strays(&self, mut part: Vec<bool>) -> Vec<bool> {
        let at_edge = |&n: &usize| self.near_edge(n, |length| (EDGE * length as f32) as usize);
        let islands = self.islands(&part);
        let largest = islands.iter().map(Vec::len).max().unwrap_or(0);
        for island in islands.iter().filter(|island| island.len() * 2 < largest && island.iter().any(at_edge))
        {
            island.iter().for_each(|&n| part[n] = false);
        }
        part
    }

    /// The mean gradient of the distance along the part's outline within the picture.
    fn steepness(&self, distance: &[f32], part: &[bool]) -> f32 {
        let (mut sum, mut count) = (0.0, 0);
        for n in (0..part.len()).filter(|&n| part[n]) {
            let (x, y) = (n % self.width, n / self.width);
            if x == 0 || y == 0 || x + 1 == self.width || y + 1 == self.height {
                continue;
            }
            let around = [n - 1, n + 1, n - self.width, n + self.width];
            if around.iter().any(|&m| !part[m]) {
                let slope = |a: usize, b: usize| (distance[b] - distance[a]) / 2.0;
                sum += slope(around[0], around[1]).hypot(slope(around[2], around[3]));
                count += 1;
            }
        }
        sum / count.max(1) as f32
    }

    /// Clears `open` from the seeds on, over 4-neighbors for which `passes` is true; returns the pixels
    /// reached.
    fn flood(&self, seeds: Vec<usize>, open: &mut [bool], passes: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut reached = seeds;
        reached.retain(|&n| std::mem::replace(&mut open[n], false));
        let mut next = 0;
        while let Some(&n) = reached.get(next) {
            next += 1;
            let (x, y) = (n % self.width, n / self.width);
            let neighbors = [
                (x > 0).then(|| n - 1),
                (x + 1 < self.width).then_some(n + 1),
                (y > 0).then(|| n - self.width),
                (y + 1 < self.height).then_some(n + self.width),
            ];
            for m in neighbors.into_iter().flatten() {
                if open[m] && passes(m) {
                    open[m] = false;
                    reached.push(m);
                }
            }
        }
        reached
    }

    /// Closes notches where something of the background's color lies on the outline, and the holes behind
    /// them.
    fn close(&self, part: &[bool]) -> Vec<bool> {
        // Framed by background, so that a part that touches the border does not spread along it.
        let margin = u32::from(CLOSING) + 1;
        let (width, height) = (self.width as u32 + 2 * margin, self.height as u32 + 2 * margin);
        let framed = GrayImage::from_fn(width, height, |x, y| {
            let (x, y) = (x.wrapping_sub(margin) as usize, y.wrapping_sub(margin) as usize);
            let inside = x < self.width && y < self.height && part[y * self.width + x];
            image::Luma([if inside { 255 } else { 0 }])
        });
        let closed = close(&framed, Norm::L2, CLOSING);
        let mut filled: Vec<bool> = (0..part.len())
            .map(|n| {
                let (x, y) = ((n % self.width) as u32 + margin, (n / self.width) as u32 + margin);
                closed.get_pixel(x, y)[0] > 0
            })
            .collect();
        let outside = filled.clone();
        let seeds = self.border().into_iter().filter(|&n| !outside[n]).collect();
        let mut open: Vec<bool> = outside.iter().map(|&inside| !inside).collect();
        self.flood(seeds, &mut open, |_| true);
        filled.iter_mut().zip(open).for_each(|(inside, hole)| *inside |= hole);
        filled
    }

    fn islands(&self, part: &[bool]) -> Vec<Vec<usize>> {
        let mut open = part.to_vec();
        let mut islands = Vec::new();
        for n in 0..part.len() {
            if open[n] {
                islands.push(self.flood(vec![n], &mut open, |_| true));
            }
        }
        islands
    }
}

fn covered(part: &[bool]) -> f32 {
    part.iter().filter(|&&inside| inside).count() as f32 / part.len().max(1) as f32
}

/// Intersection over union.
fn overlap(a: &[bool], b: &[bool]) -> f32 {
    let (mut both, mut either) = (0, 0);
    for (&a, &b) in a.iter().zip(b) {
        both += usize::from(a && b);
        either += usize::from(a || b);
    }
    both as f32 / either.max(1) as f32
}

fn median(mut values: Vec<f32>) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    #[test]
    fn a_disc_on_a_shaded_background_is_found() {
        let inside =
            |x: u32, y: u32| (x as f32 - 300.0).powi(2) + (y as f32 - 250.0).powi(2) < 150.0_f32.powi(2);
        let picture = Picture::from_fn(600, 500, |x, y| {
            let shade = (200 + x / 15) as u8;
            // A hole of background color in the middle belongs to the part.
            let hole = x.abs_diff(300) < 20 && y.abs_diff(250) < 20;
            if inside(x, y) && !hole { Rgb([150, 80, 40]) } else { Rgb([shade; 3]) }
        });
        let mask = part(&picture).expect("a plain background");
        assert_eq!((mask.width, mask.height), (600, 500));
        let wrong =
            (0..500 * 600).filter(|n| mask.data[*n] != inside((n % 600) as u32, (n / 600) as u32)).count();
        assert!(wrong < 5000, "{wrong} wrong pixels");
        assert!(mask.data[250 * 600 + 300], "the hole was dropped");
    }

    #[test]
    fn what_shows_at_the_edge_beside_the_part_is_left_out() {
        let picture = Picture::from_fn(256, 256, |x, y| {
            let disc = (x as f32 - 128.0).hypot(y as f32 - 140.0) < 60.0;
            let rim = y < 20 && (80..180).contains(&x);
            if disc || rim { Rgb([230, 180, 90]) } else { Rgb([60; 3]) }
        });
        let mask = part(&picture).expect("a plain background");
        assert!(mask.data[140 * 256 + 128] && !mask.data[8 * 256 + 128]);
    }

    #[test]
    fn textures_flat_and_tiny_pictures_have_no_part() {
        let noisy = Picture::from_fn(256, 256, |x, y| {
            let v = (x.wrapping_mul(7919) ^ y.wrapping_mul(104_729)).wrapping_mul(2_654_435_761) >> 24;
            Rgb([v as u8; 3])
        });
        assert_eq!(part(&noisy), None);
        let shaded = Picture::from_fn(256, 256, |x, y| {
            let d = (x as f32 - 128.0).hypot(y as f32 - 128.0);
            Rgb([(220.0 - d * 0.7) as u8; 3])
        });
        assert_eq!(part(&shaded), None);
        assert_eq!(part(&Picture::from_pixel(300, 200, Rgb([90; 3]))), None);
        assert_eq!(part(&Picture::new(3, 500)), None);
        assert_eq!(part(&Picture::new(1, 1)), None);
        let speck = Picture::from_fn(256, 256, |x, y| {
            Rgb([if x < 140 && y < 140 && x > 115 && y > 115 { 0 } else { 255 }; 3])
        });
        assert_eq!(part(&speck), None);
    }

    #[test]
    #[ignore = "needs the data sets bottle, cookie and magnetic_tile (docs/teacher.md) in a folder named by AAND_DATA"]
    fn real_pictures() {
        let data = std::env::var_os("AAND_DATA").expect("AAND_DATA names the folder of the data sets");
        let data = std::path::PathBuf::from(data);
        let shares = |set: &str| -> Vec<f32> {
            let folder = std::fs::read_dir(data.join(set).join("train/good")).unwrap();
            let mut paths: Vec<_> = folder.map(|entry| entry.unwrap().path()).collect();
            paths.sort();
            paths
                .iter()
                .step_by(8)
                .take(4)
                .map(|path| image::open(path).unwrap().to_rgb8())
                .map(|picture| part(&picture).map_or(1.0, |mask| covered(&mask.data)))
                .collect()
        };
        // A bottle's disc, a cookie beside shadows and a bright bar, and a surface that fills the picture.
        assert!(shares("bottle").iter().all(|share| (0.58..0.68).contains(share)), "{:?}", shares("bottle"));
        assert!(shares("cookie").iter().all(|share| (0.2..0.4).contains(share)), "{:?}", shares("cookie"));
        assert_eq!(shares("magnetic_tile"), [1.0; 4]);
    }
}
