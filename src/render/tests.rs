//! What holds for every rendered line.

use super::*;
use crate::picture::resize;
use rayon::prelude::*;

/// Every line with every one of its defects, a few parts each.
fn cases(parts: u64) -> Vec<(ProductLine, &'static str, u64)> {
    let kinds =
        ProductLine::all().into_iter().flat_map(|line| line.defects().iter().map(move |&kind| (line, kind)));
    kinds.flat_map(|(line, kind)| (0..parts).map(move |seed| (line, kind, seed))).collect()
}

#[test]
fn a_seed_always_gives_the_same_picture() {
    for line in ProductLine::all() {
        let kind = line.defects()[0];
        let (a, b) = (render(line, 5, Some(kind)).unwrap(), render(line, 5, Some(kind)).unwrap());
        assert_eq!(a.picture, b.picture);
        assert_eq!(a.mask, b.mask);
    }
}

#[test]
fn good_parts_differ_and_have_no_mask() {
    for line in ProductLine::all() {
        let parts: Vec<_> = (0..3).map(|seed| render(line, seed, None).unwrap()).collect();
        for part in &parts {
            assert_eq!(part.picture.dimensions(), (SIZE as u32, SIZE as u32));
            assert!(part.mask.data.iter().all(|&on| !on));
        }
        for (a, b) in [(0, 1), (1, 2), (0, 2)] {
            let pair = parts[a].picture.as_raw().iter().zip(parts[b].picture.as_raw());
            let mean = pair.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / (SIZE * SIZE * 3) as f64;
            assert!(mean > 2.0, "{line}: parts {a} and {b} differ by {mean} of 255 only");
        }
    }
}

#[test]
fn a_good_picture_is_neither_flat_nor_clipped() {
    for line in ProductLine::all() {
        let picture = render(line, 11, None).unwrap().picture;
        let values = picture.as_raw();
        let clipped = values.iter().filter(|&&v| v == 0 || v == 255).count();
        assert!(clipped * 50 < values.len(), "{line}: {clipped} values clipped");
        let (low, high) = (values.iter().min().unwrap(), values.iter().max().unwrap());
        assert!(high - low > 120, "{line}: {low}..{high}");
    }
}

#[test]
fn the_mask_is_where_the_part_differs_from_its_good_twin() {
    cases(3).into_par_iter().for_each(|(line, kind, seed)| {
        let good = render(line, seed, None).unwrap().picture;
        let bad = render(line, seed, Some(kind)).unwrap();
        let mut pixels = 0;
        for (index, (a, b)) in good.pixels().zip(bad.picture.pixels()).enumerate() {
            let differs = a.0.iter().zip(b.0).any(|(a, b)| a.abs_diff(b) > VISIBLE);
            assert_eq!(bad.mask.data[index], differs, "{line} {kind} {seed}: pixel {index}");
            assert!(differs || a == b, "{line} {kind} {seed}: pixel {index} changed outside the mask");
            pixels += usize::from(differs);
        }
        assert!(pixels >= 12, "{line} {kind} {seed}: {pixels} pixels");
        assert!(pixels < SIZE * SIZE / 8, "{line} {kind} {seed}: {pixels} pixels");
    });
}

#[test]
fn severity_ranges_from_subtle_to_plain() {
    // The largest change within the mask, averaged over it, must vary between defects: neither all obvious
    // nor all faint.
    for line in ProductLine::all() {
        let changes: Vec<f64> = cases(3)
            .into_par_iter()
            .filter(|&(of, _, _)| of == line)
            .map(|(line, kind, seed)| {
                let good = render(line, seed, None).unwrap().picture;
                let bad = render(line, seed, Some(kind)).unwrap();
                let pairs = good.as_raw().iter().zip(bad.picture.as_raw());
                pairs.map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>()
            })
            .collect();
        let least = changes.iter().copied().fold(f64::INFINITY, f64::min);
        let most = changes.iter().copied().fold(0.0, f64::max);
        assert!(most > 5.0 * least, "{line}: total change {least}..{most}");
    }
}

