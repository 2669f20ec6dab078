//! Recognizes a folder's layout from its content, never from its name.

use std::path::{Path, PathBuf};

use super::{Layout, Purpose, folder, mvtec, mvtec3d, visa};
use crate::error::{Error, Result};
use crate::listing::{below, below_except, folders, name, own};
use crate::render::is_rendered;

/// How many folders deep a data set is searched for, to suggest it in an error.
const SEARCH_DEPTH: usize = 3;

/// A folder that holds one category.
#[derive(Debug)]
pub(super) struct Category {
    pub name: String,
    pub folder: PathBuf,
    pub layout: Layout,
}

/// What a folder turned out to be.
#[derive(Debug)]
pub(super) enum FolderKind {
    /// One category.
    Category(Category),
    /// A folder of categories, in natural order.
    Root(Vec<Category>),
}

/// Recognizes `root`; `layout` restricts what it may be.
pub(super) fn recognize(
    root: &Path,
    layout: Option<Layout>,
    category: Option<&str>,
    purpose: Purpose,
) -> Result<FolderKind> {
    let own_name = std::fs::canonicalize(root).map_or_else(|_| name(root), |full| name(&full));
    let itself =
        |layout| FolderKind::Category(Category { name: own_name.clone(), folder: root.into(), layout });

    if layout == Some(Layout::Folder) {
        // Without a category the whole folder counts; with one, its sub-folders are the categories.
        return match category {
            None => Ok(itself(Layout::Folder)),
            Some(_) => {
                let named =
                    |folder: PathBuf| Category { name: name(&folder), folder, layout: Layout::Folder };
                Ok(FolderKind::Root(
                    folders(root)?.into_iter().filter(|folder| !is_result(folder)).map(named).collect(),
                ))
            }
        };
    }
    if let Some(found) = layout_of(root, layout) {
        return Ok(itself(found));
    }
    let categories = categories(root, layout)?;
    if !categories.is_empty() {
        return Ok(FolderKind::Root(categories));
    }
    if let Some(layout) = layout {
        let reason =
            format!("no {layout} data set: {}; check --layout or leave it out", layout.expectation());
        return Err(Error::dataset(root, reason));
    }
    if let Some(deeper) = search(root, SEARCH_DEPTH) {
        let reason = format!("the data set lies further down; give {} instead", deeper.display());
        return Err(Error::dataset(root, reason));
    }
    if purpose == Purpose::Train {
        folder::refuse_labels(root, &below_except(root, is_rendered)?.pictures)?;
    }
    Ok(itself(Layout::Folder))
}

/// The layout of a category folder. MVTec 3D-AD is tried first, since its outer folders also fit MVTec AD.
fn layout_of(folder: &Path, allowed: Option<Layout>) -> Option<Layout> {
    [Layout::Mvtec3d, Layout::Visa, Layout::Mvtec]
        .into_iter()
        .filter(|layout| allowed.is_none_or(|allowed| allowed == *layout))
        .find(|layout| match layout {
            Layout::Mvtec3d => mvtec3d::is_category(folder),
            Layout::Visa => visa::is_category(folder),
            Layout::Mvtec => mvtec::is_category(folder),
            Layout::Folder => false,
        })
}

/// The folders in `root` that are categories. Results of this program are not, although they repeat the folders of
/// the judged pictures; nor are rendered pictures if there are others.
fn categories(root: &Path, allowed: Option<Layout>) -> Result<Vec<Category>> {
    let category = |folder: PathBuf| {
        layout_of(&folder, allowed).map(|layout| Category { name: name(&folder), folder, layout })
    };
    let mut found: Vec<Category> = folders(root)?.into_iter().filter_map(category).collect();
    found.retain(|category| !is_result(&category.folder));
    if found.iter().any(|category| is_rendered(&category.folder))
        && !below_except(root, is_rendered)?.pictures.is_empty()
    {
        found.retain(|category| !is_rendered(&category.folder));
    }
    Ok(found)
}

/// Whether a folder holds results of this program and no pictures of parts.
fn is_result(folder: &Path) -> bool {
    own::is_own(folder) && below(folder).is_ok_and(|all| all.pictures.is_empty())
}

/// The first folder below `root` that holds categories; an unreadable folder holds none.
fn search(root: &Path, depth: usize) -> Option<PathBuf> {
    if depth == 0 {
        return None;
    }
    folders(root).unwrap_or_default().into_iter().find_map(|folder| {
        let holds = categories(&folder, None).is_ok_and(|found| !found.is_empty());
        if holds { Some(folder) } else { search(&folder, depth - 1) }
    })
}
