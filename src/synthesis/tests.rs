//! The whole recipe: statistics, determinism, and pixels that must not change.

use super::*;
use image::Rgb;
use rand_chacha::rand_core::SeedableRng;

const SIZE: usize = 64;

fn picture() -> Picture {
    Picture::from_fn(SIZE as u32, SIZE as u32, |x, y| Rgb([(x * 3) as u8, (y * 3) as u8, 90]))
}

fn everywhere() -> Mask {
    Mask::filled(SIZE, SIZE, true)
}

#[test]
fn share_of_noise_above_the_threshold() {
    // method.md 3: on average over all scale pairs 4.9 % after rotation, 5.5 % before.
    let synthesizer = Synthesizer::new(128, Textures::builtin());
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let (mut before, mut after, mut draws) = (0, 0, 0);
    let above = |noise: &[f32]| noise.iter().filter(|&&v| v > 0.5).count();
    for rows in 0..=5 {
        for columns in 0..=5 {
            for _ in 0..12 {
                before += above(&Lattice::random(1 << rows, 1 << columns, &mut rng).noise(128, 128));
                after += above(&synthesizer.noise(1 << rows, 1 << columns, &mut rng));
                draws += 128 * 128;
            }
        }
    }
    let share = |pixels: usize| pixels as f64 / f64::from(draws);
    assert!((share(before) - 0.055).abs() < 0.007, "{} before the rotation", share(before));
    assert!((share(after) - 0.049).abs() < 0.007, "{} after the rotation", share(after));
}

#[test]
fn probability_of_an_empty_mask() {
    let synthesizer = Synthesizer::new(128, Textures::builtin());
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut empty = |rows, columns| {
        (0..300).filter(|_| synthesizer.noise(rows, columns, &mut rng).iter().all(|&v| v <= 0.5)).count()
            as f64
            / 300.0
    };
    assert!((empty(1, 1) - 0.60).abs() < 0.1);
    assert!((empty(1, 2) - 0.285).abs() < 0.1);
    assert!(empty(8, 8) < 0.02);
}

#[test]
fn one_in_five_stays_clean() {
    let synthesizer = Synthesizer::new(SIZE, Textures::from_pictures(vec![Picture::new(8, 8)]));
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let (mut clean, mut empty) = (0, 0);
    for _ in 0..400 {
        let sample = synthesizer.sample(&picture(), &everywhere(), &mut rng);
        clean += usize::from(sample.picture == picture());
        empty += usize::from(sample.mask.count() == 0);
        assert!(sample.mask.count() > 0 || sample.pixels == normalize(&picture()));
    }
    // Within four standard deviations; with eleven tries an empty mask by accident is very unlikely.
    assert!((48..=112).contains(&clean), "{clean} of 400");
    assert!(empty.abs_diff(clean) <= 8, "{empty} empty masks, {clean} clean pictures");
}

#[test]
fn the_same_seed_gives_the_same_samples() {
    let synthesizer = Synthesizer::new(SIZE, Textures::builtin());
    let run = |seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        (0..6).map(|_| synthesizer.sample(&picture(), &everywhere(), &mut rng)).collect::<Vec<_>>()
    };
    assert_eq!(run(4), run(4));
    assert_ne!(run(4), run(5));
}

#[test]
fn only_the_foreground_is_corrupted_and_only_within_the_mask() {
    let config = SynthesisConfig { clean_share: 0.0, ..Default::default() };
    let synthesizer = Synthesizer::with_config(SIZE, Textures::builtin(), config);
    // A disc at twice the size: also checks the nearest rule.
    let foreground = Foreground::Disc.mask(&Picture::new(2 * SIZE as u32, 2 * SIZE as u32));
    let clean = normalize(&picture());
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut changed = 0;
    for _ in 0..60 {
        let sample = synthesizer.sample(&picture(), &foreground, &mut rng);
        for n in 0..SIZE * SIZE {
            let channels = [n, n + SIZE * SIZE, n + 2 * SIZE * SIZE];
            let same = channels.iter().all(|&c| sample.pixels[c] == clean[c]);
            let (x, y) = (n % SIZE, n / SIZE);
            if sample.mask.data[n] {
                assert!(foreground.data[2 * y * 2 * SIZE + 2 * x], "({x}, {y}) is outside the part");
                changed += usize::from(!same);
            } else {
                assert!(same, "({x}, {y}) lies outside the mask but changed");
                assert_eq!(
                    sample.picture.get_pixel(x as u32, y as u32),
                    picture().get_pixel(x as u32, y as u32)
                );
            }
        }
        // The preview is the network's input in 8 bits.
        for (a, b) in normalize(&sample.picture).iter().zip(&sample.pixels) {
            assert!((a - b).abs() < 0.51 / 255.0 / 0.22);
        }
    }
    assert!(changed > 2000, "only {changed} pixels changed in 60 samples");
}

#[test]
fn the_blend_keeps_at_most_four_fifths_of_the_picture() {
    let config = SynthesisConfig { clean_share: 0.0, ..Default::default() };
    // Augmenters map a uniform texture to uniform ones, except for the rotation's black corners.
    let textures = Textures::from_pictures(vec![Picture::from_pixel(4, 4, Rgb([255; 3]))]);
    let synthesizer = Synthesizer::with_config(SIZE, textures, config);
    let black = Picture::new(SIZE as u32, SIZE as u32);
    let mut rng = ChaCha8Rng::seed_from_u64(8);
    let mut brightest: Vec<u8> = Vec::new();
    for _ in 0..150 {
        let sample = synthesizer.sample(&black, &everywhere(), &mut rng);
        brightest.extend(sample.picture.iter().max());
    }
    let white_texture: Vec<f32> =
        brightest.iter().filter(|&&v| v > 50).map(|&v| f32::from(v) / 255.0).collect();
    assert!(white_texture.len() > 60);
    let mean = white_texture.iter().sum::<f32>() / white_texture.len() as f32;
    // 1 - 0.8 U(0,1) has mean 0.6; textures darkened by augmenters lower it.
    assert!((0.5..0.68).contains(&mean), "{mean}");
    assert!(white_texture.iter().any(|&v| v < 0.3) && white_texture.iter().any(|&v| v > 0.9));
}

#[test]
fn nothing_to_corrupt_gives_an_empty_mask() {
    let config = SynthesisConfig { clean_share: 0.0, ..Default::default() };
    let synthesizer = Synthesizer::with_config(SIZE, Textures::builtin(), config);
    let nowhere = Mask::filled(0, 0, true);
    let sample = synthesizer.sample(&picture(), &nowhere, &mut ChaCha8Rng::seed_from_u64(9));
    assert_eq!(sample.mask.count(), 0);
    assert_eq!(sample.picture, picture());
}

#[test]
fn settings_out_of_range_are_tamed() {
    let config =
        SynthesisConfig { clean_share: -1.0, max_exponent: 40, tries: 0, ..SynthesisConfig::default() };
    let synthesizer = Synthesizer::with_config(SIZE, Textures::builtin(), config);
    let sample = synthesizer.sample(&picture(), &everywhere(), &mut ChaCha8Rng::seed_from_u64(3));
    assert_eq!(sample.mask.count(), 0);
    assert_eq!(synthesizer.config.max_exponent, 6);
}
