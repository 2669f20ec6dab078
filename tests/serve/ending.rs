//! How the service ends, when it is asked to and when it is killed.

use crate::client::{Service, one, png, read_answer};
use crate::program::{complaint_with, with_model};
use std::io::Write;
use std::time::Duration;

/// Requests that have arrived are answered, also one whose body is half sent; then the program ends with
/// status 0.
#[test]
fn sigterm_finishes_what_is_in_flight() {
    let (_folder, mut service) = one("");
    let picture = png(0, false);
    let request = [service.head("POST", "/detect", &[], picture.len()).as_bytes(), &picture].concat();
    let mut streams: Vec<_> = (0..12).map(|n| service.raw(&request[..request.len() - n])).collect();
    // All of them have been accepted when one that came later was answered.
    assert_eq!(service.get("/v2/health/live").status, 200);
    service.signal("TERM");
    std::thread::sleep(Duration::from_millis(200));
    for (n, stream) in streams.iter_mut().enumerate() {
        stream.write_all(&request[request.len() - n..]).unwrap();
        let answer = read_answer(stream);
        assert_eq!(answer.status, 200, "{n}");
        assert!(answer.json()["score"].is_number());
    }
    assert_eq!(service.child.wait().unwrap().code(), Some(0), "{}", service.said());
    assert!(std::net::TcpStream::connect(&service.address).is_err());
}

/// A port in use may become free, because a service that is being replaced ends; an address of another machine will
/// never work.
#[test]
fn a_taken_port_is_worth_another_try() {
    let (folder, mut service) = one("");
    let model = folder.path().join("m.aand").display().to_string();
    let (_, port) = service.address.rsplit_once(':').unwrap();
    let line = format!("serve {model} --device cpu --port");
    let said = complaint_with(75, &format!("{line} {port}"));
    assert!(said.contains("cannot listen") && said.contains("--port"), "{said}");
    let token = folder.path().join("token");
    std::fs::write(&token, "0123456789abcdef").unwrap();
    // An address reserved for documentation, which no machine has.
    let elsewhere = format!("{line} 0 --address 192.0.2.1 --token-file {}", token.display());
    let said = complaint_with(1, &elsewhere);
    assert!(said.contains("cannot listen") && said.contains("--address"), "{said}");
    assert_eq!(service.end(), Some(0), "{}", service.said());
}

/// Killed: the same command serves again at once, at the same port.
#[test]
fn killed_and_started_again() {
    let (_folder, model) = with_model();
    let mut first = Service::start(&model);
    let picture = png(0, true);
    let score = first.post("/detect", &picture).json()["score"].clone();
    first.signal("KILL");
    first.child.wait().unwrap();
    let port = first.address.rsplit(':').next().unwrap().to_owned();
    let mut second = Service::start(&format!("{model} --port {port}"));
    assert_eq!(second.post("/detect", &picture).json()["score"], score);
    assert_eq!(second.end(), Some(0));
}
