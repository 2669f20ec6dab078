//! The whole evaluation: reference values, missing masks, kinds of defect, printed form.

use std::path::Path;

use safetensors::SafeTensors;
use serde_json::Value;

use super::*;
use crate::metrics::{aupro, average_precision, f1_max, pro_rd, roc_auc, summary};
use crate::picture::{Mask, ScoreMap};

fn threshold(value: f64) -> Threshold {
    Threshold { value, method: "of the test".into(), stated: Some([0.05, 0.95]) }
}

/// A picture of 4 pixels.
fn judged(path: &str, defect: Option<&str>, scores: [f32; 4], mask: Option<[bool; 4]>) -> Judged {
    Judged {
        path: path.into(),
        defect: defect.map(str::to_owned),
        score: f64::from(scores.iter().copied().fold(f32::MIN, f32::max)),
        map: ScoreMap { width: 2, height: 2, data: scores.to_vec() },
        mask: mask.map(|mask| Mask { width: 2, height: 2, data: mask.to_vec() }),
    }
}

#[test]
fn reference_values() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let file = |name: &str| std::fs::read(fixtures.join(name)).unwrap();
    let (tensors, expected) = (file("metrics.safetensors"), file("metrics.json"));
    let tensors = SafeTensors::deserialize(&tensors).unwrap();
    let expected: Value = serde_json::from_slice(&expected).unwrap();
    let bytes = |name: &str| tensors.tensor(name).unwrap().data().to_vec();
    let (scores, masks, labels) = (bytes("scores"), bytes("masks"), bytes("image_labels"));
    let image_scores = bytes("image_scores");
    let pictures: Vec<Judged> = (0..12)
        .map(|n| {
            let pixels = scores.chunks_exact(4).skip(n * 96 * 96).take(96 * 96);
            let inside = masks[n * 96 * 96..][..96 * 96].iter().map(|&value| value > 0);
            let score = image_scores[n * 8..][..8].try_into().unwrap();
            Judged {
                path: format!("{n}.png").into(),
                defect: (labels[n] > 0).then(|| "any".to_owned()),
                score: f64::from_le_bytes(score),
                map: ScoreMap {
                    width: 96,
                    height: 96,
                    data: pixels.map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect(),
                },
                mask: Some(Mask { width: 96, height: 96, data: inside.collect() }),
            }
        })
        .collect();
    let close = |value: Option<f64>, key: &str| {
        let (value, expected) = (value.unwrap(), expected[key].as_f64().unwrap());
        assert!((value - expected).abs() < 1e-9, "{key}: {value} instead of {expected}");
    };
    let all = Evaluation::new("reference", &pictures, threshold(0.5), Selection::LastEpoch).unwrap();
    for (value, key) in [
        (all.image_auroc, "image_auroc"),
        (all.image_ap, "image_average_precision"),
        (all.image_f1_max, "image_f1_max"),
        (all.image_f1_max_threshold, "image_f1_max_threshold"),
        (all.pixel_auroc, "pixel_auroc"),
        (all.pixel_ap, "pixel_average_precision"),
        (all.pixel_f1_max, "pixel_f1_max"),
        (all.pixel_f1_max_threshold, "pixel_f1_max_threshold"),
        (all.aupro, "pro_official"),
        (all.pro_rd, "pro_rd"),
        (all.defects[0].aupro, "pro_official"),
        (all.defects[0].pixel_auroc, "pixel_auroc"),
    ] {
        close(value, key);
    }
    // The functions called directly give the same.
    let pairs: Vec<_> = pictures.iter().map(|p| (&p.map, p.mask.as_ref().unwrap())).collect();
    close(aupro(&pairs, 0.3), "pro_official");
    close(aupro(&pairs, 0.05), "pro_official_at_0.05");
    let pixels: Vec<f64> = pairs.iter().flat_map(|(map, _)| &map.data).map(|&v| f64::from(v)).collect();
    let inside: Vec<bool> = pairs.iter().flat_map(|(_, mask)| mask.data.iter().copied()).collect();
    close(roc_auc(&pixels, &inside), "pixel_auroc");
    close(average_precision(&pixels, &inside), "pixel_average_precision");
    close(f1_max(&pixels, &inside).map(|best| best.f1), "pixel_f1_max");
    for (n, (map, mask)) in pairs[..8].iter().enumerate() {
        let expected = expected["pro_rd_per_image"][n].as_f64().unwrap();
        assert!((pro_rd(map, mask).unwrap() - expected).abs() < 1e-9, "picture {n}");
    }
}