/// 2,000 x 800, and no defect larger than 12 pixels (one more at either end, where it fades).
#[test]
fn the_strip_is_wide_and_its_defects_are_small() {
    let kinds = ProductLine::Strip.defects().iter().zip(0..);
    kinds.collect::<Vec<_>>().into_par_iter().for_each(|(kind, seed)| {
        let good = render(ProductLine::Strip, seed, None).unwrap();
        let bad = render(ProductLine::Strip, seed, Some(kind)).unwrap();
        assert_eq!(bad.picture.dimensions(), (2000, 800));
        assert!(good.mask.count() == 0);
        let marked: Vec<usize> = (0..bad.mask.data.len()).filter(|&i| bad.mask.data[i]).collect();
        let span = |place: &dyn Fn(usize) -> usize| {
            let places = || marked.iter().map(|&i| place(i));
            places().max().unwrap() - places().min().unwrap() + 1
        };
        let longest = span(&|i| i % 2000).max(span(&|i| i / 2000));
        assert!((5..=14).contains(&longest), "{kind}: {longest} pixels");
        let outside = good.picture.pixels().zip(bad.picture.pixels()).zip(&bad.mask.data);
        assert!(outside.filter(|(_, marked)| !**marked).all(|((a, b), _)| a == b));
    });
}

/// What the strip is for: its defects are plain in the picture itself, and nearly gone where it is squashed to a square.
#[test]
fn the_strips_defects_do_not_survive_a_square() {
    let pairs = ProductLine::Strip.defects().iter().flat_map(|kind| (0..4).map(move |seed| (kind, seed)));
    pairs.collect::<Vec<_>>().into_par_iter().for_each(|(kind, seed)| {
        let [good, bad] =
            [None, Some(*kind)].map(|kind| render(ProductLine::Strip, seed, kind).unwrap().picture);
        let change = |[good, bad]: [&Picture; 2]| {
            let pairs = good.as_raw().iter().zip(bad.as_raw());
            pairs.map(|(a, b)| a.abs_diff(*b)).max().unwrap()
        };
        let squashed = [&good, &bad].map(|picture| resize(picture, 256, 256));
        let (native, left) = (change([&good, &bad]), change([&squashed[0], &squashed[1]]));
        assert!(
            native >= 25 && 5 * u32::from(left) <= native.into(),
            "{kind} {seed}: {native} becomes {left}"
        );
    });
}

#[test]
fn an_unknown_name_is_refused_with_the_known_ones() {
    let error = render(ProductLine::Cloth, 0, Some("rust")).err().unwrap().to_string();
    assert!(error.contains("misweave"), "{error}");
    let error = "tiles".parse::<ProductLine>().unwrap_err().to_string();
    assert!(error.contains("washers"), "{error}");
    for line in ProductLine::all() {
        assert_eq!(line.name().parse::<ProductLine>().unwrap(), line);
    }
}

#[test]
fn a_folder_is_in_mvtec_layout_and_replaces_only_its_own() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("lines").join("washers");
    let counts = Counts { train: 2, test_good: 1, test_per_defect: 1 };
    write(ProductLine::Washers, &dir, counts, 3).unwrap();
    let read = |name: &str| image::open(dir.join(name)).unwrap();
    assert_eq!(read("train/good/001.png").to_rgb8().dimensions(), (256, 256));
    assert!(!dir.join("train/good/002.png").exists());
    read("test/good/000.png");
    for kind in ProductLine::Washers.defects() {
        read(&format!("test/{kind}/000.png"));
        let mask = read(&format!("ground_truth/{kind}/000_mask.png")).to_luma8();
        assert!(mask.pixels().all(|p| p.0[0] == 0 || p.0[0] == 255));
        assert!(mask.pixels().any(|p| p.0[0] == 255));
    }
    assert!(std::fs::read_to_string(dir.join("README.txt")).unwrap().contains("rendered"));
    let first = std::fs::read(dir.join("test/rust/000.png")).unwrap();
    write(ProductLine::Washers, &dir, counts, 3).unwrap();
    assert_eq!(first, std::fs::read(dir.join("test/rust/000.png")).unwrap());
    let beside = std::fs::read_dir(home.path().join("lines")).unwrap().count();
    assert_eq!(beside, 1, "nothing but the data set stays behind");

    let mine = home.path().join("mine");
    std::fs::create_dir(&mine).unwrap();
    std::fs::write(mine.join("holiday.txt"), "sun").unwrap();
    assert!(matches!(write(ProductLine::Cloth, &mine, counts, 3), Err(Error::Dataset { .. })));
    assert!(mine.join("holiday.txt").exists());
}

#[test]
fn a_contact_sheet_has_a_row_for_good_parts_and_one_for_each_defect() {
    let sheet = contact_sheet(ProductLine::Circuit, 1, 9).unwrap();
    assert_eq!(sheet.dimensions(), (256 + 12, 6 * 262 + 6));
}
