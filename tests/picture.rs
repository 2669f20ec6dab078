//! Pictures as they are: other shapes than the network's, tiles, regions of interest, what is found as numbers.

#[expect(dead_code, reason = "a part of it is used")]
mod made_up;
mod program;

use aand::amplification::RaaOptions;
use aand::detection::{Detection, Detector};
use aand::model::{Aand, Score, decode, encode, header, save};
use aand::picture::{Fit, Picture, Pooling, Region, Size, Tiles, View};
use aand::synthesis::Foreground;
use aand::teacher::{Backbone, Teacher};
use aand::training::{Event, Good, Observer, Settings, TrainingJob, train};
use burn::tensor::Device;
use image::Rgb;
use program::{complaint, printed, put, run, text};
use serde_json::Value;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::OnceLock;

struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event<'_>) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

/// A brushed surface, `fine` times as fine; another piece of it for each seed.
fn surface(size: Size, seed: u32, fine: f32) -> Picture {
    let (width, height) = size.pixels();
    Picture::from_fn(width, height, |x, y| {
        let (u, v) = (x as f32 * fine, y as f32 * fine + 41.0 * seed as f32);
        let brushed = (0.9 * v).sin() + (0.37 * v + 0.02 * u).sin();
        let grain = ((x * 71 + y * 131 + seed * 29) % 23) as f32 / 23.0 - 0.5;
        let grey = (128.0 + 22.0 * brushed + 10.0 * grain) as u8;
        Rgb([grey, grey, grey.saturating_sub(8)])
    })
}

fn spot(picture: &mut Picture, [x, y]: [u32; 2], side: u32) {
    for (dx, dy) in (0..side).flat_map(|dx| (0..side).map(move |dy| (dx, dy))) {
        picture.put_pixel(x + dx, y + dy, Rgb([250, 40, 30]));
    }
}

/// Trained on surfaces of 128 x 64 pixels, at 64 x 64 with a border.
fn trained() -> Aand {
    static MODEL: OnceLock<Vec<u8>> = OnceLock::new();
    let bytes = MODEL.get_or_init(|| {
        let view = View { fit: Fit::Pad, ..View::default() };
        let settings = Settings {
            size: Size::square(64),
            view: view.clone(),
            batch: 4,
            epochs_amplify: 3,
            epochs_distill: 24,
            holdout: Some(0.4),
            ..Settings::default()
        };
        let native = Size::new(128, 64);
        let good = (0..20)
            .map(|seed| Good::new(&surface(native, seed, 1.0), &Foreground::None, settings.size, &view));
        let good = good.collect();
        let teacher = Teacher::embedded(&Device::flex()).unwrap();
        let job = TrainingJob::of(good, settings, teacher, "the embedded teacher".into());
        encode(&train(&job, &mut Silent).unwrap()).unwrap()
    });
    decode(bytes, Path::new("trained"), &Device::flex()).unwrap()
}

fn detector(view: View) -> Detector {
    let mut model = trained();
    model.info.view = view;
    Detector::new(model).unwrap()
}

fn one(detector: &Detector, picture: &Picture) -> Detection {
    detector.detect(std::slice::from_ref(picture)).unwrap().remove(0)
}

#[test]
fn a_square_models_file_is_as_it_was_and_a_wide_one_says_so() {
    let path = Path::new("m");
    let file = |model: &Aand| encode(model).unwrap();
    let mut square = made_up::model(Backbone::Compact, 64, RaaOptions::default(), Score::Discrepancy);
    let json = serde_json::to_value(header(&file(&square), path).unwrap()).unwrap();
    assert_eq!((&json["size"], &json["format_version"]), (&Value::from(64), &Value::from(1)));
    assert!(json.get("view").is_none());
    // A view in a file of the old version would be overlooked by an old program: the file says the newer one.
    square.info.view.pooling = Pooling::Top(2.0);
    assert_eq!(header(&file(&square), path).unwrap().format_version, 3);

    let size = Size::new(96, 32);
    let mut wide = made_up::model(Backbone::Compact, size, RaaOptions::default(), Score::Discrepancy);
    wide.info.view = View {
        tiles: Some(Tiles { overlap: 8 }),
        region: Region::rectangle(Size::new(300, 100), [10.0, 10.0, 50.0, 50.0]).ok(),
        pooling: Pooling::Top(0.5),
        fit: Fit::Squash,
    };
    let read = header(&file(&wide), path).unwrap();
    assert_eq!((read.size, read.format_version), (size, 3));
    assert_eq!(read, wide.info);
    wide.info.view.tiles = Some(Tiles { overlap: 32 });
    assert!(header(&file(&wide), path).unwrap_err().to_string().contains("overlap"));
}

