//! Every layout, recognized by content, and the errors about broken ones.

use std::fs;

use image::{GrayImage, ImageFormat, Luma, Rgb, RgbImage};
use tempfile::TempDir;

use super::*;

/// A small picture that differs with `seed`.
fn picture(path: &Path, seed: u8) {
    sized(path, seed, 12, 8);
}

fn sized(path: &Path, seed: u8, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture = RgbImage::from_fn(width, height, |x, y| Rgb([seed, (9 * x) as u8, (17 * y) as u8]));
    picture.save_with_format(path, ImageFormat::Png).unwrap();
}

fn mask(path: &Path, marked: bool, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mask = GrayImage::from_fn(width, height, |x, y| Luma([u8::from(marked && x == 3 && y == 2)]));
    mask.save_with_format(path, ImageFormat::Png).unwrap();
}

/// A category in MVTec AD layout: 6 good, test with 1 good, 2 scratches and 1 dent.
fn mvtec(folder: &Path) {
    for index in 1..=6 {
        picture(&folder.join(format!("train/good/{index}.png")), index);
    }
    picture(&folder.join("test/good/1.png"), 20);
    for (index, (kind, stem)) in [("scratch", "10"), ("scratch", "9"), ("dent", "1")].iter().enumerate() {
        picture(&folder.join(format!("test/{kind}/{stem}.png")), 30 + index as u8);
        mask(&folder.join(format!("ground_truth/{kind}/{stem}_mask.png")), true, 12, 8);
    }
}

fn one(root: &Path) -> Dataset {
    let mut sets = open(root, None, None).unwrap();
    assert_eq!(sets.len(), 1);
    sets.remove(0)
}

fn refusal(root: &Path, layout: Option<Layout>, category: Option<&str>) -> String {
    match open(root, layout, category) {
        Err(error @ Error::Dataset { .. }) => {
            let message = error.to_string();
            assert!(!message.contains('\n'), "{message}");
            message
        }
        other => panic!("{other:?}"),
    }
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| listing::name(path)).collect()
}

#[test]
fn mvtec_is_recognized_under_any_name() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("visa_mvtec3d");
    mvtec(&root);
    let set = one(&root);
    assert_eq!((set.name.as_str(), set.layout), ("visa_mvtec3d", Layout::Mvtec));
    assert_eq!(names(&set.train), ["1.png", "2.png", "3.png", "4.png", "5.png", "6.png"]);
    let test: Vec<_> = set
        .test
        .iter()
        .map(|sample| {
            let mask = sample.mask.as_deref().map(listing::name);
            (sample.defect.as_deref(), listing::name(&sample.path), mask)
        })
        .collect();
    let expected = [
        (Some("dent"), "1.png".into(), Some("1_mask.png".into())),
        (None, "1.png".into(), None),
        (Some("scratch"), "9.png".into(), Some("9_mask.png".into())),
        (Some("scratch"), "10.png".into(), Some("10_mask.png".into())),
    ];
    assert_eq!(test, expected);
}

/// BTAD calls its folders so, and has bitmaps whose masks are of either kind.
#[test]
fn ok_and_ko_are_good_and_anomalous() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    for name in ["train/ok/0000.bmp", "test/ok/0000.bmp", "test/ko/0001.bmp", "test/ko/0002.bmp"] {
        picture(&root.join(name), name.len() as u8);
    }
    mask(&root.join("ground_truth/ko/0001.png"), true, 12, 8);
    mask(&root.join("ground_truth/ko/0002.bmp"), true, 12, 8);
    let set = one(root);
    assert_eq!((set.layout, set.train.len()), (Layout::Mvtec, 1));
    let test: Vec<_> =
        set.test.iter().map(|sample| (sample.defect.as_deref(), sample.mask.is_some())).collect();
    assert_eq!(test, [(Some("ko"), true), (Some("ko"), true), (None, false)]);
    set.insist_on_good(false).unwrap();
}

