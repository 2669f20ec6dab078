//! A threshold for a trained model from good pictures given after the training, and what may be wrong with those
//! pictures: too few, another product, a defect among them.

use crate::detection::FEWEST;
use crate::metrics::{CONFIDENCE, median, needed, percent};

/// If the median score is more than this many times the old threshold, the pictures show another product.
const OTHER: f64 = 1.5;

/// A score this many deviations above the median looks like a defect's.
const FAR: f64 = 6.0;

/// The smallest deviation assumed for the logarithm of good scores; less is chance.
const LEAST_DEVIATION: f64 = 0.05;

/// What speaks against calibrating on some pictures.
#[derive(Clone, Debug, PartialEq)]
pub enum Doubt {
    /// This many pictures support no threshold.
    TooFew(usize),
    /// Most pictures score far above the model's threshold: the median, as a multiple of it.
    OtherProduct(f64),
    /// These pictures score far above the others and above the model's threshold; the highest first.
    Defects(Vec<usize>),
}

impl Doubt {
    /// For people: what is wrong and what to do. `name` gives a picture's name.
    pub fn describe(&self, name: impl Fn(usize) -> String) -> String {
        match self {
            Self::TooFew(count) => {
                let pictures = if *count == 1 { "1 picture is" } else { &format!("{count} pictures are") };
                format!(
                    "{pictures} too few to calibrate on; give {FEWEST} or more good ones ({} for {}, {} for 1 %)",
                    needed(0.1, CONFIDENCE),
                    percent(0.1),
                    needed(0.01, CONFIDENCE)
                )
            }
            Self::OtherProduct(times) => format!(
                "half of the pictures score {times:.1} times the model's threshold or more: they look like another product, \
                 or like pictures taken in another way; train a model on them"
            ),
            Self::Defects(found) => {
                let shown: Vec<String> = found.iter().take(3).map(|&i| name(i)).collect();
                let more = match found.len() - shown.len() {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let (verb, them) = if found.len() == 1 { ("scores", "it") } else { ("score", "them") };
                let list = shown.join(", ");
                format!(
                    "{list}{more} {verb} far above the others and may show a defect; look, and take {them} out"
                )
            }
        }
    }
}

/// What speaks against calibrating on pictures with these scores; `threshold` is the model's present one.
pub fn doubt(scores: &[f64], threshold: f64) -> Option<Doubt> {
    if scores.len() < FEWEST {
        return Some(Doubt::TooFew(scores.len()));
    }
    let logs: Vec<f64> = scores.iter().map(|score| score.max(1e-12).ln()).collect();
    let middle = median(&logs);
    let times = middle.exp() / threshold;
    if times > OTHER {
        return Some(Doubt::OtherProduct(times));
    }
    // A deviation that a few defects among the pictures do not change: 1.4826 times the median distance equals the
    // standard deviation of a normal distribution.
    let distances: Vec<f64> = logs.iter().map(|log| (log - middle).abs()).collect();
    let deviation = (1.4826 * median(&distances)).max(LEAST_DEVIATION);
    let far = |i: &usize| logs[*i] > middle + FAR * deviation && scores[*i] > threshold;
    let mut found: Vec<usize> = (0..scores.len()).filter(far).collect();
    found.sort_by(|&a, &b| scores[b].total_cmp(&scores[a]));
    (!found.is_empty()).then_some(Doubt::Defects(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores of good pictures around 1.
    fn good(count: usize) -> Vec<f64> {
        (0..count).map(|i| 0.9 + 0.2 * (i * 7 % count) as f64 / count as f64).collect()
    }

    #[test]
    fn good_pictures_raise_no_doubt_even_where_light_has_changed_a_little() {
        assert_eq!(doubt(&good(30), 1.2), None);
        let lighter: Vec<f64> = good(30).iter().map(|s| 1.4 * s).collect();
        assert_eq!(doubt(&lighter, 1.2), None);
    }

    #[test]
    fn one_picture_is_too_few() {
        let one = doubt(&[0.9], 1.2).unwrap();
        assert_eq!(one, Doubt::TooFew(1));
        let words = one.describe(|_| String::new());
        assert!(
            words.starts_with("1 picture is too few") && words.contains("44 for 10 %, 459 for 1 %"),
            "{words}"
        );
    }

    #[test]
    fn another_product_is_told_from_the_middle() {
        let other: Vec<f64> = good(20).iter().map(|s| 3.0 * s).collect();
        assert!(matches!(doubt(&other, 1.2), Some(Doubt::OtherProduct(times)) if times > 2.0));
    }

    #[test]
    fn a_defect_among_them_is_named() {
        let mut scores = good(30);
        scores[4] = 2.4;
        scores[9] = 3.0;
        let found = doubt(&scores, 1.2).unwrap();
        assert_eq!(found, Doubt::Defects(vec![9, 4]));
        let words = found.describe(|i| format!("{i}.png"));
        assert_eq!(
            words,
            "9.png, 4.png score far above the others and may show a defect; look, and take them out"
        );
        // Below the threshold nothing is a defect, however similar the others are.
        assert_eq!(doubt(&scores, 5.0), None);
    }
}
