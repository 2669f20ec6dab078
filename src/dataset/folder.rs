//! A plain folder of good pictures, with any sub-folders; nothing to test on.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::listing::counted;
use crate::listing::names::{folders_between, is_good};
use crate::listing::{Below, LeftOut};
use crate::render::is_rendered;

/// Good pictures for training: all pictures below `folder`, except rendered ones if there are others.
pub(super) fn train(all: &mut Below, folder: &Path) -> Vec<PathBuf> {
    leave_out_rendered(all, folder);
    all.pictures.clone()
}

/// Counts rendered pictures as written by this program.
pub(super) fn leave_out_rendered(all: &mut Below, folder: &Path) {
    let mut known: HashMap<PathBuf, bool> = HashMap::new();
    all.reject(|picture, left_out: &mut LeftOut| {
        let inner = picture.ancestors().skip(1).take_while(|above| *above != folder);
        let rendered =
            inner.filter(|above| *known.entry((*above).into()).or_insert_with(|| is_rendered(above))).last();
        if let Some(rendered) = rendered {
            *left_out.own_results.entry(rendered.into()).or_default() += 1;
        }
        rendered.is_some()
    });
}

/// The content of a folder: the names of sub-folders with pictures in them, and the number of pictures in the
/// folder itself.
#[derive(Default)]
struct Inside {
    names: Vec<String>,
    pictures: usize,
}

/// Refuses a folder whose sub-folders say that not everything in it is good: at any depth, one called good beside
/// other folders or beside pictures that are in no sub-folder.
///
/// This layout is the fallback, not one the person asked for; learning from defects would go unnoticed.
pub(super) fn refuse_labels(folder: &Path, pictures: &[PathBuf]) -> Result<()> {
    let mut places: BTreeMap<PathBuf, Inside> = BTreeMap::new();
    for picture in pictures {
        let mut place = PathBuf::new();
        for name in folders_between(folder, picture) {
            let names = &mut places.entry(place.clone()).or_default().names;
            if !names.contains(&name.to_string()) {
                names.push(name.to_string());
            }
            place.push(&*name);
        }
        places.entry(place).or_default().pictures += 1;
    }
    for (place, Inside { names, pictures }) in places {
        let Some(good) = names.iter().find(|name| is_good(name)) else { continue };
        let (beside, remedy) = match (names.iter().find(|name| !is_good(name)), pictures) {
            (Some(other), _) => (
                format!("`{other}`"),
                format!("make it train/{good} and test/{other}, or say --layout folder"),
            ),
            (None, 0) => continue,
            (None, count) => (counted(count, "picture"), "or say --layout folder".into()),
        };
        let place = folder.join(place);
        let reason = format!(
            "`{good}` lies beside {beside}, so not every picture here is good; give {} itself, {remedy}",
            place.join(good).display()
        );
        return Err(Error::dataset(&place, reason));
    }
    Ok(())
}