#[test]
fn a_root_needs_a_category_and_lists_them() {
    let folder = TempDir::new().unwrap();
    mvtec(&folder.path().join("nut"));
    mvtec(&folder.path().join("Bolt"));
    picture(&folder.path().join("readme/figure.png"), 0);
    let message = refusal(folder.path(), None, None);
    assert!(message.contains("2 categories") && message.contains("Bolt, nut"), "{message}");
    let message = refusal(folder.path(), None, Some("screw"));
    assert!(message.contains("no category `screw`") && message.contains("Bolt, nut"), "{message}");
    let all = open(folder.path(), None, Some("all")).unwrap();
    assert_eq!(all.iter().map(|set| set.name.as_str()).collect::<Vec<_>>(), ["Bolt", "nut"]);
    assert_eq!(open(folder.path(), None, Some("bolt")).unwrap()[0].name, "Bolt");
    assert_eq!(open(&folder.path().join("nut"), None, Some("nut")).unwrap().len(), 1);
    assert!(refusal(&folder.path().join("nut"), None, Some("Bolt")).contains("itself the category `nut`"));
    let parent = TempDir::new().unwrap();
    mvtec(&parent.path().join("unpacked/mvtec/nut"));
    let message = refusal(parent.path(), None, None);
    assert!(message.contains("further down") && message.contains("mvtec"), "{message}");
}

#[test]
fn mvtec3d_takes_the_color_pictures_only() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    picture(&root.join("train/good/rgb/000.png"), 1);
    fs::create_dir_all(root.join("train/good/xyz")).unwrap();
    fs::write(root.join("train/good/xyz/000.tiff"), b"depth").unwrap();
    picture(&root.join("validation/good/rgb/000.png"), 2);
    picture(&root.join("test/good/rgb/000.png"), 3);
    mask(&root.join("test/good/gt/000.png"), false, 12, 8);
    picture(&root.join("test/hole/rgb/000.png"), 4);
    mask(&root.join("test/hole/gt/000.png"), true, 12, 8);
    let set = one(root);
    assert_eq!((set.layout, set.train.len(), set.test.len()), (Layout::Mvtec3d, 1, 2));
    assert_eq!(set.test[0].mask, None);
    assert_eq!(set.test[1].mask, Some(root.join("test/hole/gt/000.png")));
    assert!(inspect(&set).masks_without_picture.is_empty());
    // Read as MVTec AD, the folder has no pictures in train/good.
    assert!(refusal(root, Some(Layout::Mvtec), None).contains("no good pictures in train/good"));
}

fn visa(root: &Path) {
    for index in 0..3 {
        picture(&root.join(format!("candle/Data/Images/Normal/000{index}.JPG")), index);
    }
    picture(&root.join("candle/Data/Images/Anomaly/000.JPG"), 9);
    mask(&root.join("candle/Data/Masks/Anomaly/000.png"), true, 12, 8);
}

const TABLE: &str = "object,split,label,image,mask
candle,train,normal,candle/Data/Images/Normal/0000.JPG,
candle,train,normal,candle/Data/Images/Normal/0002.JPG,
candle,test,normal,candle/Data/Images/Normal/0001.JPG,
candle,test,anomaly,candle/Data/Images/Anomaly/000.JPG,candle/Data/Masks/Anomaly/000.png
pcb1,train,normal,pcb1/Data/Images/Normal/0000.JPG,
";

