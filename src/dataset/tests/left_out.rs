//! Nothing is left out silently.

use super::*;

/// Everything said about a data set, including the findings' JSON.
fn said(set: &Dataset) -> String {
    let found = inspect(set);
    let json = serde_json::to_value(&found).unwrap();
    assert_eq!(json["left_out"], serde_json::to_value(&found.left_out).unwrap());
    // Whatever train and eval say, inspect says too.
    let text = found.to_string();
    for advice in set.advice() {
        assert!(text.contains(&advice.to_string()), "`{advice}` is not in\n{text}");
    }
    text
}

#[test]
fn other_kinds_are_counted_and_those_of_the_system_are_not() {
    let folder = TempDir::new().unwrap();
    picture(&folder.path().join("1.png"), 1);
    for name in
        ["a.HEIC", "b.heic", "c.gif", "deep/d.ppm", "Thumbs.db", ".DS_Store", "._1.png", "desktop.ini"]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    let text = said(&one(folder.path()));
    let line = "warning: 4 files of other kinds: 2 heic, 1 gif, 1 ppm; left out unless converted to JPEG";
    assert!(text.contains(line), "{text}");
    fs::write(folder.path().join(".thumb.png"), "x").unwrap();
    assert!(said(&one(folder.path())).contains("note: 1 hidden picture left out: .thumb.png"));
}

#[test]
fn folders_of_the_system_are_left_out() {
    let folder = TempDir::new().unwrap();
    picture(&folder.path().join("1.png"), 1);
    for (n, name) in
        ["@eaDir/1.png", "$RECYCLE.BIN/S-1/2.png", "lost+found/3.png", "a/System Volume Information/4.png"]
            .iter()
            .enumerate()
    {
        picture(&folder.path().join(name), n as u8 + 2);
    }
    for name in [".AppleDouble/5.png", ".Trash-1000/6.png", "#recycle/7.png"] {
        picture(&folder.path().join(name), 20);
    }
    let set = one(folder.path());
    assert_eq!(names(&set.train), ["1.png"]);
    assert!(said(&set).contains("note: 5 folders of the system left out"), "{}", said(&set));
}

#[cfg(unix)]
#[test]
fn broken_links_are_named_and_an_empty_folder_is_not_said_to_be_empty() {
    let folder = TempDir::new().unwrap();
    let link =
        |name: &str| std::os::unix::fs::symlink("../store/gone.png", folder.path().join(name)).unwrap();
    link("2.png");
    let message = refusal(folder.path(), None, None);
    assert!(message.contains("1 broken link left out: 2.png -> ../store/gone.png"), "{message}");
    assert!(!message.contains("empty"), "{message}");
    picture(&folder.path().join("1.png"), 1);
    link("3.png");
    let text = said(&one(folder.path()));
    assert!(text.contains("warning: 2 broken links left out: 2.png -> ../store/gone.png, 3.png"), "{text}");
}

/// Runs `what` as a user who may not read everything.
#[cfg(target_os = "linux")]
fn as_nobody(what: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let run = || {
            // SAFETY: the raw system call changes the rights of this thread only, which ends with the test.
            unsafe { libc::syscall(libc::SYS_setresuid, 65534, 65534, 65534) };
            what();
        };
        if let Err(panic) = scope.spawn(run).join() {
            std::panic::resume_unwind(panic);
        }
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_opened_is_named_and_the_rest_is_used() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    for (n, name) in ["1.png", "locked/2.png", "3.png"].iter().enumerate() {
        picture(&root.join(name), n as u8);
    }
    let rights =
        |name: &str, mode| fs::set_permissions(root.join(name), fs::Permissions::from_mode(mode)).unwrap();
    rights("", 0o755);
    rights("locked", 0);
    rights("3.png", 0);
    // Rayon's workers would keep the rights they were started with.
    let alone = || rayon::ThreadPoolBuilder::new().num_threads(1).use_current_thread().build().unwrap();
    as_nobody(|| {
        alone().install(|| {
            let set = one(root);
            assert_eq!(names(&set.train), ["1.png"]);
            let line = set.advice()[0].to_string();
            assert!(
                line.starts_with("warning: 2 files or folders that cannot be opened left out: "),
                "{line}"
            );
            assert!(
                line.contains("locked (Permission denied") && line.contains("3.png (Permission denied"),
                "{line}"
            );
            let found = inspect(&set);
            assert_eq!((found.unreadable.len(), found.left_out.unreadable.len()), (1, 1));
            assert!(found.to_string().contains("error: 1 file cannot be read"), "{found}");
        });
    });
    rights("locked", 0o755);
}

