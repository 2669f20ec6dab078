//! Requests that are too large, too many or too slow are refused, and the others are still served.

use crate::client::{one, png, read_answer};
use crate::program::part;
use std::io::{Cursor, Read, Write};
use std::time::{Duration, Instant};

#[test]
fn bodies_and_pictures_have_a_limit() {
    let (_folder, service) = one("--max-body 1 --max-pixels 1");
    let bomb = vec![7; (1 << 20) + 1];
    let (status, words) = service.post("/detect", &bomb).error();
    assert!(status == 413 && words.contains("1 MiB"), "{words}");
    // Without a length it is refused when it has become too long.
    let head = service.head("POST", "/detect", &[("transfer-encoding", "chunked")], 0);
    let head = head.replace("content-length: 0\r\n", "");
    let mut stream = service.raw(head.as_bytes());
    let chunk = [b"10000\r\n".as_slice(), &[7; 0x10000], b"\r\n"].concat();
    for _ in 0..20 {
        let _ = stream.write_all(&chunk);
    }
    let _ = stream.write_all(b"0\r\n\r\n");
    assert_eq!(read_answer(&mut stream).status, 413);
    // A client that asks first (`Expect`) need not send the body at all.
    let asking = [("expect", "100-continue")];
    let mut stream = service.raw(service.head("POST", "/detect", &asking, 2 << 20).as_bytes());
    assert_eq!(read_answer(&mut stream).status, 413);
    // A small file of many pixels.
    let mut large = Cursor::new(Vec::new());
    image::RgbImage::new(1001, 1000).write_to(&mut large, image::ImageFormat::Png).unwrap();
    let (status, words) = service.post("/detect", large.get_ref()).error();
    assert!(status == 422 && words.contains("1 megapixels"), "{words}");
    // One that says it is longer than it is.
    let mut stream = service.raw(service.head("POST", "/detect", &[], 1000).as_bytes());
    stream.write_all(b"half").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(service.post("/detect", &png(0, false)).status, 200);
}

/// A body is as large as its bytes, in however many pieces it comes; and one request always has room.
#[test]
fn a_body_may_come_byte_by_byte() {
    let (_folder, service) = one("--max-body 1 --max-pixels 1 --max-memory 1");
    let head = service.head("POST", "/detect", &[("transfer-encoding", "chunked")], 0);
    let mut request = head.replace("content-length: 0\r\n", "").into_bytes();
    // More bytes than the memory has KiB.
    let picture = [png(0, true), vec![0; 8 << 10]].concat();
    picture.iter().for_each(|&byte| request.extend([b'1', b'\r', b'\n', byte, b'\r', b'\n']));
    request.extend(b"0\r\n\r\n");
    let answer = read_answer(&mut service.raw(&request));
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
}

/// Once answered, a client's place in the queue is free again.
#[test]
fn one_place_is_enough_for_one_client() {
    let (_folder, service) = one("--queue 1");
    let picture = png(0, false);
    for n in 0..100 {
        assert_eq!(service.post("/detect", &picture).status, 200, "{n}");
    }
}

/// Clients that send nothing, or heads and bodies byte by byte, are dropped, and hold up nobody.
#[test]
fn slow_clients_are_let_go() {
    let (_folder, service) = one("--timeout 1");
    let started = Instant::now();
    let mut silent = service.raw(b"");
    let mut half = service.raw(b"POST /detect HTTP/1.1\r\nhost: ");
    let mut body = service.raw(service.head("POST", "/detect", &[], 1000).as_bytes());
    body.write_all(b"x").unwrap();
    assert_eq!(service.post("/detect", &png(0, false)).status, 200);
    let said = read_answer(&mut body).error();
    assert!(said.0 == 408 && said.1.contains("too slowly"), "{said:?}");
    for stream in [&mut silent, &mut half] {
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(!rest.starts_with(b"HTTP/1.1 200"));
    }
    assert!(started.elapsed() < Duration::from_secs(20));
}

/// More pictures than the queue takes: each is answered, with a result or with when to come again.
#[test]
fn a_full_queue_says_when_to_come_again() {
    let (_folder, service) = one("--queue 2 --batch 1");
    let mut large = Cursor::new(Vec::new());
    let picture = image::imageops::resize(&part(0, true), 1600, 1400, image::imageops::FilterType::Nearest);
    picture.write_to(&mut large, image::ImageFormat::Png).unwrap();
    let bytes = large.into_inner();
    let (mut done, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        let ask = || {
            let answer = service.post("/detect", &bytes);
            (answer.status, answer.header("retry-after").map(str::to_owned))
        };
        let all: Vec<_> = (0..16).map(|_| scope.spawn(ask)).collect();
        for answer in all {
            match answer.join().unwrap() {
                (200, None) => done += 1,
                (429, Some(seconds)) => {
                    assert_eq!(seconds, "1");
                    refused += 1;
                }
                other => panic!("{other:?}"),
            }
        }
    });
    assert!(done >= 2 && refused >= 1 && done + refused == 16, "{done} {refused}");
    assert_eq!(service.post("/detect", &png(0, false)).status, 200);
    assert_eq!(service.metric("aand_queue_pictures"), 0.0);
}

/// A client that leaves in the middle leaves nothing behind.
#[test]
fn clients_that_go_away_leave_their_place() {
    let (_folder, service) = one("--queue 4");
    let picture = png(0, false);
    let request = [service.head("POST", "/detect", &[], picture.len()).as_bytes(), &picture].concat();
    for n in 0..40 {
        let cut = request.len() * (n % 4 + 1) / 4;
        drop(service.raw(&request[..cut]));
    }
    service.until("an empty queue", |service| service.metric("aand_queue_pictures") == 0.0);
    assert_eq!(service.post("/detect", &picture).status, 200);
}