#[test]
fn visa_follows_its_table_and_else_its_folders() {
    let folder = TempDir::new().unwrap();
    visa(folder.path());
    let by_folder = one(folder.path());
    assert_eq!((by_folder.layout, by_folder.train.len(), by_folder.test.len()), (Layout::Visa, 3, 1));
    assert_eq!(by_folder.test[0].defect.as_deref(), Some("anomaly"));

    let table = folder.path().join("split_csv/1cls.csv");
    fs::create_dir_all(table.parent().unwrap()).unwrap();
    fs::write(&table, TABLE).unwrap();
    for root in [folder.path().to_path_buf(), folder.path().join("candle")] {
        let set = one(&root);
        assert_eq!((set.name.as_str(), set.train.len()), ("candle", 2));
        assert_eq!(names(&set.train), ["0000.JPG", "0002.JPG"]);
        let good: Vec<_> = set.test.iter().map(|sample| sample.defect.is_none()).collect();
        assert_eq!(good, [false, true]);
        assert_eq!(set.test[0].mask.as_deref().map(listing::name).as_deref(), Some("000.png"));
        assert!(set.test[0].path.is_file() && set.test[0].path.starts_with(&set.root));
    }
    assert!(inspect(&one(folder.path())).masks_without_picture.is_empty());

    // As a spreadsheet writes it.
    fs::write(&table, format!("\u{feff}{}", TABLE.replace('\n', "\r\n"))).unwrap();
    let set = one(folder.path());
    assert_eq!((set.train.len(), set.test.len(), set.test[0].mask.is_some()), (2, 2, true));
    assert!(set.left_out.advice().is_empty(), "{:?}", set.left_out);
    fs::write(&table, TABLE).unwrap();

    fs::remove_file(folder.path().join("candle/Data/Images/Normal/0002.JPG")).unwrap();
    let message = refusal(folder.path(), None, None);
    assert!(message.contains("names 1 pictures of candle") && message.contains("0002.JPG"), "{message}");
    fs::write(&table, "object;split\ncandle;train\n").unwrap();
    assert!(refusal(folder.path(), None, None).contains("not a split table"));
    fs::write(&table, TABLE.replace("candle/Data/Images/Normal/0000", "candle/../../secret")).unwrap();
    assert!(refusal(folder.path(), None, None).contains("no path inside"));
}

#[test]
fn a_plain_folder_is_good_throughout() {
    let folder = TempDir::new().unwrap();
    picture(&folder.path().join("monday/1.png"), 1);
    picture(&folder.path().join("2.png"), 2);
    fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let set = one(folder.path());
    assert_eq!((set.layout, set.train.len(), set.test.len()), (Layout::Folder, 2, 0));
    assert!(refusal(folder.path(), None, Some("nut")).contains("without categories"));
    let monday = open(folder.path(), Some(Layout::Folder), Some("monday")).unwrap();
    assert_eq!((monday[0].name.as_str(), monday[0].train.len()), ("monday", 1));
    assert!(refusal(folder.path(), Some(Layout::Visa), None).contains("no visa data set"));
}

#[test]
fn defects_beside_good_pictures_are_not_learned_silently() {
    let folder = TempDir::new().unwrap();
    picture(&folder.path().join("good/1.png"), 1);
    picture(&folder.path().join("broken/1.png"), 2);
    assert!(refusal(folder.path(), None, None).contains("`good` lies beside `broken`"));
    assert_eq!(open(folder.path(), Some(Layout::Folder), None).unwrap()[0].train.len(), 2);
}

#[test]
fn folders_without_good_pictures_say_what_to_do() {
    let folder = TempDir::new().unwrap();
    assert!(refusal(folder.path(), None, None).contains("the folder is empty"));
    fs::write(folder.path().join("a.heic"), b"x").unwrap();
    assert!(refusal(folder.path(), None, None).contains("only other files (1 heic); convert"));
    fs::create_dir_all(folder.path().join("train/good")).unwrap();
    assert!(refusal(folder.path(), None, None).contains("no good pictures in train/good"));
    assert!(refusal(&folder.path().join("a.heic"), None, None).contains("it is a file"));
    let nowhere = open(&folder.path().join("nowhere"), None, None);
    assert!(matches!(nowhere, Err(Error::Io { .. })), "{nowhere:?}");
}

#[test]
fn layouts_have_words() {
    for layout in Layout::ALL {
        assert_eq!(layout.to_string().parse::<Layout>().unwrap(), layout);
        assert_eq!(serde_json::to_string(&layout).unwrap(), format!("\"{layout}\""));
        let value = clap::ValueEnum::to_possible_value(&layout).unwrap();
        assert_eq!(value.get_name(), layout.to_string());
    }
    assert!("3d".parse::<Layout>().is_err());
}

