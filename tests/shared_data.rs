//! The three real data sets of `../shared/data`, opened and inspected.

use std::path::PathBuf;

use aand::dataset::{Layout, fingerprint, inspect, open};

fn data() -> Option<PathBuf> {
    let shared = std::env::var("AAND_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../shared").into());
    let folder = PathBuf::from(shared).join("data");
    if !folder.is_dir() {
        println!("skipped: ../shared is not here");
        return None;
    }
    Some(folder)
}

#[test]
fn real_sets_are_listed_and_sound() {
    let Some(folder) = data() else { return };
    let sets = open(&folder, None, Some("all")).unwrap();
    let expected = [
        ("bottle", 209, 20, 63, "320 x 320"),
        ("cookie", 31, 14, 32, "300 x 400"),
        ("magnetic_tile", 220, 70, 125, ""),
    ];
    assert_eq!(sets.len(), expected.len());
    for (set, (name, train, good, anomalous, size)) in sets.iter().zip(expected) {
        let found = inspect(set);
        println!("{found}");
        assert_eq!((set.name.as_str(), set.layout), (name, Layout::Mvtec));
        assert_eq!((found.train, found.test_good, found.test_anomalous), (train, good, anomalous));
        assert!(set.test.iter().all(|sample| sample.defect.is_some() == sample.mask.is_some()));
        assert!(found.unreadable.is_empty() && found.masks_of_other_size.is_empty());
        if !size.is_empty() {
            assert_eq!(found.sizes.len(), 1);
            assert_eq!(found.sizes[0].value, size);
        }
        assert_eq!(fingerprint(set).unwrap().len(), 64);
    }
}
