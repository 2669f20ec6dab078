//! Chooses the good pictures that stay in the model file.

use super::job::Event;
use super::run::Run;
use super::{Purpose, TOGETHER, stream};
use crate::Result;
use crate::embedding::{Embedder, coverage};
use crate::model::{Aand, Kept, KeptPicture, MOST_KEPT, NamedTensors, tensors_async};
use crate::picture::Seen;
use rand::seq::SliceRandom;

/// One in this many kept pictures is one that was not learned from, if there are any.
const HELD_OUT: usize = 4;

impl Run<'_> {
    /// Gives the finished `model` good pictures to keep, as many as the settings say: those of the learned and of the
    /// held-out pictures that best cover the others. If there are more than [`MOST_KEPT`] pictures, that many are drawn
    /// first.
    ///
    /// # Errors
    /// The device failed, or a stop was asked for.
    pub async fn keep_pictures(&mut self, model: &mut Aand) -> Result<()> {
        let (job, settings) = (self.job, &self.job.settings);
        if settings.keep == 0 {
            return Ok(());
        }
        let tensors = NamedTensors::new(tensors_async(model).await?);
        let embedder = Embedder::new(&model.info, &tensors)?;
        let all: Vec<(&Seen<'static>, bool)> = (job.pictures.iter().map(|seen| (seen, true)))
            .chain(job.held_out.iter().map(|seen| (seen, false)))
            .collect();
        let mut drawn: Vec<usize> = (0..all.len()).collect();
        drawn.shuffle(&mut stream(settings.seed, Purpose::Kept, 0, 0));
        drawn.truncate(MOST_KEPT);
        drawn.sort_unstable();
        let mut embeddings = Vec::with_capacity(drawn.len());
        for some in drawn.chunks(TOGETHER) {
            let seen: Vec<Seen<'_>> = some.iter().map(|&i| all[i].0.borrowed()).collect();
            embeddings.extend(embedder.embed_all(&seen)?);
            if self.tell(Event::Caching(embeddings.len(), drawn.len())).await {
                return Err(self.interrupted());
            }
        }
        let of =
            |learned: bool| (0..drawn.len()).filter(|&n| all[drawn[n]].1 == learned).collect::<Vec<usize>>();
        let held_out = of(false).len().min(settings.keep / HELD_OUT);
        let mut kept = Kept::default();
        for (learned, count) in [(true, settings.keep - held_out), (false, held_out)] {
            let own = of(learned);
            let own_embeddings: Vec<Vec<f32>> = own.iter().map(|&n| embeddings[n].clone()).collect();
            let covering = coverage(&own_embeddings, own.len()).into_iter();
            let pictures = covering.map(|n| KeptPicture { seen: all[drawn[own[n]]].0.clone(), learned });
            kept.fill(pictures, count)?;
        }
        kept.embeddings = embeddings;
        model.kept = kept;
        Ok(())
    }
}
