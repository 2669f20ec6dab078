//! Pictures in, results out.

use crate::client::{Service, one, png};
use crate::program::{damaged, other_model, part, printed, text, with_model};
use serde_json::Value;

/// Scores and regions are those of `aand detect`, to the last bit, also where others are computed in the same batch.
#[test]
fn scores_are_those_of_detect() {
    let (folder, service) = one("--batch 4 --wait 20");
    let root = folder.path();
    let names: Vec<String> = (0..6).map(|n| format!("{n}.png")).collect();
    for (n, name) in names.iter().enumerate() {
        part(n as u32, n % 2 == 1).save(root.join("in-").with_file_name(format!("in-{name}"))).unwrap();
    }
    let inputs: Vec<String> =
        names.iter().map(|n| root.join(format!("in-{n}")).display().to_string()).collect();
    let root = root.display();
    let line = format!("detect {root}/m.aand {} --out {root}/out --device cpu --json", inputs.join(" "));
    let right: Vec<Value> = printed(&line).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(right.len(), 6);
    let bytes: Vec<Vec<u8>> = inputs.iter().map(|path| std::fs::read(path).unwrap()).collect();
    for _ in 0..3 {
        std::thread::scope(|scope| {
            for (right, bytes) in right.iter().zip(&bytes) {
                let service = &service;
                scope.spawn(move || {
                    let found = service.post("/detect", bytes);
                    assert_eq!(found.status, 200, "{}", text(&found.body));
                    let found = found.json();
                    for key in ["score", "normalized", "verdict", "regions"] {
                        assert_eq!(found[key], right[key], "{key}");
                    }
                    assert_eq!(found["threshold"], 1.5);
                    assert_eq!(found["anomalous"], right["verdict"] == "anomalous");
                });
            }
        });
    }
    assert!(service.metric("aand_compute_seconds_count") < 18.0, "none were computed together");
    // The heat map is the same picture.
    let map = service.post("/detect?map=png", &bytes[1]);
    assert_eq!((map.status, map.header("content-type")), (200, Some("image/png")));
    assert_eq!(
        map.header("aand-score").unwrap().parse::<f64>().unwrap(),
        right[1]["score"].as_f64().unwrap()
    );
    let accepted = service.ask("POST", "/detect", &[("accept", "image/png")], &bytes[1]);
    assert_eq!(accepted.body, map.body);
    let written = image::open(folder.path().join("out").join(right[1]["heat"].as_str().unwrap())).unwrap();
    assert_eq!(image::load_from_memory(&map.body).unwrap().into_rgb8(), written.into_rgb8());
}

#[test]
fn several_models_are_told_apart() {
    let (folder, model) = with_model();
    let other = folder.path().join("other part.aand");
    other_model(&other);
    let renamed = folder.path().join("o.aand");
    std::fs::rename(other, &renamed).unwrap();
    let service = Service::start(&format!("{model} {}", renamed.display()));
    let picture = png(0, true);
    let (status, words) = service.post("/detect", &picture).error();
    assert!(status == 400 && words.contains("m, o"), "{words}");
    let first = service.post("/detect?model=m", &picture).json();
    let second = service.post("/models/o/detect", &picture).json();
    assert_eq!((&first["model"], &second["model"]), (&Value::from("m"), &Value::from("o")));
    assert_ne!(first["score"], second["score"]);
    let (status, words) = service.post("/models/x/detect", &picture).error();
    assert!(status == 404 && words.contains("m, o"), "{words}");
    let twice = crate::program::complaint(&format!("serve {model} {model} --port 0 --device cpu"));
    assert!(twice.contains("already a model called m"), "{twice}");
}

/// A body that is no picture is the client's mistake: the answer says so, and nobody else is affected.
#[test]
fn what_is_no_picture_is_said() {
    let (_folder, service) = one("");
    for (name, bytes) in damaged() {
        let (status, words) = service.post("/detect", &bytes).error();
        assert!(status == 422 && words.contains("the picture sent: not a usable picture"), "{name}: {words}");
    }
    let form = service.ask("POST", "/detect", &[("content-type", "multipart/form-data; boundary=x")], b"--x");
    assert_eq!(form.status, 415);
    assert_eq!(service.ask("POST", "/detect", &[("content-encoding", "gzip")], b"x").status, 415);
    assert_eq!(service.post("/detect?map=jpg", b"x").status, 400);
    assert_eq!(service.post("/detect?mop=png", b"x").status, 400);
    assert_eq!(service.get("/detect").error().0, 405);
    assert_eq!(service.get("/nothing").error().0, 404);
    // A name that is no text.
    for (method, path) in [
        ("POST", "/models/%FF/detect"),
        ("POST", "/v2/models/%FF/infer"),
        ("GET", "/v2/models/%FF"),
        ("GET", "/v2/models/%FF/ready"),
    ] {
        let (status, words) = service.ask(method, path, &[], b"").error();
        assert!(status == 400 && words.contains("UTF-8"), "{path}: {status} {words}");
    }
    assert_eq!(service.post("/detect", &png(0, false)).status, 200);
    let all = text(&service.get("/metrics").body);
    for line in [
        r#"aand_requests_total{route="/detect",code="422"} 4"#,
        r#"aand_requests_total{route="/detect",code="200"} 1"#,
        r#"aand_model_file_unusable{model="m"} 0"#,
        "aand_queue_pictures 0",
        "# EOF",
    ] {
        assert!(all.lines().any(|found| found == line), "{line}: {all}");
    }
}
