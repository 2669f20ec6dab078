//! What train, detect and eval leave out and never learn, through the built program.

use image::{GrayImage, Luma, Rgb, RgbImage};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn run(line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_aand")).args(line.split_whitespace()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output and standard error of a command that succeeds.
fn told(line: &str) -> (String, String) {
    let output = run(line);
    assert!(output.status.success(), "{line}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn put(root: &Path, name: &str, seed: u8) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let picture =
        RgbImage::from_fn(100, 100, |x, y| Rgb([seed, (5 * x) as u8, (x * y + u32::from(seed)) as u8]));
    picture.save_with_format(path, image::ImageFormat::Png).unwrap();
}

fn mask(root: &Path, name: &str, marked: impl Fn(u32, u32) -> bool) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_fn(100, 100, |x, y| Luma([if marked(x, y) { 255 } else { 0 }])).save(path).unwrap();
}

const SHORT: &str = "--epochs-amplify 1 --epochs-distill 1 --size 64 --batch 4 --device cpu";

#[test]
fn train_detect_and_eval_say_what_they_leave_out() {
    let folder = tempfile::tempdir().unwrap();
    let (root, data) = (folder.path(), folder.path().join("data"));
    for n in 0..5 {
        put(&data, &format!("lot1/{n}.png"), n);
    }
    put(&data, "NG/9.png", 9);
    put(&data, "@eaDir/0.png", 10);
    fs::write(data.join("IMG_1.HEIC"), "x").unwrap();
    let model = root.join("m.aand");
    let train = format!("train {} --out {} {SHORT}", data.display(), model.display());

    let refused = run(&train);
    let said = text(&refused.stderr);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("NG (1)") && said.contains("--all-good") && !model.exists(), "{said}");

    let (json, said) = told(&format!("{train} --all-good --json"));
    let json: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&json["left_out"]["other_kinds"]["heic"], &json["training_pictures"]),
        (&1.into(), &6.into())
    );
    for line in [
        "warning: 1 file of other kinds: 1 heic; left out",
        "warning: 1 picture of 6 called like defects or masks, not like good parts: NG (1)",
        "note: 1 folder of the system left out: @eaDir",
    ] {
        assert!(said.contains(line), "`{line}` is not in {said}");
    }

    // Twice into the data folder; the second run does not take the first's results for pictures.
    mask(&data, "masks/9.png", |x, _| x > 30);
    let detect = format!("detect {} {} --device cpu --json --out", model.display(), data.display());
    for (results, own) in [("results", 0), ("again", 14)] {
        let (json, said) = told(&format!("{detect} {}", data.join(results).display()));
        let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.iter().filter(|line| line["score"].is_number()).count(), 6, "{json}");
        let left_out = &lines[0]["left_out"];
        assert_eq!(
            (&left_out["other_kinds"]["heic"], left_out["masks"].as_array().unwrap().len()),
            (&1.into(), 1)
        );
        let counts = left_out["own_results"].as_object().unwrap().values();
        assert_eq!(counts.map(|count| count.as_u64().unwrap()).sum::<u64>(), own, "{left_out}");
        assert!(said.contains("1 mask among the pictures left out"), "{said}");
        assert_eq!(said.contains("that aand itself wrote left out"), own > 0, "{said}");
    }
    let own = run(&format!("{detect} {} {}/again/NG/9_heat.png", root.join("o").display(), data.display()));
    assert!(own.status.success(), "a heat map beside the folder is left out as well");

    let test = root.join("test");
    put(&test, "good/0.png", 0);
    put(&test, "test_me.png", 3);
    for n in 1..5 {
        put(&test, &format!("spot/cam/{n}.png"), n);
    }
    mask(&test, "ground_truth/spot/cam/1.png", |x, _| x > 3);
    mask(&test, "ground_truth/spot/cam/2.png", |x, y| (x, y) == (1, 1));
    mask(&test, "ground_truth/spot/cam/3.png", |x, _| x < 9);
    let (json, said) = told(&format!("eval {} {} --device cpu --json", model.display(), test.display()));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["counts"]["anomalous"], &json["counts"]["with_masks"]), (&4.into(), &3.into()));
    assert_eq!(json["mask_faults"].as_array().unwrap().len(), 2, "{json}");
    for line in [
        "warning: 1 mask marking most of the picture",
        "warning: 1 mask vanishing at the model's size",
        "warning: 1 picture left out, where the layout has no use for them: the folder itself (1)",
    ] {
        assert!(said.contains(line), "`{line}` is not in {said}");
    }
}

#[test]
fn textures_follow_the_same_rules() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    put(root, "parts/0.png", 1);
    put(root, "textures/b.png", 2);
    put(root, "textures/a/c.jfif", 3);
    fs::write(root.join("textures/._b.png"), [0, 5, 22, 7]).unwrap();
    fs::write(root.join("textures/d.gif"), "x").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(".", root.join("textures/again")).unwrap();
    let [parts, textures, out] =
        ["parts", "textures", "out"].map(|name| root.join(name).display().to_string());
    let (_, said) = told(&format!("synth {parts} --out {out} --count 2 --size 32 --textures {textures}"));
    assert!(said.contains("textures: 1 file of other kinds: 1 gif; left out"), "{said}");
}
