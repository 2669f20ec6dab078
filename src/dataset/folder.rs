//! Simply a folder of good pictures, with whatever sub-folders; nothing to test on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::listing::names::{folders_between, is_good};
use crate::listing::{Below, LeftOut};
use crate::render::is_rendered;

/// Good pictures for training: all pictures below `folder`, but for rendered ones among others.
pub(super) fn train(all: &mut Below, folder: &Path) -> Vec<PathBuf> {
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
    all.pictures.clone()
}

/// Refuses a folder whose sub-folders say that not everything in it is good: one called good beside others, at any
/// depth.
///
/// Nobody asked for this layout, it is what is left; learning from defects would go unnoticed.
pub(super) fn refuse_labels(folder: &Path, pictures: &[PathBuf]) -> Result<()> {
    // Sub-folders that lead to pictures, by the folder they lie in.
    let mut inner: HashMap<PathBuf, Vec<String>> = HashMap::new();
    for picture in pictures {
        let mut place = PathBuf::new();
        for name in folders_between(folder, picture) {
            let names = inner.entry(place.clone()).or_default();
            if !names.contains(&name.to_string()) {
                names.push(name.to_string());
            }
            place.push(&*name);
        }
    }
    let mut places: Vec<_> = inner.into_iter().collect();
    places.sort();
    for (place, names) in places {
        let (Some(good), Some(other)) =
            (names.iter().find(|name| is_good(name)), names.iter().find(|name| !is_good(name)))
        else {
            continue;
        };
        let place = folder.join(place);
        return Err(Error::dataset(
            &place,
            format!(
                "`{good}` lies beside `{other}`, so not every picture here is good; give {} itself, make it \
                 train/{good} and test/{other}, or say --layout folder",
                place.join(good).display()
            ),
        ));
    }
    Ok(())
}
