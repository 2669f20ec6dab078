//! The page, and trainings on this machine.

use crate::client::{Answer, Service, png};
use crate::program::{complaint, complaint_with, model, printed, run};
use serde_json::{Value, json};
use std::io::Read;
use std::net::TcpStream;
use std::path::Path;
use tempfile::TempDir;

/// A folder with a page, and one for models.
fn place() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("dist/wasm")).unwrap();
    for (name, text) in [
        ("dist/index.html", "<p>page"),
        ("dist/program.json", "{}"),
        ("dist/main.js", "12345"),
        ("dist/wasm/a.wasm", ""),
        ("secret", "secret"),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn start(folder: &Path) -> Service {
    let root = folder.display();
    Service::start(&format!("--ui={root}/dist --models {root}/models"))
}

fn job(service: &Service, id: &Value) -> Value {
    let all = service.get("/api/jobs").json();
    all.as_array().unwrap().iter().find(|job| job["id"] == *id).cloned().unwrap_or_default()
}

fn add(service: &Service, wanted: &Value) -> Value {
    let answer = service.post("/api/jobs", wanted.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{:?}", answer.error());
    answer.json()["id"].clone()
}

fn put(service: &Service, id: &Value, n: u32, bytes: &[u8]) -> Answer {
    service.ask("PUT", &format!("/api/jobs/{id}/pictures/{n}"), &[], bytes)
}

/// A training with 6 good pictures that has not begun.
fn collect(service: &Service, name: &str, epochs: usize) -> Value {
    let id =
        add(service, &json!({ "name": name, "size": 64, "epochs_amplify": 1, "epochs_distill": epochs }));
    for n in 0..6 {
        assert_eq!(put(service, &id, n, &png(n, false)).json()["pictures"], n + 1);
    }
    id
}

fn order(service: &Service, id: &Value, order: &str) -> u16 {
    service.post(&format!("/api/jobs/{id}/{order}"), b"").status
}

fn is_in(service: &Service, id: &Value, stage: &str) -> bool {
    job(service, id)["progress"]["stage"] == stage
}

/// Reads a stream of events until it has these words.
fn hear(events: &mut TcpStream, words: &str) -> String {
    let (mut told, mut some) = (String::new(), [0; 4096]);
    while !told.contains(words) {
        let count = events.read(&mut some).unwrap();
        assert!(count > 0, "{words} never came: {told}");
        told.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    told
}

fn listen(service: &Service) -> TcpStream {
    service.raw(service.head("GET", "/api/events", &[], 0).as_bytes())
}

#[test]
fn the_page_as_a_browser_wants_it() {
    let folder = place();
    let service = start(folder.path());
    let page = service.get("/");
    assert_eq!((page.status, page.body.as_slice()), (200, b"<p>page".as_slice()));
    assert_eq!(page.header("content-type"), Some("text/html"));
    let script = service.get("/main.js");
    assert_eq!(script.header("content-type"), Some("text/javascript"));
    assert_eq!(
        (script.header("cache-control"), script.header("x-content-type-options")),
        (Some("no-cache"), Some("nosniff"))
    );
    let kept = [("if-modified-since", script.header("last-modified").unwrap())];
    assert_eq!(service.ask("GET", "/main.js", &kept, b"").status, 304);
    let part = service.ask("GET", "/main.js", &[("range", "bytes=1-2")], b"");
    assert_eq!((part.status, part.body.as_slice()), (206, b"23".as_slice()));
    assert_eq!(service.get("/wasm/a.wasm").header("content-type"), Some("application/wasm"));
    let head = service.ask("HEAD", "/main.js", &[], b"");
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("5"), 0));
    assert_eq!(service.get("/program.json").json()["name"], "aand");
    for path in ["/../secret", "/%2e%2e/secret", "/wasm", "/api", "/api/x", "/api/models/x", "/nothing"] {
        assert_eq!(service.get(path).error().0, 404, "{path}");
    }
    assert_eq!(service.post("/main.js", b"1").error().0, 404);
    assert_eq!(service.ask("PUT", "/api/jobs", &[], b"1").error().0, 405);
    assert_eq!(service.post("/detect", &png(0, false)).error().0, 404, "there is no model yet");
    let state = service.get("/api/state").json();
    assert!(state["device"].as_str().unwrap().contains("CPU") && state["models"] == json!([]), "{state}");
}

/// A page from another origin can start nothing and learns nothing useful; where others can reach the service, it
/// takes a token.
#[test]
fn only_the_own_page_begins_trainings() {
    let folder = place();
    let service = start(folder.path());
    let own = format!("http://{}", service.address);
    let wanted = br#"{"name":"x"}"#;
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("sec-fetch-site", "cross-site")],
        [("host", "evil.example")],
    ] {
        assert_eq!(service.ask("POST", "/api/jobs", &headers, wanted).status, 403, "{headers:?}");
    }
    let id = service.ask("POST", "/api/jobs", &[("origin", &own)], wanted).json()["id"].clone();
    let evil = [("origin", "http://evil.example")];
    assert_eq!(service.ask("DELETE", &format!("/api/jobs/{id}"), &evil, b"").status, 403);
    assert_eq!(service.ask("PUT", &format!("/api/jobs/{id}/pictures/0"), &evil, &png(0, false)).status, 403);
    drop(service);
    let (token, root) = ("0123456789abcdef0123", folder.path().display());
    let line = format!("--ui={root}/dist --models {root}/models --address 0.0.0.0");
    let mut service = Service::start_with(&line, &[("AAND_TOKEN", token)]);
    service.address = service.address.replace("0.0.0.0", "127.0.0.1");
    assert_eq!(service.get("/main.js").status, 200);
    assert_eq!(service.get("/program.json").json()["asks_token"], true);
    for path in ["/api/state", "/api/jobs", "/api/events", "/api/models/x"] {
        assert_eq!(service.get(path).status, 401, "{path}");
    }
    assert_eq!(service.post("/api/jobs", wanted).status, 401);
    let bearer = format!("Bearer {token}");
    assert_eq!(service.ask("POST", "/api/jobs", &[("authorization", &bearer)], wanted).status, 200);
}