/// The network sees the mirror image; neither it nor the line where it begins is more anomalous than the surface is
/// anywhere else.
#[test]
fn padding_raises_no_anomaly_at_its_border() {
    let detector = detector(View { fit: Fit::Pad, ..View::default() });
    for (size, seeds) in [(Size::new(128, 64), 40..44), (Size::new(128, 48), 60..62)] {
        for seed in seeds {
            let map = one(&detector, &surface(size, seed, 1.0)).map;
            assert_eq!((map.width, map.height), (64, size.height / 2));
            let highest = |beside_padding: bool| {
                let rows = (0..map.height).filter(|&y| (y < 3 || y + 3 >= map.height) == beside_padding);
                let values = rows.flat_map(|y| &map.data[y * map.width..][..map.width]);
                values.copied().fold(0.0, f32::max)
            };
            let [border, inner] = [true, false].map(highest);
            assert!(border <= 1.25 * inner, "{size} {seed}: {border} beside the padding, {inner} elsewhere");
        }
    }
    let mut broken = surface(Size::new(128, 64), 70, 1.0);
    spot(&mut broken, [100, 4], 10);
    let found = one(&detector, &broken);
    let good = one(&detector, &surface(Size::new(128, 64), 70, 1.0));
    assert!(found.score > 1.5 * good.score, "{} {}", found.score, good.score);
}

/// A surface in other light than any before, and one with nothing on it: where tiles meet, the map may rise or fall as it
/// does anywhere, but not jump by 1 % of the scale.
#[test]
fn tiles_leave_no_seam() {
    let tiles = Tiles { overlap: 16 };
    let detector = detector(View { tiles: Some(tiles), ..View::default() });
    let size = Size::new(200, 150);
    let mut lighter = surface(size, 30, 2.0);
    lighter.iter_mut().for_each(|value| *value = value.saturating_add(18));
    let even = Picture::from_pixel(200, 150, Rgb([146, 146, 138]));
    let starts: Vec<usize> = tiles.places(size, Size::square(64)).into_iter().map(|[x, _]| x).collect();
    let is_edge = |x: usize| starts.iter().any(|&start| start > 0 && (x == start || x == start + 64));
    let most = 0.01 * 2.0 * detector.info.threshold.value;
    for picture in [lighter, even] {
        let map = one(&detector, &picture).map;
        assert_eq!((map.width, map.height), (200, 150));
        let step = |x: usize| -> f64 {
            let steps =
                (0..map.height).map(|y| map.data[y * map.width + x] - map.data[y * map.width + x - 1]);
            steps.map(f64::from).sum::<f64>() / map.height as f64
        };
        for x in (2..map.width - 1).filter(|&x| is_edge(x)) {
            // How much more it changes here than just before and after.
            let jump = (step(x) - (step(x - 1) + step(x + 1)) / 2.0).abs();
            assert!(jump < most, "column {x}: a jump of {jump}, more than {most}");
        }
    }
}

#[test]
fn tiles_find_what_is_small_and_say_where_it_is() {
    let detector = detector(View { tiles: Some(Tiles { overlap: 16 }), ..View::default() });
    let mut picture = surface(Size::new(230, 140), 31, 2.0);
    let good = one(&detector, &picture);
    spot(&mut picture, [150, 90], 8);
    let mut found = one(&detector, &picture);
    assert!(found.score > 1.5 * good.score, "{} {}", found.score, good.score);
    // Just above what the rest shows: one region.
    let mut info = detector.info.clone();
    info.threshold.value = 1.2 * good.score;
    let mut detector = Detector::new(Aand { info, ..trained() }).unwrap();
    found = one(&detector, &picture);
    let first = found.regions[0];
    let [x, y, w, h] = first.bounds;
    assert!((x..x + w).contains(&154) && (y..y + h).contains(&94), "{first:?}");
    assert!((first.center[0] - 154.0).abs() < 12.0 && (first.center[1] - 94.0).abs() < 12.0, "{first:?}");
    assert!(first.maximum == found.score && first.mean < first.maximum && first.area >= 30, "{first:?}");
    detector.min_area = 1e6;
    assert_eq!(one(&detector, &picture).regions, []);
    assert!(one(&detector, &surface(Size::new(230, 140), 31, 2.0)).regions.is_empty());
}

