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

/// A picture from a line where one part in ten has a defect; `shift` is in standard deviations.
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

/// The start of the change, according to the first signal that reports one.
fn changed(watch: &Watch) -> Option<usize> {
    watch.signals().into_iter().find_map(|signal| match signal.finding {
        Finding::Changed { since } => Some(since),
        _ => None,
    })
}

#[test]
fn a_thousand_unchanged_pictures_hardly_ever_raise_an_alarm() {
    let alarms = (0..40).filter(|&seed| {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut watch = Watch::new(reference(&mut rng, 40));
        (0..1000).for_each(|_| watch.see(&picture(&mut rng, 0.0)));
        assert!(!watch.signals().iter().any(|signal| matches!(signal.finding, Finding::TooFew(_))));
        changed(&watch).is_some()
    });
    // One run in a hundred may raise an alarm.
    assert_eq!(alarms.count(), 1);
}

/// Deterministic, so the exact outcome is asserted: one of the twenty changes is not found.
#[test]
fn a_change_is_found_within_fifty_pictures_and_dated() {
    let (mut found, mut scores_off, mut distance_off) = (0, 0, 0);
    for (seed, shift) in (0..10).flat_map(|seed| [(seed, 3.0), (seed, -3.0)]) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut watch = Watch::new(reference(&mut rng, 40));
        (0..200).for_each(|_| watch.see(&picture(&mut rng, 0.0)));
        assert_eq!(changed(&watch), None, "{seed}");
        (0..50).for_each(|_| watch.see(&picture(&mut rng, shift)));
        found += usize::from(changed(&watch).is_some());
        let [scores, distance, _] = watch.signals();
        for (signal, off) in [(scores, &mut scores_off), (distance, &mut distance_off)] {
            let Finding::Changed { since } = signal.finding else { continue };
            assert!(
                signal.sentence.contains(&format!("since picture {}:", since + 1)),
                "{}",
                signal.sentence
            );
            *off = since.abs_diff(200).max(*off);
        }
    }
    // After a fall, defects that are judged good weaken the evidence.
    assert_eq!((found, scores_off, distance_off), (19, 54, 93));
}

#[test]
fn a_line_that_begins_changed_is_found_by_what_the_model_knows() {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let mut watch = Watch::new(reference(&mut rng, 60));
    (0..50).for_each(|_| watch.see(&picture(&mut rng, 4.0)));
    let [_, distance, _] = watch.signals();
    assert!(matches!(distance.finding, Finding::Changed { since } if since < 20), "{distance:?}");
}

/// A line of scores and distances about which nothing is known beforehand.
fn of_line(values: impl Iterator<Item = f64>) -> [Signal; 3] {
    let mut watch = Watch::new(Reference::default());
    for value in values {
        watch.see(&Seen { score: value, good: true, distance: Some(value), corrected: None });
    }
    watch.signals()
}

#[test]
fn where_nothing_is_known_beforehand_a_change_is_compared_with_what_was_seen() {
    let [scores, distance, _] = of_line((0..30).map(|n| f64::from(n % 3 + 2)).chain((0..60).map(|_| 9.0)));
    assert!(matches!(scores.finding, Finding::Changed { .. }), "{scores:?}");
    assert!(scores.sentence.contains("above 9.0000, before it was 3.0000;"), "{}", scores.sentence);
    assert!(distance.sentence.contains(": half of them are 3.0 times as far"), "{}", distance.sentence);
    // The first picture is all that came before.
    let [scores, distance, _] = of_line((1..60).map(f64::from));
    assert!(scores.sentence.contains("above 31.0000, before it was 1.0000;"), "{}", scores.sentence);
    assert!(distance.sentence.contains("are 31.0 times as far"), "{}", distance.sentence);
    assert_eq!(usual(0, &[], &[]), None);
    // A distance of 0 has no multiple.
    let [_, distance, _] = of_line((0..30).map(|_| 0.0).chain((0..60).map(|_| 1.0)));
    let Finding::Changed { since } = distance.finding else { panic!("{distance:?}") };
    let said = format!("the training since picture {}; look at light, camera and product", since + 1);
    assert!(distance.sentence.ends_with(&said), "{}", distance.sentence);
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

/// The payoffs are fair: over uniform ranks their mean is 1, so the bound on false alarms holds.
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