#[test]
fn sub_folders_of_mvtec_are_read() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    for (n, name) in
        ["train/good/lot1/1.png", "train/good/lot2/1.png", "train/good/0.png", "test/good/day/1.png"]
            .iter()
            .enumerate()
    {
        picture(&root.join(name), n as u8);
    }
    for (n, name) in ["cam0/1", "cam1/1", "2"].iter().enumerate() {
        picture(&root.join(format!("test/spot/{name}.png")), 10 + n as u8);
    }
    mask(&root.join("ground_truth/spot/cam0/1_mask.png"), true, 12, 8);
    mask(&root.join("ground_truth/spot/cam1/1.png"), true, 12, 8);
    mask(&root.join("ground_truth/spot/2_mask.png"), true, 12, 8);
    let set = one(root);
    assert_eq!((set.train.len(), set.test.len()), (3, 4));
    let masks: Vec<_> =
        set.test.iter().filter_map(|sample| sample.mask.as_deref()).map(|mask| set.relative(mask)).collect();
    let expected =
        ["ground_truth/spot/2_mask.png", "ground_truth/spot/cam0/1_mask.png", "ground_truth/spot/cam1/1.png"];
    assert_eq!(masks.len(), 3);
    assert!(expected.iter().all(|path| masks.contains(&Path::new(path))), "{masks:?}");
    assert!(set.left_out.advice().is_empty(), "{:?}", set.left_out);
    assert!(inspect(&set).masks_without_picture.is_empty());

    // A mask that is in no sub-folder belongs to both pictures of its name.
    fs::remove_dir_all(root.join("ground_truth/spot/cam0")).unwrap();
    fs::remove_dir_all(root.join("ground_truth/spot/cam1")).unwrap();
    mask(&root.join("ground_truth/spot/1_mask.png"), true, 12, 8);
    let found = inspect(&one(root));
    assert_eq!(found.masks_shared, [PathBuf::from("ground_truth/spot/1_mask.png")]);
    assert!(found.to_string().contains("warning: 1 mask belonging to several pictures"), "{found}");
}

#[test]
fn pictures_where_a_layout_does_not_look_are_counted() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    mvtec(root);
    for (n, name) in
        ["test/loose.png", "train/bad/1.png", "train/bad/2.png", "validation/good/1.png"].iter().enumerate()
    {
        picture(&root.join(name), 50 + n as u8);
    }
    let text = said(&one(root));
    let line = "warning: 4 pictures left out, where the layout has no use for them: test (1), train/bad (2), validation/good (1)";
    assert!(text.contains(line), "{text}");
}

#[test]
fn pictures_beside_categories_are_counted() {
    let folder = TempDir::new().unwrap();
    mvtec(&folder.path().join("nut"));
    picture(&folder.path().join("new part/1.png"), 1);
    picture(&folder.path().join("2.png"), 2);
    let text = said(&one(folder.path()));
    assert!(text.contains("2 pictures left out") && text.contains("new part (1)"), "{text}");
}

#[test]
fn several_pages_are_mentioned() {
    let folder = TempDir::new().unwrap();
    let mut file = fs::File::create(folder.path().join("a.tif")).unwrap();
    let mut encoder = tiff::encoder::TiffEncoder::new(&mut file).unwrap();
    for _ in 0..3 {
        encoder.write_image::<tiff::encoder::colortype::Gray8>(4, 4, &[9; 16]).unwrap();
    }
    let text = said(&one(folder.path()));
    assert!(
        text.contains(
            "of several pages or frames, of which one is read, the first at full size: a.tif (3 pages)"
        ),
        "{text}"
    );
}

#[test]
fn a_visa_table_without_the_category_is_mentioned() {
    let folder = TempDir::new().unwrap();
    visa(folder.path());
    let table = folder.path().join("split_csv/1cls.csv");
    fs::create_dir_all(table.parent().unwrap()).unwrap();
    fs::write(&table, TABLE.replace("candle", "macaroni")).unwrap();
    let set = one(folder.path());
    assert_eq!((set.train.len(), set.test.len()), (3, 1));
    let text = said(&set);
    assert!(
        text.contains("1cls.csv does not name candle but macaroni, pcb1; split by folder instead"),
        "{text}"
    );
    // A table that names the category, but neither all its pictures nor all its splits.
    fs::write(&table, TABLE.replace("candle,train,normal,candle/Data/Images/Normal/0002.JPG,\n", ""))
        .unwrap();
    assert!(said(&one(folder.path())).contains("1 picture left out"), "{}", said(&one(folder.path())));
    fs::write(
        &table,
        TABLE.replace(
            "train,normal,candle/Data/Images/Normal/0002",
            "val,normal,candle/Data/Images/Normal/0002",
        ),
    )
    .unwrap();
    let set = one(folder.path());
    assert_eq!(set.train.len(), 1);
    assert!(said(&set).contains("1 line(s) of candle that are neither"), "{}", said(&set));
}

