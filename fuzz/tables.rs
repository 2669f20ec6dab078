//! The table of VisA.

use super::said;
use aand::dataset;
use std::fs;

#[test]
fn fuzz_visa_table() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for name in ["Images/Normal/0.JPG", "Images/Normal/1.JPG", "Images/Anomaly/0.JPG", "Masks/Anomaly/0.png"]
    {
        let path = root.join("candle/Data").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "x").unwrap();
    }
    fs::create_dir(root.join("split_csv")).unwrap();
    let table = root.join("split_csv/1cls.csv");
    let text = "object,split,label,image,mask\n\
        candle,train,normal,candle/Data/Images/Normal/0.JPG,\n\
        candle,test,normal,candle/Data/Images/Normal/1.JPG,\n\
        candle,test,anomaly,candle/Data/Images/Anomaly/0.JPG,candle/Data/Masks/Anomaly/0.png\n";
    let seeds = [text.as_bytes().to_vec(), [b"\xEF\xBB\xBF", text.replace('\n', "\r\n").as_bytes()].concat()];
    let open = || dataset::open(&root.join("candle"), None, None);
    for seed in &seeds {
        fs::write(&table, seed).unwrap();
        assert_eq!(open().unwrap()[0].train.len(), 1);
    }
    fuzz!(&seeds, |bytes: &[u8]| {
        fs::write(&table, bytes).unwrap();
        match open() {
            // Whatever it says, nothing outside the category is read.
            Ok(sets) => {
                for set in sets {
                    let test = set.test.iter().flat_map(|sample| [Some(&sample.path), sample.mask.as_ref()]);
                    let all = set.train.iter().chain(test.flatten());
                    let real = root.canonicalize().unwrap().join("candle");
                    all.for_each(|path| assert!(path.canonicalize().unwrap().starts_with(&real)));
                }
            }
            Err(error) => said(&error),
        }
    });
}
