//! A model file that changes while it is served.

use crate::client::{one, png};
use crate::program::{model, other_model};
use std::sync::atomic::{AtomicBool, Ordering};

/// Every request in progress is answered by the old or the new model; a bad file changes nothing.
#[test]
fn a_changed_model_is_taken_without_a_lost_request() {
    let (folder, service) = one("");
    let (file, draft) = (folder.path().join("m.aand"), folder.path().join("draft"));
    let picture = png(0, true);
    let score = || service.post("/detect", &picture).json()["score"].clone();
    let before = score();
    other_model(&draft);
    let (done, started) = (AtomicBool::new(false), std::time::Instant::now());
    let after = std::thread::scope(|scope| {
        let client = || {
            let mut seen = Vec::new();
            // If the other thread fails, this one must not run forever.
            while !done.load(Ordering::SeqCst) && started.elapsed().as_secs() < 150 {
                let answer = service.post("/detect", &picture);
                assert_eq!(answer.status, 200);
                seen.push(answer.json()["score"].clone());
            }
            seen
        };
        let clients: Vec<_> = (0..3).map(|_| scope.spawn(client)).collect();
        std::fs::rename(&draft, &file).unwrap();
        service.until("the new model", |_| score() != before);
        let after = score();
        // A bad one: said in the log and the metrics, and the old one serves on.
        std::fs::write(&draft, b"no model").unwrap();
        std::fs::rename(&draft, &file).unwrap();
        service.until("the warning", |s| s.said().contains("the model read before is served on"));
        assert_eq!(service.metric(r#"aand_model_file_unusable{model="m"}"#), 1.0);
        assert_eq!(service.metric(r#"aand_reloads_total{model="m",result="failed"}"#), 1.0);
        assert!(service.get("/v2/models/m").json()["parameters"]["file_trouble"].is_string());
        assert_eq!(score(), after);
        // The first one again, written slowly in place.
        model(&draft);
        let bytes = std::fs::read(&draft).unwrap();
        for part in 1..=4 {
            std::fs::write(&file, &bytes[..bytes.len() * part / 4]).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        service.until("the first model", |_| score() == before);
        done.store(true, Ordering::SeqCst);
        for client in clients {
            let seen = client.join().unwrap();
            assert!(seen.len() > 3 && seen.iter().all(|score| *score == before || *score == after));
        }
        after
    });
    assert_ne!(before, after);
    assert_eq!(service.metric(r#"aand_model_file_unusable{model="m"}"#), 0.0);
    std::fs::remove_file(&file).unwrap();
    service.until("the warning", |s| s.said().contains("is gone"));
    assert_eq!(score(), before);
}