#[test]
fn outside_the_region_nothing_is_scored_or_shown() {
    let size = Size::new(128, 64);
    let mut picture = surface(size, 33, 1.0);
    spot(&mut picture, [100, 20], 14);
    let region = Region::rectangle(size, [0.0, 0.0, 60.0, 64.0]).ok();
    for view in [
        View { fit: Fit::Pad, ..View::default() },
        View { tiles: Some(Tiles { overlap: 16 }), ..View::default() },
    ] {
        let all = one(&detector(view.clone()), &picture);
        let detector = detector(View { region: region.clone(), ..view });
        let some = one(&detector, &picture);
        assert!(some.score < 0.8 * all.score, "{} {}", some.score, all.score);
        let left = 60 * some.map.width / 128;
        let outside = (0..some.map.data.len()).filter(|i| i % some.map.width > left);
        assert!(outside.map(|i| some.map.data[i]).all(|value| value == 0.0));
        assert!(some.regions.iter().all(|region| region.bounds[0] + region.bounds[2] <= 64));
        // Pictures of another aspect have it elsewhere.
        assert!(detector.detect(&[surface(Size::new(64, 64), 1, 1.0)]).is_err());
    }
}

/// Through the program: a tiled training on a part of the picture, and what comes of it.
#[test]
fn the_program_trains_and_detects_in_tiles() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let size = Size::new(150, 70);
    for seed in 0..6 {
        put(root, &format!("good/{seed}.png"), &surface(size, seed, 2.0));
    }
    let mut broken = surface(size, 9, 2.0);
    spot(&mut broken, [100, 30], 12);
    put(root, "new/broken.png", &broken);
    put(root, "new/other.png", &surface(Size::new(70, 70), 8, 2.0));
    let at = root.display();
    let train = format!("train {at}/good --batch 4 --epochs-amplify 1 --epochs-distill 2 --device cpu");
    let told = printed(&format!(
        "{train} --out {at}/t.aand --tile 32 --overlap 8 --roi 20,0,125,70 --score top:1% --json"
    ));
    assert!(told.contains("\"epochs_distill\":2"), "{told}");
    let info = header(&std::fs::read(root.join("t.aand")).unwrap(), Path::new("t")).unwrap();
    assert_eq!((info.size, info.view.tiles), (Size::square(32), Some(Tiles { overlap: 8 })));
    assert_eq!(info.view.pooling, Pooling::Top(1.0));
    assert!(info.preprocessing.contains("tiles of 32 x 32"), "{}", info.preprocessing);

    let output = run(&format!(
        "detect {at}/t.aand {at}/new --out {at}/out --device cpu --threshold 0.001 --raw npy --overlap 4"
    ));
    assert_eq!(output.status.code(), Some(1), "the picture of another aspect");
    assert!(text(&output.stderr).contains("region of interest is of pictures of 150 x 70"));
    let lines = std::fs::read_to_string(root.join("out/results.jsonl")).unwrap();
    let line: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    let region = &line["regions"][0];
    assert!(region["box"][0].as_u64().unwrap() >= 20 && region["area"].as_u64().unwrap() > 0, "{line}");
    let heat = image::open(root.join("out/broken_heat.png")).unwrap();
    assert_eq!((heat.width(), heat.height()), (150, 70));

    // An oblong input, untiled.
    let short = train.replace("--epochs-amplify 1", "--epochs-amplify 0");
    let output = run(&format!("{short} --out {at}/w.aand --size 96x32"));
    assert!(output.status.success(), "{}", text(&output.stderr));
    let info = header(&std::fs::read(root.join("w.aand")).unwrap(), Path::new("w")).unwrap();
    assert_eq!((info.size, info.format_version), (Size::new(96, 32), 3));
    for (more, said) in [
        ("--tile 40", "--tile 40"),
        ("--tile 32 --overlap 20", "half a tile"),
        ("--size 40x64", "--size 40x64"),
        ("--roi 200,0,5,5", "has no pixel"),
        ("--roi none.png", "--roi none.png"),
    ] {
        let line = complaint(&format!("{train} --out {at}/no.aand {more}"));
        assert!(line.contains(said), "{line}");
    }
    let line = complaint(&format!("detect {at}/w.aand {at}/new --out {at}/o2 --overlap 4"));
    assert!(line.contains("--tile"), "{line}");
}

/// A model of one's own making may be wide, and is judged as it was trained.
#[test]
fn a_wide_model_finds_the_same_from_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wide.aand");
    let model =
        made_up::model(Backbone::Compact, Size::new(96, 32), RaaOptions::default(), Score::Discrepancy);
    save(&model, &path).unwrap();
    let picture = surface(Size::new(210, 66), 3, 1.0);
    let held = one(&Detector::new(model).unwrap(), &picture);
    let stored = one(&Detector::open(&path, &aand::gpu::Processor::Cpu).unwrap(), &picture);
    assert_eq!((held.map.width, held.map.height), (96, 32));
    assert_eq!(held.map, stored.map);
}
