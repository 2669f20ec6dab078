//! Downloads from a server that misbehaves in every possible way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tempfile::TempDir;

use super::{content_range, is_tls};
use crate::error::{Error, Result};
use crate::hash::hex;
use crate::weights::catalog::Official;
use crate::weights::fetch::{FetchEvent, FetchOptions, fetch, fetch_file};
use crate::weights::test_server::{Answer, Server};

const LENGTH: usize = 300_000;

struct Bench {
    dir: TempDir,
    content: Vec<u8>,
    official: Official,
}

impl Bench {
    fn new() -> Self {
        let content: Vec<u8> = (0..LENGTH as u64).map(|i| (i * i % 251) as u8).collect();
        let hash = hex(Sha256::digest(&content));
        let official = Official {
            name: "small",
            file: "small.pth",
            size: LENGTH as u64,
            sha256: Box::leak(hash.into_boxed_str()),
        };
        Self { dir: tempfile::tempdir().unwrap(), content, official }
    }

    fn server(&self, script: &[Answer]) -> Server {
        Server::start(self.content.clone(), script.to_vec())
    }

    fn part(&self) -> PathBuf {
        self.dir.path().join("small.pth.part")
    }

    fn options<'a>(&self, server: &Server) -> FetchOptions<'a> {
        FetchOptions {
            base_url: Some(server.url.clone()),
            cache_dir: Some(self.dir.path().to_path_buf()),
            connect_timeout: Duration::from_secs(2),
            stall_timeout: Duration::from_millis(300),
            attempts: 3,
            pause: Duration::from_millis(5),
            progress: None,
        }
    }

    fn fetch(&self, server: &Server) -> Result<PathBuf> {
        fetch_file(&self.official, self.options(server))
    }

    fn assert_complete(&self, fetched: Result<PathBuf>) {
        let path = fetched.unwrap();
        assert_eq!(path, self.dir.path().join("small.pth"));
        assert!(std::fs::read(path).unwrap() == self.content);
        assert!(!self.part().exists());
    }
}

#[test]
fn a_good_server_gives_the_file_once_and_the_cache_afterwards() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Well]);
    let mut events = Vec::new();
    let mut listen = |event| events.push(event);
    let options = FetchOptions { progress: Some(&mut listen), ..bench.options(&server) };
    bench.assert_complete(fetch_file(&bench.official, options));
    let total = LENGTH as u64;
    assert_eq!(events.first(), Some(&FetchEvent::Bytes { done: 0, total }));
    assert_eq!(events[events.len() - 2..], [FetchEvent::Bytes { done: total, total }, FetchEvent::Checking]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [None], "the second time nothing is asked for");
}

#[test]
fn a_truncated_download_resumes_where_it_broke() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Truncated(100_000), Answer::Truncated(50_000), Answer::Well]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [None, Some(100_000), Some(150_000)]);
}

#[test]
fn an_earlier_part_file_is_continued_in_another_run() {
    let bench = Bench::new();
    let cut = bench.server(&[Answer::Truncated(1000), Answer::Truncated(1000), Answer::Truncated(1000)]);
    let error = bench.fetch(&cut).unwrap_err();
    let message = error.to_string();
    assert!(matches!(error, Error::Network(_)), "{message}");
    assert!(message.contains("broke off after 3000 of 300000 bytes"), "{message}");
    assert!(message.contains("run `aand weights fetch small` again"), "{message}");
    assert_eq!(std::fs::metadata(bench.part()).unwrap().len(), 3000);
    assert!(!bench.dir.path().join("small.pth").exists());

    let server = bench.server(&[Answer::Well]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [Some(3000)]);
}

#[test]
fn a_stall_times_out_and_the_rest_is_fetched() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Stalled(70_000), Answer::Well]);
    let mut reasons = Vec::new();
    let mut listen = |event| {
        if let FetchEvent::Retry(reason) = event {
            reasons.push(reason);
        }
    };
    let options = FetchOptions { progress: Some(&mut listen), ..bench.options(&server) };
    bench.assert_complete(fetch_file(&bench.official, options));
    assert_eq!(server.starts(), [None, Some(70_000)]);
    assert_eq!(reasons, ["the server was silent for 0.3 s and 70000 of 300000 bytes"]);
}

#[test]
fn a_server_that_never_answers_is_given_up() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Silent, Answer::Silent, Answer::Silent]);
    let begin = Instant::now();
    let message = bench.fetch(&server).unwrap_err().to_string();
    assert!(message.contains("silent for 0.3 s") && message.contains("after 3 attempts"), "{message}");
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_server_without_ranges_gives_all_of_it_again() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Truncated(9000), Answer::WithoutRanges]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [None, Some(9000)]);
}