#[test]
fn missing_and_vanished_masks() {
    let first = [true, false, false, false];
    let good = judged("good.png", None, [0.1, 0.2, 0.3, 0.4], None);
    let seen = judged("seen.png", Some("hole"), [0.9, 0.1, 0.2, 0.3], Some(first));
    let unseen = judged("unseen.png", Some("crack"), [0.0, 0.5, 0.9, 0.1], None);
    let vanished = judged("vanished.png", Some("dot"), [0.2, 0.8, 0.1, 0.0], Some([false; 4]));
    let of = |pictures: &[Judged]| {
        Evaluation::new("made", pictures, threshold(0.85), Selection::LastEpoch).unwrap()
    };

    let all = of(&[good.clone(), seen.clone(), unseen.clone(), vanished.clone()]);
    assert_eq!(all.counts, Counts { good: 1, anomalous: 3, with_masks: 2 });
    assert_eq!(all.image_auroc, Some(1.0));
    // "unseen" is not among the pixels: its 0.9 would tie with the only positive pixel.
    assert_eq!(all.pixel_auroc, Some(1.0));
    assert_eq!((all.accuracy, all.true_positive_rate), (Some(0.75), Some(2.0 / 3.0)));
    assert_eq!(all.false_positive_rate, Some(0.0));
    let names: Vec<_> = all.defects.iter().map(|d| (d.kind.as_str(), d.count, d.detected)).collect();
    assert_eq!(names, [("crack", 1, 1), ("dot", 1, 0), ("hole", 1, 1)]);
    assert_eq!((all.defects[0].pixel_auroc, all.defects[0].image_auroc), (None, Some(1.0)));
    assert_eq!((all.defects[1].aupro, all.defects[2].aupro), (None, Some(1.0)));

    let unmasked = of(&[good.clone(), unseen]);
    assert_eq!((unmasked.pixel_auroc, unmasked.aupro, unmasked.pro_rd), (None, None, None));
    assert_eq!((unmasked.pixel_ap, unmasked.pixel_f1_max), (None, None));
    assert_eq!(unmasked.image_auroc, Some(1.0));
    assert!(unmasked.curves.pro.is_empty() && !unmasked.curves.image_roc.is_empty());

    let only_good = of(&[good]);
    assert_eq!((only_good.image_auroc, only_good.accuracy), (None, Some(1.0)));
    assert_eq!((only_good.true_positive_rate, only_good.false_positive_rate), (None, Some(0.0)));
}

#[test]
fn kinds_are_measured_against_all_good_pictures() {
    let mask = Some([true, false, false, false]);
    let pictures = [
        judged("0.png", None, [0.1, 0.2, 0.3, 0.5], None),
        judged("1.png", Some("easy"), [0.9, 0.0, 0.0, 0.0], mask),
        judged("2.png", Some("hard"), [0.4, 0.0, 0.0, 0.0], mask),
    ];
    let all = Evaluation::new("made", &pictures, threshold(0.6), Selection::Test).unwrap();
    let (easy, hard) = (&all.defects[0], &all.defects[1]);
    assert_eq!((easy.image_auroc, hard.image_auroc, all.image_auroc), (Some(1.0), Some(0.0), Some(0.5)));
    let alone =
        Evaluation::new("made", &[pictures[0].clone(), pictures[2].clone()], threshold(0.6), Selection::Test);
    let alone = alone.unwrap();
    assert_eq!((hard.pixel_auroc, hard.aupro), (alone.pixel_auroc, alone.aupro));
    assert!(hard.pixel_auroc < easy.pixel_auroc);
}

#[test]
fn bad_input_is_named() {
    let of = |pictures: &[Judged]| {
        Evaluation::new("made", pictures, threshold(0.5), Selection::LastEpoch).unwrap_err().to_string()
    };
    assert!(of(&[]).contains("no labeled test pictures"));
    let broken = judged("nan.png", None, [f32::NAN, 0.0, 0.0, 0.0], None);
    assert!(of(&[broken]).starts_with("nan.png: "));
    let mut small = judged("small.png", Some("hole"), [0.0; 4], None);
    small.mask = Some(Mask { width: 1, height: 1, data: vec![true] });
    assert!(of(&[small]).contains("small.png") && !of(&[]).contains("small.png"));
}

#[test]
fn json_has_the_promised_keys_and_comes_back() {
    let pictures = [
        judged("0.png", None, [0.1, 0.2, 0.3, 0.5], None),
        judged("1.png", Some("hole"), [0.9, 0.0, 0.0, 0.0], None),
    ];
    let mut all = Evaluation::new("made", &pictures, threshold(0.6), Selection::LastEpoch).unwrap();
    let json: Value = serde_json::to_value(&all).unwrap();
    assert_eq!(json["image_auroc"], 1.0);
    for key in ["pixel_auroc", "aupro", "pro_rd", "pixel_ap", "pixel_f1_max"] {
        assert_eq!(json.get(key), Some(&Value::Null), "{key}");
    }
    assert_eq!((&json["image_f1_max"], &json["threshold"]), (&1.0.into(), &0.6.into()));
    assert_eq!(
        (&json["selection"], &json["threshold_method"]),
        (&"last epoch".into(), &"of the test".into())
    );
    assert_eq!((&json["counts"]["good"], &json["defects"][0]["kind"]), (&1.into(), &"hole".into()));
    let back: Evaluation = serde_json::from_value(json).unwrap();
    (all.pictures, all.curves) = Default::default();
    assert_eq!(back, all);
}

#[test]
fn tables_are_aligned() {
    let mask = Some([true, false, false, false]);
    let pictures = [
        judged("0.png", None, [0.1, 0.2, 0.3, 0.5], None),
        judged("1.png", Some("a long name"), [0.9, 0.0, 0.0, 0.0], mask),
        judged("2.png", Some("dent"), [0.4, 0.0, 0.0, 0.0], None),
    ];
    let all = Evaluation::new("made", &pictures, threshold(0.6), Selection::Test).unwrap();
    let text = all.to_string();
    println!("{text}\n\n{}", summary(&[all.clone(), all.clone()]));
    assert!(text.contains("pixel metrics are of the 1 anomalous pictures with masks"), "{text}");
    assert!(text.contains("optimistic"), "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 21, "{text}");
    assert!(lines.iter().any(|line| line.starts_with("false alarms: stated at most 5.0 %")), "{text}");
    let table = &lines[lines.len() - 4..];
    assert!(table.iter().all(|line| line.len() == table[0].len()), "{text}");
    let both = summary(&[all.clone(), all.clone()]).to_string();
    assert!(both.lines().last().unwrap().starts_with("mean"));
    assert_eq!(summary(&[all]).to_string().lines().count(), 3);
}
