//! Has something changed since the model was trained? Three signals from its results, each with a plain sentence:
//!
//! * The scores of pictures that are judged good, compared with each other and with those that the threshold rests
//!   on.
//! * The distance of each picture's embedding to those of the training ([`crate::embedding`]).
//! * How often somebody corrects a verdict, against the false-alarm rate that the threshold states.
//!
//! At most one in a hundred runs of 1,000 unchanged pictures raises an alarm of any kind
//! (`src/drift/sequential.rs`). As long as there are too few pictures to say anything, the signal says so.

mod sequential;

pub use sequential::{Frequency, Procedure, Ranks};

/// Tests that run side by side.
const TESTS: f64 = 6.0;

/// The share of runs of [`RUN`] unchanged pictures in which any test may raise an alarm.
const FALSE_RUNS: f64 = 0.01;

/// Pictures of such a run.
const RUN: f64 = 1000.0;

/// The evidence at which a test raises its alarm.
const LIMIT: f64 = TESTS * RUN / FALSE_RUNS;

/// With fewer numbers than this nothing can be said: even if each were larger than all before it, the evidence would
/// not suffice.
pub const FEWEST: usize = 22;

/// What is known about a model beforehand.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// The scores of good pictures that its threshold rests on; they may be too high, but not too low.
    pub scores: Vec<f64>,
    /// Distances of the embeddings of good pictures, each to the nearest other.
    pub distances: Vec<f64>,
    /// The false-alarm rate that its threshold states.
    pub false_alarms: Option<f64>,
}

/// What is known about one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Seen {
    /// Its score.
    pub score: f64,
    /// Whether it was judged good.
    pub good: bool,
    /// The distance of its embedding to the nearest of the training.
    pub distance: Option<f64>,
    /// Whether somebody corrected the verdict; `None` if unknown.
    pub corrected: Option<bool>,
}

/// What a signal says.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// There are only this many pictures, too few to tell.
    TooFew(usize),
    /// Nothing beyond chance.
    Usual,
    /// A change, most likely since the picture with this number, from 0, of all that were seen.
    Changed {
        /// That picture.
        since: usize,
    },
}

impl Finding {
    /// `changed`, `usual`, or `unknown` if there are too few pictures to tell.
    pub fn word(&self) -> &'static str {
        match self {
            Self::TooFew(_) => "unknown",
            Self::Usual => "usual",
            Self::Changed { .. } => "changed",
        }
    }
}

/// A signal, what it says, and the sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Signal {
    /// `scores`, `distance` or `corrections`.
    pub name: &'static str,
    /// What it says.
    pub finding: Finding,
    /// In a sentence.
    pub sentence: String,
}

/// Watches results, picture by picture in the order in which they were taken.
#[derive(Clone, Debug)]
pub struct Watch {
    reference: Reference,
    seen: usize,
    /// Number and score of each picture judged good, and the tests: above the known scores, rising, falling.
    good: Vec<(usize, f64)>,
    scores: [Ranks; 3],
    distances: Vec<(usize, f64)>,
    far: [Ranks; 2],
    corrections: Vec<(usize, bool)>,
    corrected: Frequency,
}

impl Watch {
    /// Starts to watch a model.
    pub fn new(reference: Reference) -> Self {
        Self {
            scores: [
                Ranks::rising(&reference.scores, LIMIT),
                Ranks::rising(&[], LIMIT),
                Ranks::falling(&[], LIMIT),
            ],
            far: [Ranks::rising(&reference.distances, LIMIT), Ranks::rising(&[], LIMIT)],
            corrected: Frequency::new(reference.false_alarms.unwrap_or(0.01), LIMIT),
            reference,
            seen: 0,
            good: Vec::new(),
            distances: Vec::new(),
            corrections: Vec::new(),
        }
    }

    /// Takes the next picture. Numbers that are not finite are ignored.
    pub fn see(&mut self, picture: &Seen) {
        if picture.good && picture.score.is_finite() {
            self.good.push((self.seen, picture.score));
            self.scores.iter_mut().for_each(|test| test.add(picture.score));
        }
        if let Some(distance) = picture.distance.filter(|distance| distance.is_finite()) {
            self.distances.push((self.seen, distance));
            self.far.iter_mut().for_each(|test| test.add(distance));
        }
        if let Some(corrected) = picture.corrected {
            self.corrections.push((self.seen, corrected));
            self.corrected.add(corrected);
        }
        self.seen += 1;
    }

    /// The three signals so far.
    pub fn signals(&self) -> [Signal; 3] {
        [self.of_scores(), self.of_distances(), self.of_corrections()]
    }

