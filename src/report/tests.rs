//! The report on made-up data. `AAND_REPORT_SAMPLE=folder` keeps the files, to look at them in a browser.

use std::path::{Path, PathBuf};

use image::Rgb;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;
use crate::metrics::{Evaluation, Judged, Selection, Threshold};
use crate::model::{AmplifyRecord, DistillRecord, History};
use crate::picture::{Mask, Picture, ScoreMap};

const SIZE: usize = 64;

/// Pictures of a round part with or without a dark spot, and maps that mostly show it.
struct Made {
    judged: Vec<Judged>,
    pictures: Vec<Picture>,
}

fn made(count: usize, seed: u64) -> Made {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut unit = move || rng.next_u32() as f32 / u32::MAX as f32;
    let (mut judged, mut pictures) = (Vec::new(), Vec::new());
    for n in 0..count {
        let defect = [None, Some("scratch & dent"), Some("hole")][n % 3];
        let (cx, cy) = (18.0 + 28.0 * unit(), 18.0 + 28.0 * unit());
        let radius = 2.0 + 6.0 * unit();
        let strength = 0.05 + 0.95 * unit();
        let noisy = 0.2 + 0.25 * unit();
        let near = |x: usize, y: usize| (x as f32 - cx).hypot(y as f32 - cy) / radius;
        let cells = || (0..SIZE * SIZE).map(|n| (n % SIZE, n / SIZE));
        let inside: Vec<bool> = cells().map(|(x, y)| defect.is_some() && near(x, y) < 1.0).collect();
        let noise: Vec<f32> = cells().map(|_| unit()).collect();
        let seen = |x, y| if defect.is_some() { strength * (-near(x, y).powi(2) / 2.0).exp() } else { 0.0 };
        let map: Vec<f32> = cells().zip(&noise).map(|((x, y), noise)| seen(x, y) + noisy * noise).collect();
        let picture = Picture::from_fn(SIZE as u32, SIZE as u32, |x, y| {
            let (x, y) = (x as usize, y as usize);
            let part = (x as f32 - 32.0).hypot(y as f32 - 32.0) < 28.0;
            let grey = if part { 170.0 } else { 60.0 } + 30.0 * noise[y * SIZE + x];
            let grey = grey - if inside[y * SIZE + x] { 100.0 * strength } else { 0.0 };
            Rgb([grey as u8, (grey * 0.95) as u8, (grey * 0.85) as u8])
        });
        judged.push(Judged {
            path: PathBuf::from(format!("{}/{n:03}.png", defect.unwrap_or("good"))),
            defect: defect.map(str::to_owned),
            score: map.iter().copied().fold(0.0, f32::max).into(),
            map: ScoreMap { width: SIZE, height: SIZE, data: map },
            mask: defect.is_some().then_some(Mask { width: SIZE, height: SIZE, data: inside }),
        });
        pictures.push(picture);
    }
    Made { judged, pictures }
}

fn evaluation(made: &Made, name: &str) -> Evaluation {
    let threshold = Threshold {
        value: 0.42,
        method: "largest of 20 held-out good scores".into(),
        stated: Some([0.14, 0.95]),
    };
    Evaluation::new(name, &made.judged, threshold, Selection::LastEpoch).unwrap()
}

fn heat(map: &ScoreMap) -> Picture {
    Picture::from_fn(map.width as u32, map.height as u32, |x, y| {
        let value = map.data[y as usize * map.width + x as usize];
        Rgb(colorous::INFERNO.eval_continuous(f64::from(value)).as_array())
    })
}

fn input<'a>(made: &Made, evaluation: &'a Evaluation) -> ReportInput<'a> {
    let mut rng = ChaCha8Rng::seed_from_u64(9);
    let mut unit = move || rng.next_u32() as f32 / u32::MAX as f32;
    let gallery = made.judged.iter().zip(&made.pictures).map(|(judged, picture)| {
        let heat = heat(&judged.map);
        let overlay = Picture::from_fn(SIZE as u32, SIZE as u32, |x, y| {
            let (a, b) = (picture.get_pixel(x, y).0, heat.get_pixel(x, y).0);
            Rgb([0, 1, 2].map(|n| ((u16::from(a[n]) + u16::from(b[n])) / 2) as u8))
        });
        GalleryItem {
            name: judged.path.display().to_string(),
            defect: judged.defect.clone(),
            score: judged.score,
            picture: picture.clone(),
            mask: judged.mask.clone(),
            heat,
            overlay,
            why: (judged.score > evaluation.threshold).then(|| [picture.clone(), picture.clone()]),
        }
    });
    let gallery = gallery.collect();
    let embedding = (0..150).map(|n| {
        let anomalous = n % 4 == 0;
        let vanilla = (0..8).map(|_| unit()).collect();
        let advanced = (0..8).map(|_| unit() + if anomalous { 0.8 } else { 0.0 }).collect();
        EmbeddingRow { vanilla, advanced, anomalous }
    });
    let embedding = Some(embedding.collect());
    let level = |size: usize| {
        let bump = |strength: f32, base: f32| ScoreMap {
            width: size,
            height: size,
            data: (0..size * size)
                .map(|n| ((n % size) as f32 / size as f32 - 0.6, (n / size) as f32 / size as f32 - 0.4))
                .map(|(x, y)| {
                    base * (1.0 + (9.0 * x).sin() / 3.0) + strength * (-40.0 * (x * x + y * y)).exp()
                })
                .collect(),
        };
        LevelPanels {
            teacher: bump(0.1, 0.6),
            gate: bump(0.9, 0.03),
            residual: bump(0.5, 0.01),
            advanced: bump(0.7, 0.6),
            student: bump(0.0, 0.6),
            discrepancy: bump(0.6, 0.05),
        }
    };
    ReportInput {
        title: "round parts <made up>".into(),
        rendered_note: Some("Rendered pictures: drawn by a test, not photographed.".into()),
        model: vec![("Backbone".into(), "ResNet-18".into()), ("Seed".into(), "0".into())],
        split: "test pictures of this test".into(),
        evaluation,
        gallery,
        history: history(),
        embedding,
        levels: Some(Levels {
            name: "hole/002.png".into(),
            picture: made.pictures[2].clone(),
            levels: vec![level(32), level(16), level(8)],
        }),
    }
}

