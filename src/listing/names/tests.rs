use super::*;

fn with(names: &[&str], expected: Option<Meaning>) {
    for name in names {
        assert!(meaning(name) == expected, "{name}: {:?}", meaning(name));
    }
}

#[test]
fn folders_of_defects_are_told_in_every_spelling() {
    with(
        &[
            "NG",
            "ng_2024",
            "NG品",
            "ＮＧ",
            "N.G.",
            "NG01",
            "bad",
            "BAD parts",
            "badparts",
            "Fail",
            "FAILED",
            "fails",
            "reject",
            "Rejected-units",
            "defect",
            "Defects",
            "defective",
            "DefectParts",
            "anomaly",
            "anomalies",
            "anomalous",
            "abnormal",
            "broken_large",
            "damage",
            "cracked parts",
            "Kaputt",
            "NGs",
            "キズ",
            "schlecht",
            "Fehler",
            "defekt",
            "Ausschuß",
            "AUSSCHUSS",
            "n.i.O.",
            "n. i. O.",
            "niO",
            "nio",
            "mauvais",
            "défaut",
            "de\u{301}fauts",
            "malo",
            "defecto",
            "不良",
            "不良品",
            "缺陷",
            "欠陥",
            "異常",
            "불량",
            "брак",
            "not_good",
            "not ok",
            "NotOK",
            "nogood",
            "no good",
            "non-conforming",
            "KO",
            "nok",
            "vadný",
            "špatné",
            "trasig",
            "Fejl",
            "hibás",
            "плохие",
            "НГ",
            "报废",
            "불합격",
        ],
        Some(Meaning::Defect),
    );
}

#[test]
fn folders_of_masks_are_told() {
    let names = [
        "mask",
        "masks",
        "Masks_2",
        "GT",
        "ground_truth",
        "GroundTruth",
        "groundtruth",
        "Ground Truth",
        "label",
        "Labels",
        "annotations",
        "segmentation",
        "defect_masks",
        "maskimages",
        "masque",
        "lbl",
        "rótulos",
        "マスク",
        "掩码",
        "标注",
    ];
    with(&names, Some(Meaning::Mask));
}

#[test]
fn other_names_say_nothing_and_denials_say_the_opposite() {
    let names = [
        "monday",
        "lot1",
        "badge",
        "Badger",
        "failover",
        "masking_tape",
        "okno",
        "gtx",
        "Ngo",
        "2024-05-01",
        "cam0",
        "maskedball",
        "labeling",
        "komplett",
        "scratch",
        "no_mask",
        "",
    ];
    with(&names, None);
    with(
        &[
            "no_defects",
            "defect_free",
            "defectfree",
            "without defects",
            "fehlerfrei",
            "无缺陷",
            "good",
            "good parts",
        ],
        Some(Meaning::Good),
    );
    with(&["欠陥なし", "無欠陥", "非不良"], None);
}

#[test]
fn good_folders_say_good_and_nothing_else() {
    for name in
        ["good", "OK", "Normal", "pass", "PASSED", "i.O.", "gut", "良品", "正常", "defect_free", "no_defect"]
    {
        assert!(is_good(name), "{name}");
    }
    for name in
        ["NG", "not_good", "n.i.O.", "good_morning", "goodyear", "good2", "不良品", "monday", "ok_bad", ""]
    {
        assert!(!is_good(name), "{name}");
    }
}

#[test]
fn files_are_masks_by_their_last_or_first_word() {
    for (stem, expected) in [
        ("10000_GT", Some("10000")),
        ("Part0_label", Some("Part0")),
        ("003_mask", Some("003")),
        ("003-Mask", Some("003")),
        ("003.ground_truth", Some("003")),
        ("mask_003", Some("003")),
        ("003mask", Some("003")),
        ("003", None),
        ("mask", None),
        ("tape_003", None),
    ] {
        assert_eq!(picture_of(stem), expected, "{stem}");
    }
    let file = |name: &str| meaning_of_file(Path::new(name));
    for name in ["1_GT.png", "mask.png", "label_7.bmp", "Part0_label.bmp"] {
        assert!(file(name) == Some(Meaning::Mask), "{name}");
    }
    for name in ["bad_01.png", "01_NG.jpg", "IMG_defect_3.png"] {
        assert!(file(name) == Some(Meaning::Defect), "{name}");
    }
    for name in ["a.png", "the_mask_shop_3.png", "001.png", "no_defect_3.png"] {
        assert!(!matches!(file(name), Some(Meaning::Defect | Meaning::Mask)), "{name}");
    }
}

#[test]
fn places_that_are_not_good_are_counted() {
    let files = ["r/ng/x/1.png", "r/ng/2.png", "r/a/1.png", "r/a/1_GT.png", "r/a/2_GT.png", "r/b/NG/1.png"];
    let files: Vec<PathBuf> = files.iter().map(PathBuf::from).collect();
    let found: Vec<_> = not_good(&files, Path::new("r")).into_iter().collect();
    let expected = [("a/1_GT.png", 2), ("b/NG", 1), ("ng", 2)];
    assert_eq!(found, expected.map(|(place, count)| (PathBuf::from(place), count)));
}
