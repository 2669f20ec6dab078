//! Whose requests are answered.

use crate::client::{Service, one, png};
use crate::program::{run, text, with_model};

#[test]
fn pages_of_elsewhere_are_refused() {
    let (_folder, service) = one("--allow-host line7");
    let picture = png(0, false);
    let post = |headers: &[(&str, &str)]| service.ask("POST", "/detect", headers, &picture).status;
    assert_eq!(post(&[("host", "evil.example")]), 403);
    assert_eq!(post(&[("host", "line7:9")]), 200);
    assert_eq!(post(&[("origin", "http://evil.example")]), 403);
    assert_eq!(post(&[("origin", &format!("http://{}", service.address))]), 200);
    assert_eq!(post(&[("sec-fetch-site", "cross-site")]), 403);
    assert_eq!(service.ask("GET", "/metrics", &[("host", "evil.example")], &[]).status, 403);
}

/// Any address but this machine's own needs a token, and with one nothing is answered without it.
#[test]
fn others_need_a_token() {
    let (folder, model) = with_model();
    let wrong = run(&format!("serve {model} --address 0.0.0.0 --port 0 --device cpu"));
    assert_eq!(wrong.status.code(), Some(2));
    let said = text(&wrong.stderr);
    assert!(said.contains("--token-file") && said.contains("AAND_TOKEN"), "{said}");
    let file = folder.path().join("token");
    std::fs::write(&file, "short").unwrap();
    let flags = format!("{model} --address 0.0.0.0 --token-file {}", file.display());
    let said = crate::program::complaint(&format!("serve {flags} --port 0 --device cpu"));
    assert!(said.contains("16 or more"), "{said}");
    let token = "0123456789abcdef0123";
    std::fs::write(&file, format!("{token}\n")).unwrap();
    let mut by_file = Service::start(&flags);
    let by_environment = Service::start_with(&model, &[("AAND_TOKEN", token)]);
    by_file.address = by_file.address.replace("0.0.0.0", "127.0.0.1");
    for service in [by_file, by_environment] {
        let picture = png(0, false);
        let post = |given: &str| service.ask("POST", "/detect", &[("authorization", given)], &picture);
        assert_eq!(post(&format!("Bearer {token}")).status, 200);
        assert_eq!(post("Bearer 0123456789abcdef0124").status, 401);
        assert_eq!(service.post("/detect", &picture).status, 401);
        for path in ["/metrics", "/", "/js/main.js", "/modelsx"] {
            assert_eq!(service.get(path).status, 401, "{path}");
        }
        assert_eq!(service.get("/v2/health/ready").status, 200);
        assert!(!service.said().contains(token));
    }
}
