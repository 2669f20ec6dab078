//! The film of a training: which test pictures are in it.

use crate::dataset::{Dataset, Sample, open_mask};
use crate::files::check_replace;
use crate::picture::{Mask, open_ranged, resize};
use crate::training::{Film, Settings};
use crate::{Error, Result};
use clap::Args;
use std::path::{Path, PathBuf};

/// The most pictures in a film: all its maps are kept in memory.
const MOST: usize = 64;

/// What is filmed.
#[derive(Clone, Debug, Args)]
pub struct FilmArgs {
    /// Also write how the discrepancies of test pictures change as the student learns; nothing is learned from
    /// those pictures
    #[arg(long, conflicts_with = "resume")]
    pub film: Option<PathBuf>,
    /// A test picture to film; may be repeated. The others are only listed. All are filmed unless given
    #[arg(long, requires = "film", value_name = "PICTURE")]
    film_of: Vec<PathBuf>,
    /// How many frames to film: 1 is the end of training alone, otherwise the first is before the first epoch
    #[arg(long, requires = "film", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    film_frames: u16,
}

impl FilmArgs {
    /// Makes sure that the film replaces nothing but an earlier film, and that there is exactly one data set.
    ///
    /// # Errors
    /// Another file is in the way, or there are several data sets.
    pub fn check(&self, sets: &[Dataset]) -> Result<()> {
        let Some(path) = &self.film else { return Ok(()) };
        if sets.len() > 1 {
            return Err(Error::Setting("--film is for one category; choose one with --category".into()));
        }
        check_replace(path, "film", "--film", Film::is_own)?;
        Ok(())
    }

    /// The film, with its pictures.
    ///
    /// # Errors
    /// A picture is not a test picture or is unusable, or there are none or too many.
    pub fn open(&self, set: &Dataset, settings: &Settings) -> Result<Option<Film>> {
        let (size, range) = (settings.size.width, settings.range);
        if self.film.is_none() {
            return Ok(None);
        }
        if !settings.size.is_square() || !settings.view.shows_whole_maps() {
            let reason = "--film shows whole pictures, squashed to a square: give --size 256 without --tile, --fit or --roi";
            return Err(Error::Setting(reason.into()));
        }
        let chosen = self.chosen(set)?;
        if chosen.is_empty() || chosen.len() > MOST {
            let reason = format!(
                "{} test pictures are not 1 to {MOST} that can be filmed; name some with --film-of",
                chosen.len()
            );
            return Err(Error::dataset(&set.root, reason));
        }
        let mut film = Film::new(size, usize::from(self.film_frames));
        for sample in &chosen {
            let picture = resize(&open_ranged(&sample.path, range)?.0, size as u32, size as u32);
            film.add(name(sample), &picture, sample.defect.is_some(), mask(sample, size)?);
        }
        // The others are only listed, with their masks, so that the defective patches of all pictures are
        // known.
        for sample in
            set.test.iter().filter(|other| !chosen.iter().any(|sample| std::ptr::eq(*sample, *other)))
        {
            film.list(name(sample), sample.defect.is_some(), mask(sample, size)?);
        }
        Ok(Some(film))
    }

    fn chosen<'a>(&self, set: &'a Dataset) -> Result<Vec<&'a Sample>> {
        if self.film_of.is_empty() {
            return Ok(set.test.iter().collect());
        }
        let find = |path: &PathBuf| {
            let same = |other: &Path| match (path.canonicalize(), other.canonicalize()) {
                (Ok(a), Ok(b)) => a == b,
                _ => path == other,
            };
            let found = set.test.iter().find(|sample| same(&sample.path));
            found.ok_or_else(|| {
                let reason = format!("{} is none of the test pictures; see `aand inspect`", path.display());
                Error::dataset(&set.root, reason)
            })
        };
        self.film_of.iter().map(find).collect()
    }
}

/// Its mask at the network's size, if it has one.
fn mask(sample: &Sample, size: usize) -> Result<Option<Mask>> {
    sample.mask.as_ref().map(|mask| Ok(open_mask(mask)?.resize_pil_nearest(size, size))).transpose()
}

/// The kind of defect, or `good`, and the picture's own name.
fn name(sample: &Sample) -> String {
    let own = sample.path.file_stem().unwrap_or_default().to_string_lossy();
    format!("{}/{own}", sample.defect.as_deref().unwrap_or("good"))
}
