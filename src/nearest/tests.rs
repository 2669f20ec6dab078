//! A nearest-neighbor detector is quick, gives a model file like any other, and judges rendered parts correctly.

use super::*;
use crate::detection::{Detector, Verdict};
use crate::model::{Learned, eight_bit, header, kept};
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
    let (info, bytes) = learner.learn("of cloth".into(), Learned::default()).unwrap();
    (learner, info, bytes)
}

#[test]
fn a_handful_of_good_pictures_tells_a_hole_from_cloth() {
    let (learner, info, bytes) = learned(5);
    let name = Path::new("cloth.aand");
    assert_eq!(header(&bytes, name).unwrap(), info);
    assert_eq!(*kept(&bytes, name).unwrap().pictures[3].seen.picture, part(3));
    assert_eq!((info.training_pictures, info.threshold.pictures), (5, 5));
    // 5 pictures support 60 %.
    assert!((info.threshold.stated.unwrap().false_alarms - 0.6019).abs() < 1e-3);
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
    let (_, bytes) = others.learn(String::new(), Learned::default()).unwrap();
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
    let (info, bytes) = learner.learn(String::new(), Learned::default()).unwrap();
    assert!(info.threshold.value < 1e-3, "{}", info.threshold.value);
    let detector = Detector::from_bytes(&bytes, Path::new("cloth.aand")).unwrap();
    let found = detector.detect(&[holed(0)]).unwrap();
    assert_eq!(found[0].verdict, Verdict::Anomalous);
}

#[test]
fn what_cannot_be_learned_is_refused() {
    let mut learner = Learner::new(wanted()).unwrap();
    (0..2).for_each(|n| learner.add(&part(n)).unwrap());
    assert!(learner.learn(String::new(), Learned::default()).unwrap_err().to_string().contains("too few"));
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

/// What a model of that size and view would keep of these pictures.
fn gallery(size: Size, view: View, good: &[Picture]) -> Gallery {
    let info = Info { size, view, ..learned(3).1 };
    let mut kept = Kept::default();
    let seen = good.iter().map(|picture| info.view.see(picture, size).owned());
    kept.fill(seen.map(|seen| KeptPicture { seen, learned: true }), good.len()).unwrap();
    Gallery::new(&info, &EmbeddedTeacher, kept).unwrap().unwrap()
}

fn seen(picture: &Picture) -> Seen<'_> {
    View::default().see(picture, Size::square(64))
}

#[test]
fn a_hole_is_shown_beside_the_cloth_that_is_most_like_it() {
    let good = [part(0), part(1), Picture::from_pixel(64, 64, Rgb([200, 200, 200]))];
    let gallery = gallery(Size::square(64), View::default(), &good);
    let (same, hole) = (
        gallery.nearest(&seen(&part(1)), [0.5, 0.5]).unwrap(),
        gallery.nearest(&seen(&holed(1)), [0.5, 0.47]).unwrap(),
    );
    assert!(same.cosine > 0.999 && same.picture == 1, "{} {}", same.cosine, same.picture);
    assert!(hole.cosine < same.cosine - 0.01, "{}", hole.cosine);
    assert_eq!((hole.odd.pixels.dimensions(), hole.good.pixels.dimensions()), ((48, 48), (48, 48)));
    assert_eq!(*hole.odd.pixels.get_pixel(24, 24), Rgb([8, 4, 250]));
    assert_eq!(same.odd.bounds, [12, 12, 48, 48]);
    let small = Seen { picture: Cow::Owned(Picture::new(32, 32)), native: Size::square(32) };
    assert!(gallery.nearest(&small, [0.5, 0.5]).is_none());
    // Side by side both are seen, each with its frame.
    let both = hole.beside(3);
    assert_eq!(both.dimensions(), (528, 324));
    assert_eq!(
        (both.get_pixel(16 + 120, 42 + 120).0, both.get_pixel(15, 100).0),
        ([8, 4, 250], [0, 224, 255])
    );
    assert_eq!(both.get_pixel(271, 100).0, [228, 228, 231]);
    // Nothing is kept: nothing is shown.
    assert!(Gallery::new(&learned(3).1, &EmbeddedTeacher, Kept::default()).unwrap().is_none());
}

