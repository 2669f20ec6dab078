use super::*;
use crate::normal::normal;
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

fn reference(rng: &mut ChaCha8Rng, count: usize) -> Reference {
    Reference {
        scores: (0..count).map(|_| 0.55 + 0.1 * normal(rng)).collect(),
        distances: (0..count).map(|_| (0.2 * normal(rng)).exp()).collect(),
        false_alarms: Some(0.02),
    }
}

/// A picture of a line where one in ten has a defect; `shift` in deviations.
fn picture(rng: &mut ChaCha8Rng, shift: f64) -> Seen {
    let defect = rng.random_bool(0.1);
    let score = 0.5 + 0.1 * (normal(rng) + shift) + if defect { 0.6 } else { 0.0 };
    let distance = (0.2 * (normal(rng) + shift) + if defect { 0.4 } else { 0.0 }).exp();
    let good = score < 0.9;
    Seen {
        score,
        good,
        distance: Some(distance),
        corrected: Some(rng.random_bool(if good { 0.01 } else { 0.05 })),
    }
}

#[test]
fn a_thousand_unchanged_pictures_hardly_ever_raise_an_alarm() {
    let alarms = (0..40).filter(|&seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut watch = Watch::new(reference(&mut rng, 40));
        (0..1000).for_each(|_| watch.see(&picture(&mut rng, 0.0)));
        assert!(!watch.signals().iter().any(|signal| matches!(signal.finding, Finding::TooFew(_))));
        watch.has_changed()
    });
    // One run in a hundred may have one; three of forty would be such a chance themselves.
    let alarms = alarms.count();
    assert!(alarms <= 2, "{alarms}");
}

#[test]
fn a_change_is_found_within_fifty_pictures() {
    let found = (0..10).flat_map(|seed| [(seed, 3.0), (seed, -3.0)]).filter(|&(seed, shift)| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut watch = Watch::new(reference(&mut rng, 40));
        (0..200).for_each(|_| watch.see(&picture(&mut rng, 0.0)));
        (0..50).for_each(|_| watch.see(&picture(&mut rng, shift)));
        let dated = watch.signals().into_iter().find_map(|signal| match signal.finding {
            Finding::Changed { since } => Some((since, signal.sentence)),
            _ => None,
        });
        dated.is_some_and(|(_, sentence)| {
            assert!(sentence.contains("since picture"), "{sentence}");
            true
        })
    });
    // Defects that are judged good after a fall hold the evidence back.
    let found = found.count();
    assert!(found >= 16, "{found} of 20");
}

#[test]
fn a_line_that_begins_changed_is_found_by_what_the_model_knows() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut watch = Watch::new(reference(&mut rng, 60));
    (0..50).for_each(|_| watch.see(&picture(&mut rng, 4.0)));
    let [_, distance, _] = watch.signals();
    assert!(matches!(distance.finding, Finding::Changed { since } if since < 20), "{distance:?}");
}

#[test]
fn too_few_pictures_say_nothing_however_far_they_are() {
    let mut watch = Watch::new(Reference::default());
    for _ in 0..FEWEST - 1 {
        watch.see(&Seen { score: 1e9, good: true, distance: Some(1e9), corrected: Some(false) });
    }
    for signal in watch.signals() {
        assert_eq!(signal.finding, Finding::TooFew(FEWEST - 1));
        assert!(signal.sentence.starts_with("too few pictures to say"));
    }
}

#[test]
fn corrections_beyond_the_promise_are_an_alarm() {
    let mut watch = Watch::new(Reference { false_alarms: Some(0.01), ..Reference::default() });
    for n in 0..50 {
        watch.see(&Seen { score: 0.5, good: true, distance: None, corrected: Some(n % 4 == 0) });
    }
    let [scores, distance, corrections] = watch.signals();
    assert_eq!(scores.finding, Finding::Usual, "equal scores are no change");
    assert_eq!(distance.finding, Finding::TooFew(0));
    assert!(matches!(corrections.finding, Finding::Changed { .. }), "{corrections:?}");
    assert!(corrections.sentence.contains("refine the model"));
}

/// The pays are fair: over uniform ranks their mean is 1, so the bound on false alarms holds.
#[test]
fn the_chance_of_an_alarm_is_bounded() {
    let alarms = (0..400).filter(|&seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut test = Ranks::rising(&[], 200.0);
        (0..100).for_each(|_| test.add(rng.random_range(0.0..1.0)));
        test.alarm().is_some()
    });
    // At most 100 / 200 of them; far fewer in truth.
    assert!(alarms.count() < 200);
}
