//! The threshold at the end of a training, from the good pictures that were held out.

use super::course::Event;
use super::run::Run;
use crate::Result;
use crate::detection::{Detector, FEWEST, from_good_scores, judge};
use crate::gpu::{Network, Processor};
use crate::inference::Plan;
use crate::model::{Aand, NamedTensors, Precision, tensors_async};
use crate::picture::{Picture, normalise};
use std::sync::Arc;

/// What judges the good pictures for the threshold: what trained, which in a browser must be awaited.
enum Judge {
    Cpu(Box<Detector>),
    Gpu(Box<Network>),
}

impl Judge {
    async fn new(model: &Aand, processor: &Processor) -> Result<Self> {
        let tensors = NamedTensors::new(tensors_async(model).await?);
        let plan = Plan::new(&model.info, &tensors)?;
        Ok(match processor {
            Processor::Cpu => Self::Cpu(Box::new(Detector::of_plan(model.info.clone(), plan))),
            Processor::Gpu(gpu) => Self::Gpu(Box::new(Network::new(Arc::clone(gpu), plan, Precision::F32)?)),
        })
    }

    /// The scores of pictures of the model's size.
    async fn scores(&mut self, pictures: &[Picture]) -> Result<Vec<f64>> {
        match self {
            Self::Cpu(detector) => Ok(detector.detect(pictures)?.into_iter().map(|d| d.score).collect()),
            Self::Gpu(network) => {
                let pixels: Vec<f32> = pictures.iter().flat_map(normalise).collect();
                let found = network.maps(&pixels, pictures.len()).await?;
                // The threshold is not known yet; what is not finite is refused all the same.
                found.into_iter().map(|(map, _)| judge(map, 1.0).map(|d| d.score)).collect()
            }
        }
    }
}

impl Run<'_> {
    /// Gives the finished `model` its threshold.
    pub async fn finish(&mut self, mut model: Aand) -> Result<Aand> {
        let course = self.course;
        let mut judge = Judge::new(&model, &course.processor).await?;
        // A browser has one thread: between single pictures the page can respond.
        let together = if cfg!(target_arch = "wasm32") { 1 } else { course.settings.batch.min(16) };
        let few = course.held_out.len() < FEWEST;
        let all = course.held_out.len() + if few { course.pictures.len() } else { 0 };
        let (mut held_out, mut trained_on, mut done) = (Vec::new(), Vec::new(), 0);
        for (scores, pictures) in [
            (&mut held_out, course.held_out.as_slice()),
            (&mut trained_on, if few { &course.pictures } else { &[] }),
        ] {
            for some in pictures.chunks(together) {
                scores.extend(judge.scores(some).await?);
                done += some.len();
                if self.tell(Event::Scoring(done, all)).await {
                    return Err(self.interrupted());
                }
            }
        }
        model.info.threshold = from_good_scores(&held_out, &trained_on);
        Ok(model)
    }
}