/// Impossible requests are refused before anything is trained, and leave no files.
#[test]
fn impossible_trainings_are_refused() {
    let folder = place();
    let service = start(folder.path());
    for wrong in [r#"{"name":"../x"}"#, r#"{"name":"x","size":65}"#, r#"{"name":"x","sizes":64}"#, "{"] {
        assert_eq!(service.post("/api/jobs", wrong.as_bytes()).error().0, 400, "{wrong}");
    }
    let id = add(&service, &json!({ "name": "x" }));
    assert_eq!(order(&service, &id, "start"), 400, "no pictures");
    assert_eq!(put(&service, &id, 0, b"none").error().0, 422);
    assert_eq!(put(&service, &id, 5000, &png(0, false)).error().0, 413);
    // Sent again, it is the same one.
    for _ in 0..2 {
        assert_eq!(put(&service, &id, 0, &png(0, false)).json()["pictures"], 1);
    }
    assert_eq!(service.post("/api/jobs", br#"{"name":"x"}"#).error().0, 400, "the name is taken");
    for path in ["/api/jobs/99/start", "/api/jobs/99/pictures/0", &format!("/api/jobs/{id}/explode")] {
        let method = if path.contains("pictures") { "PUT" } else { "POST" };
        assert_eq!(service.ask(method, path, &[], &png(0, false)).error().0, 404, "{path}");
    }
    assert_eq!(service.ask("DELETE", &format!("/api/jobs/{id}"), &[], b"").error().0, 400, "not cancelled");
    assert_eq!(order(&service, &id, "cancel"), 200);
    assert!(!folder.path().join(format!("models/trainings/{id}")).exists());
    assert_eq!(service.ask("DELETE", &format!("/api/jobs/{id}"), &[], b"").status, 200);
    assert!(job(&service, &id).is_null());
}

#[test]
fn folders_that_will_not_do() {
    let folder = place();
    let root = folder.path().display().to_string();
    let line = format!("serve --models {root}/models --port 0 --device cpu");
    for page in [format!("--ui={root}/nothing"), format!("--ui={root}")] {
        let said = complaint(&format!("{line} {page}"));
        assert!(said.contains("web/build") && said.contains("--ui"), "{said}");
    }
    let said = complaint_with(2, &format!("{line} --ui {root}/dist"));
    assert!(said.contains("--ui=FOLDER"), "{said}");
    assert_eq!(run(&line).status.code(), Some(2), "--models is for --ui");
    let _first = start(folder.path());
    let said = complaint_with(75, &format!("{line} --ui={root}/dist"));
    assert!(said.contains("another service") && said.contains("--models"), "{said}");
}

/// Takes pictures and makes a model that is served at once and judges; the training is paused and reported
/// meanwhile.
#[test]
fn a_training_becomes_a_served_model() {
    let folder = place();
    // Models that lie in the folder are served too.
    std::fs::create_dir(folder.path().join("models")).unwrap();
    model(&folder.path().join("models/before.aand"));
    let service = start(folder.path());
    let id = collect(&service, "disc", 30);
    // A copy changes nothing.
    assert_eq!(put(&service, &id, 6, &png(2, false)).json()["pictures"], 7);
    let mut events = listen(&service);
    let first = hear(&mut events, "\n\n");
    assert!(first.contains("text/event-stream") && first.contains("event: jobs"), "{first}");
    assert_eq!(order(&service, &id, "start"), 200);
    assert_eq!(order(&service, &id, "start"), 400);
    service.until("stage 2", |s| is_in(s, &id, "distill"));
    assert_eq!(order(&service, &id, "pause"), 200);
    hear(&mut events, r#""state":"paused""#);
    let held = job(&service, &id)["progress"].clone();
    // Longer than many steps.
    std::thread::sleep(std::time::Duration::from_secs(2));
    let now = job(&service, &id)["progress"].clone();
    assert!(now["done"].as_u64().unwrap() <= held["done"].as_u64().unwrap() + 1, "{held} {now}");
    assert_eq!(service.post("/models/before/detect", &png(7, true)).status, 200);
    assert_eq!(order(&service, &id, "resume"), 200);
    hear(&mut events, r#""state":"done""#);
    let record = job(&service, &id);
    assert_eq!((&record["state"], &record["model"]), (&json!("done"), &json!("disc")), "{record}");
    let said = "1 picture left out, a copy of another: picture00006.png";
    assert_eq!(record["message"], said);
    let found = service.post("/models/disc/detect", &png(7, true)).json();
    let file = folder.path().join("models/disc.aand");
    assert_eq!(service.get("/api/models/disc").body, std::fs::read(&file).unwrap());
    // The pictures were needed for the training only.
    assert!(!folder.path().join(format!("models/trainings/{id}/pictures")).exists());
    assert_eq!(service.post("/api/jobs", br#"{"name":"disc"}"#).error().0, 400, "the name is taken");
    assert_eq!(service.ask("DELETE", &format!("/api/jobs/{id}"), &[], b"").status, 200);
    assert!(!folder.path().join(format!("models/trainings/{id}")).exists());
    // It is the training of the command line, and outlives the service.
    std::fs::create_dir(folder.path().join("good")).unwrap();
    (0..6).for_each(|n| {
        std::fs::write(folder.path().join(format!("good/picture0000{n}.png")), png(n, false)).unwrap()
    });
    let root = folder.path().display();
    printed(&format!(
        "train {root}/good --out {root}/own.aand --size 64 --epochs-amplify 1 --epochs-distill 30 --device cpu --quiet"
    ));
    drop(service);
    let again = Service::start(&format!("{root}/own.aand --ui={root}/dist --models {root}/models"));
    for name in ["disc", "own"] {
        let score = again.post(&format!("/models/{name}/detect"), &png(7, true)).json()["score"].clone();
        assert_eq!(score, found["score"], "{name}");
    }
}

/// Ended in the middle: the last state is sent, the stream of events ends, and the next service goes on.
#[test]
fn a_training_outlives_the_service_and_can_be_given_up() {
    let folder = place();
    let mut service = start(folder.path());
    let id = collect(&service, "long", 2000);
    assert_eq!(order(&service, &id, "start"), 200);
    let second = collect(&service, "later", 1);
    assert_eq!(order(&service, &second, "start"), 200);
    service.until("stage 2", |s| is_in(s, &id, "distill"));
    assert_eq!(job(&service, &second)["state"], "waiting");
    let mut events = listen(&service);
    hear(&mut events, r#""state":"training""#);
    service.signal("TERM");
    let mut told = hear(&mut events, "event: end");
    events.read_to_string(&mut told).unwrap();
    assert!(told.contains(r#""state":"stopped""#), "{told}");
    assert!(told.ends_with("\r\n0\r\n\r\n"), "the stream ends as a whole one does: {told}");
    assert_eq!(service.child.wait().unwrap().code(), Some(0), "{}", service.said());
    assert!(folder.path().join(format!("models/trainings/{id}/checkpoint")).exists());
    let service = start(folder.path());
    for id in [&id, &second] {
        assert_eq!(job(&service, id)["state"], "stopped");
    }
    let before = job(&service, &id)["progress"]["done"].as_u64().unwrap();
    assert_eq!(order(&service, &id, "resume"), 200);
    // Where it was, not from the beginning.
    service.until("stage 2 again", |s| job(s, &id)["progress"]["done"].as_u64().unwrap() > before);
    assert!(is_in(&service, &id, "distill"));
    assert_eq!(service.ask("DELETE", &format!("/api/jobs/{id}"), &[], b"").status, 400);
    assert_eq!(order(&service, &id, "cancel"), 200);
    service.until("its end", |_| !folder.path().join(format!("models/trainings/{id}")).exists());
    assert_eq!(job(&service, &id)["state"], "cancelled");
    assert!(!folder.path().join("models/long.aand").exists());
}

/// Killed: the state reported afterwards is true, the training goes on from its checkpoint, and a file that took the
/// model's name meanwhile stays.
#[test]
fn a_training_goes_on_after_a_kill() {
    let folder = place();
    let service = start(folder.path());
    let half = collect(&service, "half", 1);
    let id = collect(&service, "disc", 40);
    assert_eq!(order(&service, &id, "start"), 200);
    service
        .until("a checkpoint", |_| folder.path().join(format!("models/trainings/{id}/checkpoint")).exists());
    service.signal("KILL");
    drop(service);
    let service = start(folder.path());
    assert!(job(&service, &half).is_null(), "its pictures were still coming");
    let record = job(&service, &id);
    assert_eq!((&record["state"], &record["pictures"]), (&json!("stopped"), &json!(6)), "{record}");
    let file = folder.path().join("models/disc.aand");
    std::fs::write(&file, "mine").unwrap();
    assert_eq!(order(&service, &id, "resume"), 200);
    service.until("its end", |s| job(s, &id)["state"] == "failed");
    assert!(job(&service, &id)["message"].as_str().unwrap().contains("move it away"));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
    std::fs::remove_file(&file).unwrap();
    assert_eq!(order(&service, &id, "resume"), 200);
    service.until("the model", |s| job(s, &id)["state"] == "done");
    assert_eq!(service.post("/detect", &png(7, true)).json()["model"], "disc");
}

/// Killed between the model's file and the word that it is done: the next service knows its own file.
#[test]
fn a_model_that_was_written_in_the_last_moment_is_known() {
    let folder = place();
    let service = start(folder.path());
    let id = collect(&service, "disc", 1);
    assert_eq!(order(&service, &id, "start"), 200);
    service.until("the model", |s| job(s, &id)["state"] == "done");
    drop(service);
    let path = folder.path().join(format!("models/trainings/{id}/job.json"));
    let mut record: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    (record["state"], record["model"]) = (json!("training"), Value::Null);
    std::fs::write(&path, record.to_string()).unwrap();
    let again = start(folder.path());
    assert_eq!(job(&again, &id)["state"], "done");
    drop(again);
    record["made"] = json!("0");
    std::fs::write(&path, record.to_string()).unwrap();
    assert_eq!(job(&start(folder.path()), &id)["state"], "stopped");
}
