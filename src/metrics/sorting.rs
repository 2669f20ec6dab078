//! The cost of sorting parts by score: PG2 and PB2, each the one kind of error when the other is held at 2 %.

/// The share of errors that is allowed on one side.
const ALLOWED: f64 = 0.02;

/// PG2: the smallest share of good parts that is rejected when at most 2 % of the anomalous ones are missed. `None`
/// unless there are both.
pub fn pg2(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let (good, bad) = split(scores, anomalous)?;
    // The lowest anomalous score that must be found; this score and all above are rejected.
    let cut = bad[allowed(bad.len())];
    Some(share(&good, |score| score >= cut))
}

/// PB2: the smallest share of anomalous parts that is missed when at most 2 % of the good ones are rejected. `None`
/// unless there are both.
pub fn pb2(scores: &[f64], anomalous: &[bool]) -> Option<f64> {
    let (good, bad) = split(scores, anomalous)?;
    // The highest good score that must pass; everything up to it passes.
    let cut = good[good.len() - 1 - allowed(good.len())];
    Some(share(&bad, |score| score <= cut))
}

/// How many of `count` may be wrong; never all.
fn allowed(count: usize) -> usize {
    (count as f64 * ALLOWED + 1e-9) as usize
}

fn share(scores: &[f64], counted: impl Fn(f64) -> bool) -> f64 {
    scores.iter().filter(|&&score| counted(score)).count() as f64 / scores.len() as f64
}

/// Scores of the good and of the anomalous parts, each ascending.
fn split(scores: &[f64], anomalous: &[bool]) -> Option<(Vec<f64>, Vec<f64>)> {
    let of = |wanted: bool| {
        let chosen = scores.iter().zip(anomalous).filter(|(_, label)| **label == wanted);
        let mut chosen: Vec<f64> = chosen.map(|(score, _)| *score).collect();
        chosen.sort_by(f64::total_cmp);
        chosen
    };
    let (good, bad) = (of(false), of(true));
    (scores.len() == anomalous.len() && !good.is_empty() && !bad.is_empty()).then_some((good, bad))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_are_told_apart_cost_nothing_and_others_what_overlaps() {
        let scores = [0.1, 0.2, 0.3, 0.8, 0.9];
        let labels = [false, false, false, true, true];
        assert_eq!([pg2(&scores, &labels), pb2(&scores, &labels)], [Some(0.0); 2]);
        // One good part above one anomalous one: a third of the good, or half of the anomalous.
        let scores = [0.1, 0.2, 0.85, 0.8, 0.9];
        assert_eq!(pg2(&scores, &labels), Some(1.0 / 3.0));
        assert_eq!(pb2(&scores, &labels), Some(0.5));
    }

    #[test]
    fn two_percent_of_either_side_is_allowed() {
        // 100 anomalous parts, of which the lowest two score below all the good ones.
        let mut scores: Vec<f64> = (0..100).map(f64::from).collect();
        let mut labels = vec![true; 100];
        scores.extend([1.5; 10]);
        labels.extend([false; 10]);
        assert_eq!(pg2(&scores, &labels), Some(0.0));
        // The third among them is one too many.
        scores[2] = 1.4;
        assert_eq!(pg2(&scores, &labels), Some(1.0));
        let mirrored: Vec<f64> = scores.iter().map(|s| -s).collect();
        let swapped: Vec<bool> = labels.iter().map(|l| !l).collect();
        assert_eq!(pb2(&mirrored, &swapped), Some(1.0));
    }

    #[test]
    fn equal_scores_are_not_told_apart() {
        assert_eq!(pg2(&[1.0; 4], &[true, false, true, false]), Some(1.0));
        assert_eq!(pb2(&[1.0; 4], &[true, false, true, false]), Some(1.0));
        assert_eq!([pg2(&[1.0], &[true]), pb2(&[], &[]), pg2(&[1.0, 2.0], &[true])], [None; 3]);
    }
}