#[test]
fn a_sound_data_set_has_little_to_complain_about() {
    let folder = TempDir::new().unwrap();
    mvtec(folder.path());
    for index in 7..=50 {
        picture(&folder.path().join(format!("train/good/{index}.png")), 100 + index);
    }
    let found = inspect(&one(folder.path()));
    assert_eq!(found.advice, []);
    assert!(found.is_sound());
    assert_eq!((found.train, found.test_good, found.test_anomalous), (50, 1, 3));
    let count = |defect: &str, pictures| DefectCount { defect: defect.into(), pictures, masks: pictures };
    assert_eq!(found.defects, [count("dent", 1), count("scratch", 2)]);
    assert_eq!(found.sizes, [Tally { value: "12 x 8".into(), count: 54 }]);
    assert_eq!(found.modes, [Tally { value: "RGB 8 bit".into(), count: 54 }]);
    assert_eq!(found.formats, [Tally { value: "PNG".into(), count: 54 }]);
    assert!(!found.all_grey);
}

#[test]
fn an_inspection_finds_everything_that_is_wrong() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    mvtec(root);
    let path = |name: &str| root.join(name);
    fs::copy(path("train/good/1.png"), path("train/good/7.png")).unwrap();
    fs::copy(path("train/good/2.png"), path("test/good/2.png")).unwrap();
    fs::write(path("train/good/8.png"), "this is text").unwrap();
    fs::write(path("train/good/9.png"), "").unwrap();
    sized(&path("train/good/10.png"), 99, 30, 8);
    fs::remove_file(path("ground_truth/dent/1_mask.png")).unwrap();
    mask(&path("ground_truth/scratch/9_mask.png"), true, 8, 12);
    mask(&path("ground_truth/scratch/10_mask.png"), false, 12, 8);
    mask(&path("ground_truth/scratch/77_mask.png"), true, 12, 8);

    let found = inspect(&one(root));
    let some = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
    assert_eq!(found.train, 10);
    assert_eq!(found.unreadable.len(), 2);
    assert_eq!(found.unreadable[0].path, Path::new("train/good/8.png"));
    assert!(found.unreadable[0].reason.contains("text") && found.unreadable[1].reason.contains("0 bytes"));
    assert_eq!(found.duplicates_in_train, [some(&["train/good/1.png", "train/good/7.png"])]);
    assert_eq!(found.leaks, [some(&["train/good/2.png", "test/good/2.png"])]);
    assert_eq!(found.masks_missing, some(&["test/dent/1.png"]));
    assert_eq!(found.masks_empty, some(&["ground_truth/scratch/10_mask.png"]));
    assert_eq!(found.masks_without_picture, some(&["ground_truth/scratch/77_mask.png"]));
    let pair = &found.masks_of_other_size[0];
    assert_eq!((pair.mask_size, pair.picture_size), ((8, 12), (12, 8)));
    assert!(!found.is_sound());

    let levels: Vec<Level> = found.advice.iter().map(|advice| advice.level).collect();
    assert!(levels.is_sorted(), "{levels:?}");
    let text = found.to_string();
    for part in [
        "error: 2 files cannot be read",
        "error: 1 picture is both in train and in test",
        "error: 1 mask(s) of another size",
        "warning: only 10 good pictures",
        "warning: 1 of the training pictures are copies",
        "warning: aspect ratios from 1.50 to 3.75",
        "warning: 1 anomalous picture(s) without a mask",
        "train/good/2.png = test/good/2.png",
        "ground_truth/scratch/9_mask.png: 8 x 12, its picture 12 x 8",
    ] {
        assert!(text.contains(part), "`{part}` is not in\n{text}");
    }
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["leaks"][0][1], "test/good/2.png");
    assert_eq!(json["advice"][0]["level"], "error");
    assert_eq!(json["layout"], "mvtec");
}

#[test]
fn grey_pictures_are_noticed_however_they_are_stored() {
    let folder = TempDir::new().unwrap();
    for seed in 0..2 {
        RgbImage::from_fn(8, 8, |x, _| Rgb([seed + x as u8; 3]))
            .save(folder.path().join(format!("{seed}.png")))
            .unwrap();
    }
    let found = inspect(&one(folder.path()));
    assert!(found.all_grey);
    let text = found.to_string();
    assert!(
        text.contains("all pictures are grey") && text.contains("few for a threshold: they support"),
        "{text}"
    );
    assert!(text.contains("can be trained on, not evaluated"), "{text}");
}

mod left_out;
mod not_good;
