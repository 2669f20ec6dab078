//! A synthetic anomaly to show, not to train on: one that is clearly visible.

use super::{Corrupted, Foreground, SynthesisConfig, Synthesizer, Textures};
use crate::picture::{Picture, Size};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// How many anomalies are drawn, of which the most visible is taken.
const DRAWS: usize = 6;
/// Share of the picture above which a larger defect is no more visible.
const LARGE: f64 = 0.03;

/// A defect as stage 1 paints it on the part in a square picture: the most visible of several draws, since many are
/// hardly visible. The same seed gives the same defect.
pub fn plainest_defect(picture: &Picture, seed: u64) -> Corrupted {
    let size = Size::of(picture);
    // No sample is clean, and no defect is faint.
    let config = SynthesisConfig { clean_share: 0.0, blend_max: 0.4, ..SynthesisConfig::default() };
    let synthesizer = Synthesizer::with_config(size, Textures::builtin(), config);
    let foreground = Foreground::Auto.mask(picture);
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut best = synthesizer.sample(picture, &foreground, &mut rng);
    for _ in 1..DRAWS {
        let next = synthesizer.sample(picture, &foreground, &mut rng);
        if plainness(picture, &next) > plainness(picture, &best) {
            best = next;
        }
    }
    best
}

/// Mean difference within the defect, times its area relative to `LARGE`; a defect that covers a quarter of the
/// picture does not count.
fn plainness(picture: &Picture, made: &Corrupted) -> f64 {
    let differences =
        picture.as_raw().iter().zip(made.picture.as_raw()).map(|(&a, &b)| f64::from(a.abs_diff(b)));
    let covered = made.mask.count() as f64;
    let share = covered / made.mask.data.len().max(1) as f64;
    if share > 0.25 {
        return 0.0;
    }
    differences.sum::<f64>() / covered.max(1.0) * (share / LARGE).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_shows_and_is_the_same_for_the_same_seed() {
        let picture = Picture::from_fn(64, 64, |x, y| image::Rgb([(x * 3) as u8, (y * 2) as u8, 90]));
        let made: Vec<Corrupted> = (0..4).map(|seed| plainest_defect(&picture, seed)).collect();
        assert_eq!(made[1], plainest_defect(&picture, 1));
        assert_ne!(made[0].picture, made[1].picture);
        for one in made {
            let share = one.mask.count() as f64 / 4096.0;
            assert!(share > 0.003 && share <= 0.25, "{share} of the picture");
            assert!(plainness(&picture, &one) > 10.0, "it hardly shows: {}", plainness(&picture, &one));
        }
    }
}
