//! The fixed position encoding of the gate's query (method.md 2.2).

/// `PE` as `[H W, C]` rows, position `y W + x`; `C` must be a multiple of 4.
///
/// With `D = C / 2` and `f_i = 10000^(-2i / D)`: channels `2i, 2i+1` are `sin(x f_i), cos(x f_i)` and channels
/// `D+2i, D+2i+1` are `sin(y f_i), cos(y f_i)`; `x` and `y` count positions from 0.
pub fn position_encoding(channels: usize, height: usize, width: usize) -> Vec<f32> {
    let half = channels / 2;
    let frequency = |i: usize| (-(2.0 * i as f64) * 10000f64.ln() / half as f64).exp();
    let frequencies: Vec<f64> = (0..half / 2).map(frequency).collect();
    let mut rows = Vec::with_capacity(channels * height * width);
    for y in 0..height {
        for x in 0..width {
            for coordinate in [x, y] {
                for f in &frequencies {
                    let angle = coordinate as f64 * f;
                    rows.extend([angle.sin() as f32, angle.cos() as f32]);
                }
            }
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Golden values of method.md section 12.
    #[test]
    fn matches_the_golden_values() {
        let pe = position_encoding(8, 3, 4);
        let at = |y: usize, x: usize| &pe[(y * 4 + x) * 8..][..8];
        let expected = [0.909297, -0.416147, 0.019999, 0.999800, 0.841471, 0.540302, 0.010000, 0.999950];
        at(1, 2).iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));
        let expected = [0.141120, -0.989992, 0.029996, 0.999550, 0.909297, -0.416147, 0.019999, 0.999800];
        at(2, 3).iter().zip(expected).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));

        let pe = position_encoding(256, 6, 8);
        let row = &pe[(5 * 8 + 7) * 256..][..256];
        let golden = [
            (0, 0.656987),
            (1, 0.753902),
            (2, -0.219630),
            (3, 0.975583),
            (126, 0.000808),
            (127, 1.0),
            (128, -0.958924),
            (129, 0.283662),
            (130, -0.927709),
            (131, -0.373303),
            (254, 0.000577),
            (255, 1.0),
        ];
        golden.iter().for_each(|&(i, v)| assert!((row[i] - v).abs() < 1e-6, "channel {i}"));
    }
}
