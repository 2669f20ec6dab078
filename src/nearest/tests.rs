//! A nearest-neighbor detector is quick, gives a model file like any other, and judges rendered parts correctly.

use super::*;
use crate::detection::{Detector, Verdict};
use crate::model::{eight_bit, header, kept};
use image::Rgb;
use std::path::Path;

/// A striped cloth, a little different each time.
fn part(n: u32) -> Picture {
    Picture::from_fn(64, 64, |x, y| {
        let stripe = if (x / 8 + n % 2).is_multiple_of(2) { 150 } else { 90 };
        let grain = ((x * 31 + y * 17 + n * 7) % 13) as u8;
        Rgb([stripe + grain, stripe, 100 + grain])
    })
}

/// The same with a hole in it.
fn holed(n: u32) -> Picture {
    let mut picture = part(n);
    (24..36).for_each(|y| (26..40).for_each(|x| picture.put_pixel(x, y, Rgb([8, 4, 250]))));
    picture
}

fn wanted() -> Wanted {
    Wanted {
        name: "cloth".into(),
        size: Size::square(64),
        view: View::default(),
        range: None,
        false_alarms: 0.01,
    }
}

fn learned(count: u32) -> (Learner, Info, Vec<u8>) {
    let mut learner = Learner::new(wanted()).unwrap();
    (0..count).for_each(|n| learner.add(&part(n)).unwrap());
    let (info, bytes) = learner.learn("of cloth".into()).unwrap();
    (learner, info, bytes)
}

#[test]
fn a_handful_of_good_pictures_tells_a_hole_from_cloth() {
    let (learner, info, bytes) = learned(5);
    let name = Path::new("cloth.aand");
    assert_eq!(header(&bytes, name).unwrap(), info);
    assert_eq!(*kept(&bytes, name).unwrap().pictures[3].seen.picture, part(3));
    assert_eq!((info.training_pictures, info.threshold.pictures), (5, 5));
    // 5 pictures support 45 %.
    assert!((info.threshold.stated.unwrap().false_alarms - 0.4507).abs() < 1e-3);
    let detector = Detector::from_bytes(&bytes, name).unwrap();
    let found = detector.detect(&[part(9), holed(9)]).unwrap();
    assert_eq!([found[0].verdict, found[1].verdict], [Verdict::Good, Verdict::Anomalous]);
    let [x, y, w, h] = found[1].regions[0].bounds;
    assert!(x < 33 && 33 < x + w && y < 30 && 30 < y + h, "{:?}", found[1].regions[0]);
    // The same pictures give the same file.
    assert_eq!(learned(5).2, bytes);
    // A picture left out scores as it did for the threshold, computed with the plan instead of the memory.
    let mut others = Learner::new(wanted()).unwrap();
    (1..5).for_each(|n| others.add(&part(n)).unwrap());
    let (_, bytes) = others.learn(String::new()).unwrap();
    let by_plan = Detector::from_bytes(&bytes, name).unwrap().scores(&[part(0)]).unwrap()[0];
    let trial = learner.trial(0, 1).unwrap();
    assert!((by_plan - trial.good).abs() < 2e-3, "{by_plan} is not {}", trial.good);
    assert!(trial.made > trial.good);
    assert_eq!(learner.trial(5, 1), None);
}

/// There are more patches than the memory holds, and all that it holds come from the first picture.
#[test]
fn identical_pictures_have_a_threshold() {
    let mut learner = Learner::new(Wanted { size: Size::square(128), ..wanted() }).unwrap();
    (0..3).for_each(|_| learner.add(&part(0)).unwrap());
    let (info, bytes) = learner.learn(String::new()).unwrap();
    assert!(info.threshold.value < 1e-3, "{}", info.threshold.value);
    let detector = Detector::from_bytes(&bytes, Path::new("cloth.aand")).unwrap();
    let found = detector.detect(&[holed(0)]).unwrap();
    assert_eq!(found[0].verdict, Verdict::Anomalous);
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let mut learner = Learner::new(wanted()).unwrap();
    (0..2).for_each(|n| learner.add(&part(n)).unwrap());
    assert!(learner.learn(String::new()).unwrap_err().to_string().contains("too few"));
    assert!(Learner::new(Wanted { size: Size::square(50), ..wanted() }).is_err());
    let view = View { tiles: Some(crate::picture::Tiles { overlap: 8 }), ..View::default() };
    assert!(Learner::new(Wanted { view, ..wanted() }).unwrap_err().to_string().contains("tile"));
    let (_, _, bytes) = learned(3);
    assert!(eight_bit(&bytes, Path::new("a.aand")).unwrap_err().to_string().contains("small already"));
}

#[test]
fn more_pictures_than_fit_are_spread_evenly() {
    let size = Size::square(256);
    assert_eq!(chosen(40, size), (0..40).collect::<Vec<_>>());
    let some = chosen(10_000, size);
    assert_eq!(some.len(), most_pictures(size));
    assert!((200..400).contains(&some.len()) && some.last().unwrap() > &9_900);
}

#[test]
fn a_hole_is_shown_beside_the_cloth_that_is_most_like_it() {
    let size = Size::square(64);
    let good = [part(0), part(1), Picture::from_pixel(64, 64, Rgb([200, 200, 200]))];
    let gallery = Gallery::new(Backbone::Compact, size, &EmbeddedTeacher, good).unwrap();
    let (same, hole) =
        (gallery.nearest(&part(1), [0.5, 0.5]).unwrap(), gallery.nearest(&holed(1), [0.5, 0.47]).unwrap());
    assert!(same.cosine > 0.999 && same.picture == 1, "{} {}", same.cosine, same.picture);
    assert!(hole.cosine < same.cosine - 0.01, "{}", hole.cosine);
    assert_eq!((hole.odd.dimensions(), hole.good.dimensions()), ((48, 48), (48, 48)));
    assert_eq!(*hole.odd.get_pixel(24, 24), Rgb([8, 4, 250]));
    assert!(gallery.nearest(&Picture::new(32, 32), [0.5, 0.5]).is_none());
}