    fn of_scores(&self) -> Signal {
        let (tests, good) = (&self.scores, &self.good);
        let values: Vec<f64> = good.iter().map(|(_, score)| *score).collect();
        let too_few = good.len() < FEWEST;
        let alarm = [0, 1, 2].into_iter().find_map(|i| tests[i].alarm().map(|at| (i, at)));
        let (finding, sentence) = match alarm {
            Some((test, at)) => {
                let how = if test == 2 { "fallen" } else { "risen" };
                let now = quantile(&values[at..], 0.5);
                let before = usual(test, &self.reference.scores, &values[..at]);
                let before = before.map(|before| format!(", before it was {before:.4}")).unwrap_or_default();
                let since = number(good, at);
                let sentence = format!(
                    "the scores of pictures judged good have {how} since picture {}: half of them are above \
                     {now:.4}{before}; look at the light and the camera, then refine the model or train it again",
                    since + 1
                );
                (Finding::Changed { since }, sentence)
            }
            None if too_few => (Finding::TooFew(good.len()), few("pictures judged good", good.len())),
            None => {
                let [half, most] = [0.5, 0.95].map(|share| quantile(&values, share));
                let sentence = format!(
                    "the scores of {} pictures judged good are as usual: half of them below {half:.4}, 95 % below {most:.4}",
                    good.len()
                );
                (Finding::Usual, sentence)
            }
        };
        Signal { name: "scores", finding, sentence }
    }

    fn of_distances(&self) -> Signal {
        let values: Vec<f64> = self.distances.iter().map(|(_, distance)| *distance).collect();
        let alarm = [0, 1].into_iter().find_map(|i| self.far[i].alarm().map(|at| (i, at)));
        let (finding, sentence) = match alarm {
            Some((test, at)) => {
                let now = quantile(&values[at..], 0.5);
                // A usual distance of 0 has no multiple.
                let before =
                    usual(test, &self.reference.distances, &values[..at]).filter(|before| *before > 0.0);
                let times = before.map(|before| {
                    let times = now / before;
                    format!(": half of them are {times:.1} times as far from the nearest of those as usual")
                });
                let since = number(&self.distances, at);
                let sentence = format!(
                    "pictures look unlike those of the training since picture {}{}; look at light, camera and product",
                    since + 1,
                    times.unwrap_or_default()
                );
                (Finding::Changed { since }, sentence)
            }
            None if values.len() < FEWEST => {
                (Finding::TooFew(values.len()), few("pictures whose distance is known", values.len()))
            }
            None => {
                let sentence = format!(
                    "{} pictures are as like those of the training as these are among themselves",
                    values.len()
                );
                (Finding::Usual, sentence)
            }
        };
        Signal { name: "distance", finding, sentence }
    }

    fn of_corrections(&self) -> Signal {
        let all = &self.corrections;
        let corrected = |some: &[(usize, bool)]| some.iter().filter(|(_, corrected)| *corrected).count();
        let (finding, sentence) = match self.corrected.alarm() {
            Some(at) => {
                let since = number(all, at);
                let sentence = format!(
                    "verdicts are corrected more often than the threshold promises since picture {}: {} of {}; refine the \
                     model on the corrections",
                    since + 1,
                    corrected(&all[at..]),
                    all.len() - at
                );
                (Finding::Changed { since }, sentence)
            }
            None if all.len() < FEWEST => {
                (Finding::TooFew(all.len()), few("pictures looked at by somebody", all.len()))
            }
            None => {
                let sentence = format!(
                    "{} of {} verdicts were corrected, no more than promised",
                    corrected(all),
                    all.len()
                );
                (Finding::Usual, sentence)
            }
        };
        Signal { name: "corrections", finding, sentence }
    }
}

fn few(what: &str, count: usize) -> String {
    format!("too few pictures to say: {count} {what}, {FEWEST} is the least")
}

/// The picture number of entry `at` of a list.
fn number<T>(list: &[(usize, T)], at: usize) -> usize {
    list.get(at).or(list.last()).map_or(0, |(number, _)| *number)
}

/// The median of what a test compared with: the first test with what was known beforehand, if anything, the others with
/// what was seen before the change. `None` if there was nothing.
fn usual(test: usize, known: &[f64], seen: &[f64]) -> Option<f64> {
    let compared = if test == 0 && !known.is_empty() { known } else { seen };
    (!compared.is_empty()).then(|| quantile(compared, 0.5))
}

/// The value that a `share` of `values` does not exceed; 0 if there are none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (share * sorted.len().saturating_sub(1) as f64).round() as usize;
    sorted.get(at).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests;
