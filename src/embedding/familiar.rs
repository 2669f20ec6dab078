//! How far new pictures are from those of the training.

use super::{Embedder, nearest, usual};
use crate::Result;
use crate::model::Info;
use crate::picture::Seen;
use crate::teacher::TensorSource;

/// The embeddings of the training, and the embedder of new pictures.
#[derive(Debug)]
pub struct Familiar {
    embedder: Embedder,
    known: Vec<Vec<f32>>,
}

impl Familiar {
    /// From a model and the embeddings that it keeps; `None` if it keeps none.
    ///
    /// # Errors
    /// A tensor of the teacher is missing or has another shape.
    pub fn new(info: &Info, source: &dyn TensorSource, known: Vec<Vec<f32>>) -> Result<Option<Self>> {
        if known.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self { embedder: Embedder::new(info, source)?, known }))
    }

    /// The distance of each picture to the nearest of the training.
    ///
    /// # Errors
    /// As [`Embedder::embed`].
    pub fn distances(&self, seen: &[Seen<'_>]) -> Result<Vec<f64>> {
        let found = self.embedder.embed_all(seen)?;
        Ok(found.iter().filter_map(|embedding| nearest(embedding, &self.known)).collect())
    }

    /// The usual distances ([`usual`]).
    pub fn usual(&self) -> Vec<f64> {
        usual(&self.known)
    }
}