#[test]
fn mvtec_loco_and_ad2_are_read() {
    let folder = TempDir::new().unwrap();
    let loco = folder.path().join("loco");
    picture(&loco.join("train/good/000.png"), 1);
    picture(&loco.join("validation/good/000.png"), 2);
    picture(&loco.join("test/good/000.png"), 3);
    picture(&loco.join("test/logical_anomalies/000.png"), 4);
    for n in 0..2 {
        mask(&loco.join(format!("ground_truth/logical_anomalies/000/00{n}.png")), true, 12, 8);
    }
    let set = one(&loco);
    let truth = loco.join("ground_truth/logical_anomalies/000");
    assert_eq!(set.test.iter().find_map(|sample| sample.mask.clone()), Some(truth.clone()));
    assert_eq!(open_mask(&truth).unwrap().count(), 1);
    let found = inspect(&set);
    assert!(found.masks_without_picture.is_empty() && found.masks_missing.is_empty(), "{found}");
    assert!(found.to_string().contains("validation/good (1)"), "{found}");

    let ad2 = folder.path().join("ad2");
    picture(&ad2.join("train/good/000_regular.png"), 1);
    picture(&ad2.join("test_public/good/000_regular.png"), 2);
    picture(&ad2.join("test_public/bad/000_regular.png"), 3);
    picture(&ad2.join("test_private/000_regular.png"), 4);
    mask(&ad2.join("test_public/ground_truth/bad/000_regular_mask.png"), true, 12, 8);
    let set = one(&ad2);
    let kinds: Vec<_> =
        set.test.iter().map(|sample| (sample.defect.as_deref(), sample.mask.is_some())).collect();
    assert_eq!(kinds, [(Some("bad"), true), (None, false)]);
    let found = inspect(&set);
    assert!(found.masks_without_picture.is_empty(), "{found}");
    assert!(found.to_string().contains("test_private (1)"), "{found}");
}

#[test]
fn masks_that_cannot_be_right_are_named() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    mvtec(root);
    let truth = |name: &str| root.join("ground_truth").join(name);
    GrayImage::from_fn(12, 8, |x, _| Luma([if x == 3 { 0 } else { 255 }]))
        .save(truth("scratch/9_mask.png"))
        .unwrap();
    image::RgbaImage::from_fn(12, 8, |x, _| image::Rgba([255, 255, 255, if x == 3 { 255 } else { 0 }]))
        .save(truth("scratch/10_mask.png"))
        .unwrap();
    // One pixel of a large picture.
    sized(&root.join("test/dent/1.png"), 40, 600, 600);
    GrayImage::from_fn(600, 600, |x, y| Luma([u8::from((x, y) == (0, 0))]))
        .save(truth("dent/1_mask.png"))
        .unwrap();
    let found = inspect(&one(root));
    let some = |name: &str| vec![PathBuf::from(name)];
    assert_eq!(found.masks_inverted, some("ground_truth/scratch/9_mask.png"));
    assert_eq!(found.masks_in_alpha, some("ground_truth/scratch/10_mask.png"));
    assert_eq!(found.masks_vanishing, some("ground_truth/dent/1_mask.png"));
    let text = found.to_string();
    for line in [
        "warning: 1 mask marking most of the picture",
        "warning: 1 mask drawn in the alpha",
        "warning: 1 mask vanishing",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_do_not_end_a_report() {
    use std::os::unix::ffi::OsStrExt;
    let folder = TempDir::new().unwrap();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9.png");
    fs::write(folder.path().join(name), "no picture").unwrap();
    picture(&folder.path().join("1.png"), 1);
    let json = serde_json::to_value(inspect(&one(folder.path()))).unwrap();
    assert_eq!(json["unreadable"][0]["path"], "caf\u{fffd}.png");
}

#[test]
fn evaluation_leaves_nothing_out_in_silence_either() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    for (n, name) in ["good/1.png", "hole/cam0/1.png", "loose.png"].iter().enumerate() {
        picture(&root.join(name), n as u8);
    }
    mask(&root.join("masks/1.png"), true, 12, 8);
    fs::write(root.join("x.heic"), "x").unwrap();
    let set = open_for_test(root, None, None).unwrap().remove(0);
    assert_eq!(set.test.len(), 2);
    let lines: Vec<String> = set.advice().iter().map(ToString::to_string).collect();
    for part in [
        "1 file of other kinds: 1 heic; left out",
        "the folder itself (1)",
        "1 mask among the pictures left out, told by name: masks/1.png",
    ] {
        assert!(lines.iter().any(|line| line.contains(part)), "`{part}` is not in {lines:?}");
    }
}