fn history() -> History {
    let amplify = (1..=30).map(|epoch| AmplifyRecord {
        epoch,
        focal: 0.2 * (-0.2 * epoch as f64).exp() + 0.002,
        amplification: 0.9 * (-0.1 * epoch as f64).exp() + 0.3,
        residual_normal: 0.02 + 0.1 / epoch as f64,
        residual_anomalous: 0.6 - 0.5 / epoch as f64,
        lr: 0.005,
        seconds: 0.0,
    });
    let distill = (1..=40).map(|epoch| {
        let (kd, hkd) = (0.9 / epoch as f64 + 0.05, 1.4 / (epoch as f64).sqrt());
        DistillRecord { epoch, kd, hkd, lr: 0.005, seconds: 0.0 }
    });
    History { amplify: amplify.collect(), distill: distill.collect() }
}

/// The folder to write to: temporary, unless somebody wants to look at the files.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let temporary = tempfile::tempdir().unwrap();
    let path = std::env::var("AAND_REPORT_SAMPLE").map_or(temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&path).unwrap();
    (temporary, path)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn one_file_with_everything_in_it() {
    let made = made(90, 1);
    let evaluation = evaluation(&made, "round parts");
    let (_temporary, folder) = folder();
    let path = folder.join("report.html");
    write(&path, &input(&made, &evaluation)).unwrap();
    let page = read(&path);
    for words in [
        "round parts &lt;made up&gt;",
        "Rendered pictures: drawn by a test",
        "At its threshold the detector found ",
        "test pictures of this test",
        "Weights of the last epoch",
        "largest of 20 held-out good scores",
        "Kinds of defect",
        "scratch &amp; dent",
        "30 less surprising pictures left out",
        "Residual intensity",
        "Plain teacher",
        "Level 3",
        "ResNet-18",
    ] {
        assert!(page.contains(words), "missing: {words}");
    }
    assert!(page.contains(&format!("{:.3}", evaluation.aupro.unwrap())));
    let called = ["✓ called anomalous", "✗ called anomalous"].map(|words| page.matches(words).count());
    let called: usize = called.iter().sum();
    assert!(called > 0 && page.matches("nearest good patch").count() == called);
    // Nothing is loaded from elsewhere: the only addresses are the SVG namespace and data.
    assert_eq!(page.matches("http").count(), page.matches("xmlns=\"http://www.w3.org/2000/svg\"").count());
    assert!(!page.contains("<script") && !page.contains("<link") && !page.contains("@import"));
    for tag in page.split("<img ").skip(1) {
        let tag = &tag[..tag.find('>').unwrap()];
        assert!(tag.starts_with("src=\"data:image/") && tag.contains("alt=\"") && !tag.contains("alt=\"\""));
    }
    assert_eq!(page.matches("<svg ").count(), page.matches("<svg role=\"img\" aria-label=").count());
    assert_eq!(page.matches("<svg ").count(), 3 + 3 + 2);
    assert_eq!(page.matches("<h1>").count(), 1);
    for figure in page.split("<svg ").skip(1) {
        let figure = &figure[..figure.find("</svg>").unwrap()];
        assert!(!figure.contains("NaN") && !figure.contains("#010101"));
    }
    let left_behind = std::fs::read_dir(&folder)
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".tmp"));
    assert_eq!(left_behind.count(), 0);
}