#[test]
fn a_false_length_is_refused_and_what_is_here_is_kept() {
    for length in [120, LENGTH + 1] {
        let bench = Bench::new();
        let server = bench.server(&[Answer::Truncated(5000), Answer::OfLength(length)]);
        let error = bench.fetch(&server).unwrap_err();
        let message = error.to_string();
        assert!(matches!(error, Error::Setting(_)) && !error.is_temporary(), "{message}");
        let expected = format!("offers a file of {length} bytes where 300000 are expected");
        assert!(message.contains(&expected) && message.contains("--weights FILE"), "{message}");
        assert_eq!(std::fs::metadata(bench.part()).unwrap().len(), 5000);
    }
}

#[test]
fn wrong_bytes_are_removed_and_both_hashes_named() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::OfLength(LENGTH)]);
    let message = bench.fetch(&server).unwrap_err().to_string();
    let found = hex(Sha256::digest(vec![b'x'; LENGTH]));
    let hashes = format!("SHA-256 {} expected, {found} found", bench.official.sha256);
    assert!(message.contains(&hashes), "{message}");
    assert!(std::fs::read_dir(bench.dir.path()).unwrap().next().is_none(), "nothing is left");
}

#[test]
fn wrong_bytes_of_an_earlier_run_are_found_out() {
    let bench = Bench::new();
    std::fs::write(bench.part(), vec![b'x'; 2000]).unwrap();
    let server = bench.server(&[Answer::Well, Answer::Well]);
    assert!(bench.fetch(&server).unwrap_err().to_string().contains("SHA-256"));
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [Some(2000), None]);
}

#[test]
fn more_than_the_file_is_never_written() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Endless]);
    let message = bench.fetch(&server).unwrap_err().to_string();
    assert!(message.contains("SHA-256"), "{message}");
    std::fs::write(bench.part(), vec![b'x'; LENGTH + 5]).unwrap();
    let server = bench.server(&[Answer::Well]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [None], "a part that is too long is of another file");
}

#[test]
fn pieces_and_wrong_starts_are_coped_with() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Truncated(10), Answer::Piece(90), Answer::Well]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [None, Some(10), Some(100)]);

    let bench = Bench::new();
    let server = bench.server(&[Answer::Truncated(10), Answer::WrongStart, Answer::Well]);
    bench.assert_complete(bench.fetch(&server));
    assert_eq!(server.starts(), [None, Some(10), None]);
}

#[test]
fn not_found_is_final_and_busy_is_not() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Status(404), Answer::Well]);
    let error = bench.fetch(&server).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("small.pth: the server answered 404"), "{message}");
    assert!(matches!(error, Error::Setting(_)) && !error.is_temporary(), "{message}");
    assert_eq!(server.starts().len(), 1);

    let server = bench.server(&[Answer::Status(503), Answer::Status(416), Answer::Well]);
    bench.assert_complete(bench.fetch(&server));
}

#[test]
fn nobody_listening_is_a_network_error() {
    let bench = Bench::new();
    let server = bench.server(&[]);
    let options = bench.options(&server);
    drop(server);
    let error = fetch_file(&bench.official, options).unwrap_err();
    assert!(matches!(&error, Error::Network(message) if message.contains("no connection")), "{error}");
}

#[test]
fn a_damaged_file_in_the_cache_is_replaced() {
    let bench = Bench::new();
    std::fs::write(bench.dir.path().join("small.pth"), vec![b'x'; LENGTH]).unwrap();
    bench.assert_complete(bench.fetch(&bench.server(&[Answer::Well])));
}

#[test]
fn two_processes_do_not_write_the_same_part() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Well]);
    let other = std::fs::File::create(bench.part()).unwrap();
    other.lock().unwrap();
    let message = bench.fetch(&server).unwrap_err().to_string();
    assert!(message.contains("another `aand weights fetch`"), "{message}");
    drop(other);
    bench.assert_complete(bench.fetch(&server));
}

#[test]
fn an_unknown_name_is_refused_before_any_request() {
    let bench = Bench::new();
    let server = bench.server(&[Answer::Well]);
    assert!(matches!(fetch("resnet19", bench.options(&server)), Err(Error::Setting(_))));
    assert!(server.starts().is_empty());
}

#[test]
fn content_ranges_are_understood() {
    assert_eq!(content_range("bytes 100-199/200"), Some((100, Some(200))));
    assert_eq!(content_range("bytes 0-9/*"), Some((0, None)));
    assert_eq!(content_range("bytes */200"), None);
    assert_eq!(content_range("items 1-2/3"), None);
}

#[test]
fn tls_is_kept_however_the_scheme_is_spelled() {
    assert!(["https://a/", "HTTPS://a/", "Https:"].iter().all(|url| is_tls(url)));
    assert!(["http://a/", "", "https", "httpß://"].iter().all(|url| !is_tls(url)));
}
