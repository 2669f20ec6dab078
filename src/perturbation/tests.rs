use super::*;
use image::Rgb;
use rand_chacha::rand_core::SeedableRng;

fn rng() -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(1)
}

/// A picture with an edge and a ramp.
fn picture() -> Picture {
    Picture::from_fn(64, 48, |x, y| Rgb([if x < 20 { 200 } else { 40 }, (x * 3) as u8, (y * 4) as u8]))
}

fn difference(a: &Picture, b: &Picture) -> f64 {
    let all: f64 = a.iter().zip(b.iter()).map(|(a, b)| f64::from(a.abs_diff(*b))).sum();
    all / a.len() as f64
}

#[test]
fn each_changes_the_picture_more_the_further_its_level_is_from_none() {
    let picture = picture();
    for kind in Perturbation::ALL {
        let changed = |level: f64| {
            let out = kind.apply(&picture, level, &mut rng());
            assert_eq!(out.dimensions(), picture.dimensions());
            difference(&out, &picture)
        };
        let (little, much) = match kind {
            Perturbation::Jpeg => (95.0, 10.0),
            Perturbation::Blur => (1.0, 8.0),
            Perturbation::Shift => (0.02, 0.1),
            Perturbation::Rotation => (1.0, 10.0),
            _ => (0.02, 0.2),
        };
        assert!(changed(little) < changed(much), "{kind}");
        assert!(changed(much) > 0.5, "{kind}");
    }
}

#[test]
fn no_change_is_no_change() {
    let picture = picture();
    for kind in Perturbation::ALL.into_iter().filter(|kind| *kind != Perturbation::Jpeg) {
        assert_eq!(difference(&kind.apply(&picture, 0.0, &mut rng()), &picture), 0.0, "{kind}");
    }
}

#[test]
fn brightness_and_contrast_are_what_they_say() {
    let grey = Picture::from_fn(2, 1, |x, _| Rgb([[50, 150][x as usize]; 3]));
    let values = |out: Picture| [out.get_pixel(0, 0)[0], out.get_pixel(1, 0)[0]];
    assert_eq!(values(Perturbation::Lighting.apply(&grey, 0.2, &mut rng())), [60, 180]);
    assert_eq!(values(Perturbation::Lighting.apply(&grey, 0.9, &mut rng())), [95, 255]);
    assert_eq!(values(Perturbation::Contrast.apply(&grey, -0.2, &mut rng())), [60, 140]);
}

#[test]
fn noise_has_the_deviation_that_is_asked_for() {
    let grey = Picture::from_pixel(100, 100, Rgb([128; 3]));
    let out = Perturbation::Noise.apply(&grey, 0.04, &mut rng());
    let variance = out.iter().map(|&v| (f64::from(v) - 128.0).powi(2)).sum::<f64>() / out.len() as f64;
    assert!((variance.sqrt() - 255.0 * 0.04).abs() < 0.3, "{}", variance.sqrt());
}

#[test]
fn the_border_is_continued() {
    let grey = Picture::from_pixel(40, 40, Rgb([90; 3]));
    for (kind, level) in [(Perturbation::Shift, 0.1), (Perturbation::Rotation, 5.0)] {
        // A black border would differ by tens on average; rounding by at most one.
        assert!(difference(&kind.apply(&grey, level, &mut rng()), &grey) <= 1.0, "{kind}");
    }
}

#[test]
fn names_are_read_back_and_others_refused() {
    for kind in Perturbation::ALL {
        assert_eq!(kind.name().parse::<Perturbation>().unwrap(), kind);
    }
    let said = "fog".parse::<Perturbation>().unwrap_err().to_string();
    assert!(said.contains("fog") && said.contains("lighting, contrast"), "{said}");
}

#[test]
fn a_varied_picture_follows_from_the_seed_and_only_from_what_is_asked() {
    let picture = picture();
    let kinds = [Perturbation::Lighting, Perturbation::Noise];
    assert_eq!(vary(&picture, &kinds, &mut rng()), vary(&picture, &kinds, &mut rng()));
    assert_eq!(vary(&picture, &[], &mut rng()), picture);
    // Light alone moves nothing: equal values stay equal.
    let lit = vary(&picture, &[Perturbation::Lighting], &mut rng());
    assert_eq!(lit.get_pixel(2, 3)[0], lit.get_pixel(10, 40)[0]);
}
