//! Defects, masks and this program's own results are never learned by mistake.

use super::*;
use crate::listing::own::signed;

/// A picture signed as one that this program wrote.
fn own_result(path: &Path, seed: u8) {
    picture(path, seed);
    fs::write(path, signed(fs::read(path).unwrap())).unwrap();
}

fn doubts(set: &Dataset) -> Vec<(String, usize)> {
    set.not_good().into_iter().map(|(place, count)| (place.display().to_string(), count)).collect()
}

#[test]
fn defects_at_any_depth_beside_good_pictures_are_refused() {
    for (good, bad) in [
        ("good", "bad/lot1"),
        ("pass", "fail"),
        ("line1/OK", "line1/NG"),
        ("gut", "schlecht"),
        ("良品", "不良品"),
    ] {
        let folder = TempDir::new().unwrap();
        picture(&folder.path().join(good).join("1.png"), 1);
        picture(&folder.path().join(bad).join("1.png"), 2);
        let message = refusal(folder.path(), None, None);
        assert!(
            message.contains(&format!("`{}` lies beside `{}`", last(good), first_inside(good, bad))),
            "{message}"
        );
        // Naming the layout does not mean that the pictures are good whatever their names say.
        let set = open(folder.path(), Some(Layout::Folder), None).unwrap().remove(0);
        let refused = set.insist_on_good(false).unwrap_err().to_string();
        assert!(refused.contains("--all-good") && refused.contains("1 picture of 2"), "{refused}");
        set.insist_on_good(true).unwrap();
    }
}

#[test]
fn pictures_beside_a_folder_called_good_are_refused() {
    let folder = TempDir::new().unwrap();
    picture(&folder.path().join("line1/OK/1.png"), 1);
    picture(&folder.path().join("line1/2.png"), 2);
    let message = refusal(folder.path(), None, None);
    assert!(message.contains("`OK` lies beside 1 picture"), "{message}");
    assert_eq!(open(folder.path(), Some(Layout::Folder), None).unwrap()[0].train.len(), 2);
}

fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap()
}

/// The first folder of `bad` that is not on the way to `good`.
fn first_inside<'a>(good: &str, bad: &'a str) -> &'a str {
    bad.split('/').find(|part| !good.split('/').any(|other| other == *part)).unwrap()
}

#[test]
fn folders_of_defects_and_masks_among_good_pictures_are_named() {
    let folder = TempDir::new().unwrap();
    for (name, seed) in
        [("0.png", 0), ("NG/1.png", 1), ("NG/2.png", 2), ("lots/masks/0.png", 3), ("lots/a/0.png", 4)]
    {
        picture(&folder.path().join(name), seed);
    }
    let set = one(folder.path());
    assert_eq!(doubts(&set), [("NG".into(), 2), ("lots/masks".into(), 1)]);
    let message = set.insist_on_good(false).unwrap_err().to_string();
    assert!(message.contains("3 pictures of 5") && message.contains("NG (2), lots/masks (1)"), "{message}");
    let found = inspect(&set);
    assert!(found.to_string().contains("warning: 3 pictures of 5 called like defects or masks"), "{found}");
    assert_eq!(serde_json::to_value(&found).unwrap()["not_good"]["NG"], 2);
}

#[test]
fn masks_beside_pictures_are_named_and_never_judged_as_parts() {
    // KolektorSDD2, KolektorSDD
    for (picture_name, mask_name) in
        [("train/10000.png", "train/10000_GT.png"), ("kos01/Part0.jpg", "kos01/Part0_label.bmp")]
    {
        let folder = TempDir::new().unwrap();
        picture(&folder.path().join(picture_name), 1);
        mask(&folder.path().join(mask_name), true, 12, 8);
        let set = one(folder.path());
        assert_eq!(doubts(&set), [(mask_name.into(), 1)]);
        assert!(set.insist_on_good(false).is_err());
        assert!(inspect(&set).to_string().contains(mask_name));
    }
    let folder = TempDir::new().unwrap();
    mvtec(folder.path());
    mask(&folder.path().join("test/dent/1_mask.png"), true, 12, 8);
    let set = one(folder.path());
    assert_eq!(
        (set.test.len(), set.left_out.masks.clone()),
        (4, vec![PathBuf::from("test/dent/1_mask.png")])
    );
}