/// 256 x 128: stripes that lie at the left, stripes that stand at the right.
fn halves(n: u32) -> Picture {
    Picture::from_fn(256, 128, |x, y| {
        let along = if x < 128 { y } else { x };
        let stripe = if (along / 8).is_multiple_of(2) { 170 } else { 70 };
        let grain = ((x * 31 + y * 17 + n * 7) % 13) as u8;
        Rgb([stripe + grain, stripe, 100 + grain])
    })
}

/// With a scratch around (206, 64), among the stripes that stand.
fn scratched(n: u32) -> Picture {
    let mut picture = halves(n);
    (61..67).for_each(|y| (199..213).for_each(|x| picture.put_pixel(x, y, Rgb([130, 110, 90]))));
    picture
}

#[test]
fn a_scratch_and_what_it_is_like_are_told_in_pixels_of_the_pictures() {
    use crate::picture::{Fit, Region, Tiles};
    let native = Size::new(256, 128);
    let tiles = View { tiles: Some(Tiles { overlap: 16 }), ..View::default() };
    let padded = View { fit: Fit::Pad, ..View::default() };
    // The size, how it looks, and the pixels of what is shown of a patch.
    for (size, view, side) in [
        (Size::new(128, 64), View::default(), 96),
        (Size::square(64), tiles.clone(), 48),
        (Size::square(128), padded, 96),
        (Size::square(128), View::default(), 48 + 48),
    ] {
        let gray = Picture::from_pixel(256, 128, Rgb([120; 3]));
        let gallery = gallery(size, view.clone(), &[gray, halves(1)]);
        let (picture, scratch) = (scratched(2), [206.0 / 256.0, 0.5]);
        let found = gallery.nearest(&view.see(&picture, size), scratch).unwrap();
        let [x, y, w, h] = found.odd.bounds;
        assert!(x < 199 && 213 <= x + w && y < 61 && 67 <= y + h, "{view:?}: {:?}", found.odd.bounds);
        assert_eq!(w, side, "{view:?}");
        let [x, y, w, h] = found.good.bounds;
        assert_eq!(found.picture, 1, "{view:?}");
        // Like the stripes that stand, not like those that lie.
        assert!(x + w > 128 + w / 4, "{view:?}: {:?}", found.good.bounds);
        assert!(x + w <= 256 && y + h <= 128, "{view:?}: {:?}", found.good.bounds);
        // In the picture's own aspect, whatever the network's is.
        let large = found.odd.enlarged(240);
        assert_eq!(large.dimensions(), (240, 240 * found.odd.bounds[3] / found.odd.bounds[2]), "{view:?}");
    }
    // What does not count is no example.
    let region = Region::rectangle(native, [0.0, 0.0, 128.0, 128.0]).ok();
    let size = Size::new(128, 64);
    let view = View { region, ..View::default() };
    let gallery = gallery(size, view.clone(), &[halves(1)]);
    let picture = halves(2);
    let found = gallery.nearest(&view.see(&picture, size), [0.8, 0.5]).unwrap();
    assert!(found.good.bounds[0] + found.good.bounds[2] / 2 <= 128, "{:?}", found.good.bounds);
}

/// Tiles are many: whole pictures are taken as long as they fit, and always the first.
#[test]
fn as_many_pictures_as_fit_are_compared_with() {
    let view = View { tiles: Some(crate::picture::Tiles { overlap: 0 }), ..View::default() };
    let wide = |n| Picture::from_pixel(32 * 50, 32, Rgb([n; 3]));
    let gallery = gallery(Size::square(32), view, &[wide(1), wide(90), wide(200)]);
    assert_eq!((gallery.len(), gallery.is_empty()), (2, false));
}