#[test]
fn the_worst_come_first() {
    let made = made(90, 1);
    let evaluation = evaluation(&made, "round parts");
    let input = input(&made, &evaluation);
    let shown = gallery::worst_first(&input.gallery, evaluation.threshold);
    assert_eq!(shown.len(), gallery::MOST);
    let wrong = |item: &GalleryItem| gallery::wrongness(item, evaluation.threshold);
    assert!(shown.windows(2).all(|pair| wrong(pair[0]) >= wrong(pair[1])));
    assert!(wrong(shown[0]) > 0.0, "the made data must have a wrong verdict");
    let least = wrong(shown[shown.len() - 1]);
    assert_eq!(input.gallery.iter().filter(|item| wrong(item) > least).count(), gallery::MOST - 1);
}

#[test]
fn the_least_there_can_be() {
    let mut made = made(5, 2);
    for judged in &mut made.judged {
        judged.mask = None;
    }
    let evaluation = evaluation(&made, "five");
    let bare = ReportInput {
        gallery: Vec::new(),
        history: History::default(),
        embedding: None,
        levels: None,
        rendered_note: None,
        model: Vec::new(),
        ..input(&made, &evaluation)
    };
    let (_temporary, folder) = folder();
    let path = folder.join("bare.html");
    write(&path, &bare).unwrap();
    let page = read(&path);
    assert!(page.contains("Without masks there are no pixel metrics."));
    for words in ["Training", "class=\"rendered\"", "class=\"gallery\"", "NaN", "PRO curve"] {
        assert!(!page.contains(words), "{words}");
    }
}

#[test]
fn several_data_sets_in_one_report() {
    let (first, second) = (made(12, 3), made(9, 4));
    let (a, b) = (evaluation(&first, "a"), evaluation(&second, "b"));
    let inputs = [input(&first, &a), ReportInput { title: "second".into(), ..input(&second, &b) }];
    let (_temporary, folder) = folder();
    let path = folder.join("several.html");
    write_several(&path, "Demo", &inputs).unwrap();
    let page = read(&path);
    let mean = (a.image_auroc.unwrap() + b.image_auroc.unwrap()) / 2.0;
    assert!(page.contains("On 2 data sets") && page.contains(&format!("mean image AUROC {mean:.3}")));
    assert_eq!((page.matches("<h1>").count(), page.matches("id=\"part").count()), (1, 2));
    assert_eq!(page.matches("Rendered pictures").count(), 1);
    assert!(write_several(&path, "Demo", &[]).is_err());
}

#[test]
fn a_picture_of_training() {
    let mut history = history();
    let (_temporary, folder) = folder();
    let path = folder.join("training.svg");
    history.amplify[3].focal = f64::NAN;
    training_picture(&path, &history).unwrap();
    let svg = read(&path);
    assert!(svg.starts_with("<svg ") && svg.contains("Stage 1") && svg.contains("amplification"));
    assert!(!svg.contains("currentColor") && !svg.contains("NaN"));
    let early = History { amplify: history.amplify[..1].to_vec(), distill: Vec::new() };
    training_picture(&folder.join("early.svg"), &early).unwrap();
    assert!(read(&folder.join("early.svg")).contains("no epochs yet"));
    let error = training_picture(&folder.join("nowhere/training.svg"), &history).unwrap_err();
    assert!(error.to_string().contains("nowhere"), "{error}");
}

/// The search for marks on an axis of infinite length would never end.
#[test]
fn values_of_any_size_are_drawn_in_no_time() {
    let mut made = made(5, 2);
    made.judged[0].score = f64::MAX;
    made.judged[1].score = -f64::MAX;
    let mut evaluation = evaluation(&made, "five");
    evaluation.threshold = f64::MAX;
    let mut input = input(&made, &evaluation);
    for (sign, record) in [1.0, -1.0].into_iter().zip(&mut input.history.amplify) {
        let most = sign * f64::MAX;
        (record.focal, record.amplification) = (most, most);
        (record.residual_normal, record.residual_anomalous) = (most, -most);
    }
    (input.gallery, input.embedding) = (Vec::new(), None);
    let (_temporary, folder) = folder();
    write(&folder.join("huge.html"), &input).unwrap();
}

#[test]
fn csv_has_a_row_per_data_set_and_kind() {
    let made = made(12, 3);
    let evaluation = evaluation(&made, "round, \"parts\"");
    let (_temporary, folder) = folder();
    let path = folder.join("evaluation.csv");
    write_csv(&path, std::slice::from_ref(&evaluation)).unwrap();
    let mut reader = ::csv::Reader::from_path(&path).unwrap();
    let rows: Vec<_> = reader.records().map(|row| row.unwrap()).collect();
    let names: Vec<_> = rows.iter().map(|row| (&row[0], &row[1], &row[2])).collect();
    let set = "round, \"parts\"";
    assert_eq!(names, [(set, "all", "8"), (set, "hole", "4"), (set, "scratch & dent", "4")]);
    assert_eq!(rows[0][5].parse::<f64>().unwrap(), evaluation.image_auroc.unwrap());
    assert_eq!(rows[1][7].parse::<f64>().unwrap(), evaluation.defects[0].aupro.unwrap());
}
