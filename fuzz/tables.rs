//! The table of VisA, and the results of `detect` that a later run reads back.

use super::said;
use aand::cli::{Earlier, Folder};
use aand::dataset;
use std::fs;
use std::path::Path;

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
            // Whatever the table says, nothing outside the category is read.
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

/// Whatever the tables of earlier results say, a later run takes over only complete lines, and removes only the
/// program's own files within the folder.
#[test]
fn fuzz_results() {
    let place = tempfile::tempdir().unwrap();
    let out = place.path().join("out");
    let own = ["a_heat.png", "a_map.npy", "sub/b_heat.png"].map(|name| out.join(name));
    let others =
        ["theirs.png", "notes.txt", "results.txt", "../x.npy", "../part.png"].map(|name| out.join(name));
    fs::create_dir_all(out.join("sub")).unwrap();
    let sign = |path: &Path| fs::write(path, b"\x89PNG\r\n\x1a\n....tEXtSoftware\0aand 0").unwrap();
    own.iter().for_each(|path| sign(path));
    others.iter().for_each(|path| fs::write(path, "x").unwrap());
    let wanted = ["a_heat.png".to_owned()];
    let (fingerprint, picture) = ("00112233aabbccdd", Path::new("a.png"));
    let line = r#"{"path":"a.png","score":1.5,"normalized":0.4,"verdict":"good","ms":1.0,"heat":"a_heat.png","fingerprint":"00112233aabbccdd"}"#;
    let why = r#"{"box":[0,0,9,9],"good":1,"good_box":[0,0,9,9],"distance":0.5,"file":"theirs.png"}"#;
    let seeds = [
        format!("{line}\n"),
        format!("{{\"path\":\"b.png\",\"error\":\"damaged\",\"why\":{why}}}\n{line}\n"),
        format!("[\"a_heat.png\",\"a_map.npy\",\"sub/b_heat.png\",\"theirs.png\",\"../x.npy\"]\n{line}\n"),
    ]
    .map(String::into_bytes);
    let tables = ["results.jsonl", ".aand-results"].map(|name| out.join(name));
    let write = |bytes: &[u8]| tables.iter().for_each(|table| fs::write(table, bytes).unwrap());
    for seed in &seeds {
        write(seed);
        assert!(Earlier::read(&out).line(fingerprint, picture, &wanted, &out).is_some());
    }
    fuzz!(&seeds, |bytes: &[u8]| {
        write(bytes);
        let mut earlier = Earlier::read(&out);
        if let Some(line) = earlier.line(fingerprint, picture, &wanted, &out) {
            assert!(line.is_judged() && line.score.is_some_and(f64::is_finite));
        }
        Folder::open(&out).unwrap().remove_stale(&earlier.files, &wanted);
        assert!(own[0].exists() && others.iter().all(|path| path.exists()));
        fs::create_dir_all(out.join("sub")).unwrap();
        own.iter().filter(|path| !path.exists()).for_each(|path| sign(path));
    });
}
