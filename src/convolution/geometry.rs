//! The shapes of one convolution, and how its work is cut into tasks.

/// A convolution of `[batch, inputs, height, width]` to `[batch, outputs, out_height, out_width]`
/// by a kernel `[outputs, inputs, kernel_height, kernel_width]`, without groups or dilation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Geometry {
    pub batch: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub height: usize,
    pub width: usize,
    pub kernel_height: usize,
    pub kernel_width: usize,
    pub stride: usize,
    pub padding: usize,
    pub out_height: usize,
    pub out_width: usize,
}

impl Geometry {
    /// The convolution of a picture batch `x = [n, c, h, w]` by `weight = [o, c, kh, kw]`.
    ///
    /// # Panics
    /// Like Burn's own `conv2d`, if the channels disagree, the stride is zero or the kernel is larger than
    /// the padded picture: errors of the calling code, not of its data.
    pub fn new(x: [usize; 4], weight: [usize; 4], stride: usize, padding: usize) -> Self {
        let ([batch, inputs, height, width], [outputs, channels, kh, kw]) = (x, weight);
        assert_eq!(inputs, channels, "convolution: {inputs} channels in, but the kernel has {channels}");
        assert!(stride > 0, "convolution: the stride is zero");
        assert!(
            kh > 0 && kw > 0 && kh <= height + 2 * padding && kw <= width + 2 * padding,
            "convolution: the {kh}x{kw} kernel does not fit {height}x{width} padded by {padding}"
        );
        Self {
            batch,
            inputs,
            outputs,
            height,
            width,
            kernel_height: kh,
            kernel_width: kw,
            stride,
            padding,
            out_height: (height + 2 * padding - kh) / stride + 1,
            out_width: (width + 2 * padding - kw) / stride + 1,
        }
    }

    /// The convolution whose data gradient is the transposed convolution of `x = [n, i, h, w]` by
    /// `weight = [i, o, 2, 2]` with stride 2.
    pub fn of_transposed_2x2(x: [usize; 4], weight: [usize; 4]) -> Self {
        let ([batch, inputs, height, width], [from, to, kh, kw]) = (x, weight);
        assert_eq!(inputs, from, "transposed convolution: {inputs} channels in, but the kernel has {from}");
        assert!(kh == 2 && kw == 2, "transposed convolution: a 2x2 kernel was expected, not {kh}x{kw}");
        Self::new([batch, to, 2 * height, 2 * width], weight, 2, 0)
    }

    /// Kernel positions `kh * kw`.
    pub fn taps(&self) -> usize {
        self.kernel_height * self.kernel_width
    }

    /// Rows of the column matrix, `C * kh * kw`.
    pub fn rows(&self) -> usize {
        self.inputs * self.taps()
    }

    /// Pixels of one input plane.
    pub fn plane(&self) -> usize {
        self.height * self.width
    }

    /// Pixels of one output plane.
    pub fn out_plane(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Whether the convolution only mixes channels, so that the picture is its own column matrix.
    pub fn is_pointwise(&self) -> bool {
        self.taps() == 1 && self.stride == 1 && self.padding == 0
    }
}

/// A run of output pixels that one matrix product covers: whole pictures, or rows of one picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tile {
    /// First picture.
    pub picture: usize,
    /// Number of pictures; more than one only when every picture is taken whole.
    pub pictures: usize,
    /// First output row.
    pub row: usize,
    /// Number of output rows.
    pub rows: usize,
}

impl Tile {
    /// Number of output pixels in the tile.
    pub fn pixels(&self, g: &Geometry) -> usize {
        self.pictures * self.rows * g.out_width
    }
}

/// Cuts the output into tiles of about `target` pixels. The cut depends on the shapes alone.
pub(super) fn tiles(g: &Geometry, target: usize) -> Vec<Tile> {
    let mut tiles = Vec::new();
    if g.out_plane() >= target {
        // Tiles of nearly equal height, so that no thin last tile wastes a product.
        let wanted = (target / g.out_width).max(1);
        let rows = g.out_height.div_ceil(g.out_height.div_ceil(wanted));
        for picture in 0..g.batch {
            for row in (0..g.out_height).step_by(rows) {
                tiles.push(Tile { picture, pictures: 1, row, rows: rows.min(g.out_height - row) });
            }
        }
    } else {
        let pictures = (target / g.out_plane()).max(1);
        for picture in (0..g.batch).step_by(pictures) {
            tiles.push(Tile {
                picture,
                pictures: pictures.min(g.batch - picture),
                row: 0,
                rows: g.out_height,
            });
        }
    }
    tiles
}

/// Cuts `0..count` into ranges of nearly equal length, multiples of `multiple` and at most `size`.
pub(super) fn blocks(count: usize, size: usize, multiple: usize) -> Vec<std::ops::Range<usize>> {
    let parts = count.div_ceil(size.max(1)).max(1);
    let step = count.div_ceil(parts).next_multiple_of(multiple).max(1);
    (0..count).step_by(step).map(|start| start..(start + step).min(count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_every_output_pixel_once() {
        for (x, w, stride, padding, target) in [
            ([3, 2, 8, 8], [4, 2, 3, 3], 1, 1, 256),
            ([3, 2, 8, 8], [4, 2, 3, 3], 1, 1, 128),
            ([2, 2, 37, 29], [4, 2, 7, 7], 2, 3, 100),
            ([1, 2, 5, 300], [4, 2, 1, 1], 1, 0, 64),
        ] {
            let g = Geometry::new(x, w, stride, padding);
            let mut seen = vec![0; g.batch * g.out_height];
            for t in tiles(&g, target) {
                assert!(t.pictures == 1 || t.rows == g.out_height);
                for picture in t.picture..t.picture + t.pictures {
                    for row in t.row..t.row + t.rows {
                        seen[picture * g.out_height + row] += 1;
                    }
                }
            }
            assert!(seen.iter().all(|&n| n == 1), "{g:?}");
        }
    }

    #[test]
    fn blocks_cover_the_range() {
        assert_eq!(blocks(100, 40, 16), [0..48, 48..96, 96..100]);
        assert_eq!(blocks(64, 63, 16), [0..32, 32..64]);
        assert_eq!(blocks(64, 64, 16).len(), 1);
        assert_eq!(blocks(3, 8, 1).len(), 1);
    }
}