#[test]
fn defects_below_train_good_are_refused_too() {
    let folder = TempDir::new().unwrap();
    mvtec(folder.path());
    one(folder.path()).insist_on_good(false).unwrap();
    picture(&folder.path().join("train/good/lot2/rejected/9.png"), 9);
    picture(&folder.path().join("test/good/NG/9.png"), 10);
    let set = one(folder.path());
    assert_eq!((set.train.len(), doubts(&set)), (7, vec![("train/good/lot2/rejected".into(), 1)]));
    let text = inspect(&set).to_string();
    assert!(text.contains("1 picture taken for good in test") && text.contains("test/good/NG (1)"), "{text}");
}

#[test]
fn a_folder_that_is_called_bad_itself_is_doubted() {
    let folder = TempDir::new().unwrap();
    picture(&folder.path().join("NG parts/1.png"), 1);
    let text = inspect(&one(&folder.path().join("NG parts"))).to_string();
    assert!(text.contains("warning: the folder is called `NG parts`"), "{text}");
}

#[test]
fn own_results_are_no_parts_wherever_they_lie() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    picture(&root.join("1.png"), 1);
    for (n, name) in [
        "results/1_heat.png",
        "results/1_overlay.png",
        "again/deep/1_heat.png",
        "previews/sheet.png",
        "renamed.png",
    ]
    .iter()
    .enumerate()
    {
        own_result(&root.join(name), 10 + n as u8);
    }
    fs::write(root.join("part.aand"), "x").unwrap();
    fs::write(root.join("results/results.csv"), "path,score,normalized,verdict,ms,error\n").unwrap();
    let set = one(root);
    assert_eq!(names(&set.train), ["1.png"]);
    assert_eq!(set.left_out.own_results.values().sum::<usize>(), 7);
    let lines: Vec<String> = set.advice().iter().map(ToString::to_string).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].starts_with("note: 7 files that aand itself wrote left out"), "{lines:?}");
    let message = refusal(&root.join("results"), None, None);
    assert!(message.contains("that aand itself wrote"), "{message}");
}

#[test]
fn results_that_repeat_the_folders_of_a_data_set_are_no_category() {
    let folder = TempDir::new().unwrap();
    mvtec(&folder.path().join("nut"));
    own_result(&folder.path().join("results/train/good/1_heat.png"), 1);
    fs::write(folder.path().join("results/results.csv"), "path,score,normalized,verdict,ms,error\n").unwrap();
    let set = one(folder.path());
    assert_eq!((set.name.as_str(), set.train.len()), ("nut", 6));
    own_result(&folder.path().join("nut/test/results/1_heat.png"), 2);
    assert_eq!(one(folder.path()).test.len(), 4);
}

#[test]
fn rendered_pictures_are_learned_only_on_their_own() {
    use crate::render::{Counts, ProductLine, write};
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    let counts = Counts { train: 1, test_good: 1, test_per_defect: 1 };
    write(ProductLine::Cloth, &root.join("cloth"), counts, 0).unwrap();
    let set = one(root);
    assert_eq!((set.name.as_str(), set.layout, set.train.len()), ("cloth", Layout::Mvtec, 1));
    assert!(inspect(&set).left_out.other_kinds.is_empty(), "its README is none of the user's files");
    picture(&root.join("monday/1.png"), 1);
    let set = one(root);
    assert_eq!((set.layout, names(&set.train)), (Layout::Folder, vec!["1.png".to_owned()]));
    assert!(set.left_out.own_results[Path::new("cloth")] >= 2);
    // Beside a category they also count as the program's own, not as pictures of no category.
    fs::remove_dir_all(root.join("monday")).unwrap();
    mvtec(&root.join("nut"));
    let set = one(root);
    assert_eq!(set.name, "nut");
    let lines: Vec<String> = set.advice().iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(|line| !line.contains("no use for them")), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("that aand itself wrote left out")), "{lines:?}");
}
