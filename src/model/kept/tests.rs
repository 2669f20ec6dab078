use super::*;
use crate::inference::plan_tests::info as info_of;
use crate::picture::{Tiles, View};
use crate::teacher::Backbone;
use std::collections::HashMap;

struct File(HashMap<&'static str, (Dtype, Vec<usize>, Vec<u8>)>);

impl File {
    fn of(kept: &Kept) -> Self {
        Self(
            kept.parts()
                .unwrap()
                .into_iter()
                .map(|(name, kind, shape, bytes)| (name, (kind, shape, bytes)))
                .collect(),
        )
    }

    fn index(&mut self) -> &mut [u8] {
        &mut self.0.get_mut(INDEX).unwrap().2
    }
}

impl RawSource for File {
    fn raw(&self, name: &str) -> Result<Option<Raw<'_>>> {
        Ok(self.0.get(name).map(|(kind, shape, bytes)| Raw {
            kind: *kind,
            shape: shape.clone(),
            bytes: Cow::Borrowed(bytes),
        }))
    }
}

fn kept(info: &Info) -> Kept {
    let length = info.backbone.channels().iter().sum();
    let (width, height) = info.size.pixels();
    let mut kept = Kept { embeddings: vec![vec![0.5; length]; 3], ..Kept::default() };
    for n in 0..2u8 {
        let picture = Picture::from_fn(width, height, |x, y| image::Rgb([x as u8 * 3, y as u8 + n, 7 * n]));
        let seen = Seen { picture: Cow::Owned(picture), native: Size::new(80, 70 + usize::from(n)) };
        assert!(kept.add(KeptPicture { seen, learned: n == 0 }).unwrap());
    }
    assert!(kept.bytes > 100);
    kept
}

fn refused(file: &File, info: &Info) -> String {
    Kept::read(file, info, Path::new("m.aand")).unwrap_err().to_string()
}

#[test]
fn pictures_come_back_to_the_bit() {
    let info = info_of(Backbone::Compact, 64);
    let kept = kept(&info);
    let read = Kept::read(&File::of(&kept), &info, Path::new("m.aand")).unwrap();
    assert_eq!(read.embeddings, kept.embeddings);
    assert_eq!((read.pictures.len(), read.bytes), (2, kept.bytes));
    for (a, b) in read.pictures.iter().zip(&kept.pictures) {
        assert!(a.seen.picture == b.seen.picture && a.seen.native == b.seen.native && a.learned == b.learned);
    }
    // Older files have nothing, and keeping nothing writes nothing.
    assert!(Kept::read(&File(HashMap::new()), &info, Path::new("m")).unwrap().is_empty());
    assert!(Kept::default().parts().unwrap().is_empty());
}

#[test]
fn what_cannot_be_is_refused_in_a_line() {
    let info = info_of(Backbone::Compact, 64);
    let whole = || File::of(&kept(&info));
    let mut part = whole();
    part.0.remove(INDEX);
    assert!(refused(&part, &info).contains("m.aand: its kept pictures are damaged (a part is missing)"));
    // Huge lengths, sizes and marks.
    for at in 0..2 * COLUMNS {
        let mut file = whole();
        file.index()[4 * at..4 * at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        let natives = [1, 2, 5, 6].contains(&at);
        // The original picture may have any size.
        assert!(natives || refused(&file, &info).contains("impossible numbers"), "{at}");
    }
    // Sides whose product times three overflows to zero, with tiles, for which pictures are kept whole.
    let view = View { tiles: Some(Tiles { overlap: 0 }), ..View::default() };
    let mut vast = whole();
    for (at, side) in [2_900_000_012_u32, 2_120_315_402].into_iter().enumerate() {
        vast.index()[4 * (1 + at)..4 * (2 + at)].copy_from_slice(&side.to_le_bytes());
    }
    assert!(refused(&vast, &Info { view, ..info.clone() }).contains("impossible numbers"));
    let mut short = whole();
    let length = u32::from_le_bytes(short.index()[..4].try_into().unwrap());
    short.index()[..4].copy_from_slice(&(length - 1).to_le_bytes());
    assert!(refused(&short, &info).contains("damaged"));
    let mut more = whole();
    more.0.get_mut(PICTURES).unwrap().2.push(0);
    assert!(refused(&more, &info).contains("left over"));
    let mut many = whole();
    many.0.get_mut(INDEX).unwrap().1 = vec![usize::MAX, COLUMNS];
    assert!(refused(&many, &info).contains("more than there can be"));
    let mut other = whole();
    other.0.get_mut(PICTURES).unwrap().0 = Dtype::F32;
    assert!(refused(&other, &info).contains("of another kind"));
    // A picture of another network's size.
    let larger = Info { size: (info.size.width + 32).into(), ..info.clone() };
    assert!(refused(&whole(), &larger).contains("of another size"));
    let mut noise = whole();
    noise.0.get_mut(PICTURES).unwrap().2[60..].fill(1);
    assert!(refused(&noise, &info).contains("damaged"));
    let mut embeddings = whole();
    embeddings.0.get_mut(EMBEDDINGS).unwrap().1[1] -= 1;
    assert!(refused(&embeddings, &info).contains("kept.embeddings"));
}

#[test]
fn pictures_beyond_the_limit_are_not_added() {
    let info = info_of(Backbone::Compact, 64);
    let mut kept = kept(&info);
    let one = kept.pictures[0].clone();
    kept.bytes = MOST_KEPT_BYTES;
    assert!(!kept.add(one).unwrap() && kept.pictures.len() == 2);
}

#[test]
fn as_many_are_taken_as_asked_for_and_as_fit() {
    let kept = kept(&info_of(Backbone::Compact, 64));
    let (small, length) = (kept.pictures[0].clone(), kept.bytes / 2);
    // Noise cannot be compressed.
    let noise = Picture::from_fn(64, 64, |x, y| {
        image::Rgb([0, 1, 2].map(|c| ((x * 64 + y) * 3 + c).wrapping_mul(2_654_435_761).to_le_bytes()[3]))
    });
    let large =
        KeptPicture { seen: Seen { picture: Cow::Owned(noise), native: Size::square(64) }, learned: true };
    let mut filled = Kept { bytes: MOST_KEPT_BYTES - 4 * length, ..Kept::default() };
    filled.fill([&small, &large, &small].map(KeptPicture::clone), 1).unwrap();
    assert_eq!(filled.pictures.len(), 1);
    filled.fill([&large, &small, &large].map(KeptPicture::clone), 3).unwrap();
    assert_eq!(filled.pictures.len(), 2);
    let after_three = [&large, &large, &large, &small].map(KeptPicture::clone);
    filled.fill(after_three, 9).unwrap();
    assert_eq!(filled.pictures.len(), 2);
}
