//! A server on this machine that misbehaves as told, for the tests of downloading.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How one connection is answered.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    /// As asked, ranges included.
    Well,
    /// As asked, but closes after so many bytes.
    Truncated(usize),
    /// As asked, but falls silent after so many bytes.
    Stalled(usize),
    /// Accepts and never answers.
    Silent,
    /// The whole file whatever range is asked for.
    WithoutRanges,
    /// Announces another length than the file has and sends as much.
    OfLength(usize),
    /// At most so many bytes of the range, correctly announced.
    Piece(usize),
    /// A range that starts one byte before the one asked for.
    WrongStart,
    /// Chunks without an announced length, more than the file has.
    Endless,
    /// A status and nothing else.
    Status(u16),
}

/// Answers one connection after another by a script, then no more.
pub(super) struct Server {
    pub(super) url: String,
    /// The first byte asked for by each request so far.
    pub(super) starts: Arc<Mutex<Vec<Option<usize>>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(super) fn start(content: Vec<u8>, script: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}/models/", listener.local_addr().unwrap());
        let starts = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let (seen, stopped) = (starts.clone(), stop.clone());
        let thread = std::thread::spawn(move || {
            let deadline = Instant::now() + Duration::from_secs(20);
            let mut held = Vec::new();
            for answer in script {
                let stream = loop {
                    if stopped.load(Ordering::Relaxed) || Instant::now() > deadline {
                        return;
                    }
                    match listener.accept() {
                        Ok((stream, _)) => break stream,
                        Err(_) => std::thread::sleep(Duration::from_millis(2)),
                    }
                };
                stream.set_nonblocking(false).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
                held.extend(serve(stream, &content, &answer, &seen));
            }
            while !stopped.load(Ordering::Relaxed) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        Self { url, starts, stop, thread: Some(thread) }
    }

    pub(super) fn starts(&self) -> Vec<Option<usize>> {
        self.starts.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// Answers one request; a connection to be left hanging is handed back.
fn serve(
    mut stream: TcpStream,
    content: &[u8],
    answer: &Answer,
    seen: &Mutex<Vec<Option<usize>>>,
) -> Option<TcpStream> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return None,
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let asked: Option<usize> =
        head.split_once("range: bytes=").and_then(|(_, rest)| rest.split('-').next()?.parse().ok());
    seen.lock().unwrap().push(asked);

    let from = asked.unwrap_or(0);
    let rest = &content[from.min(content.len())..];
    let all = content.len();
    let ranged = |start: usize, length: usize| match asked {
        None => format!("200 OK\r\nContent-Length: {length}"),
        Some(_) => format!(
            "206 Partial Content\r\nContent-Range: bytes {start}-{}/{all}\r\nContent-Length: {length}",
            start + length - 1
        ),
    };
    let (status, body, hang) = match answer {
        Answer::Well => (ranged(from, rest.len()), rest.to_vec(), false),
        Answer::Truncated(count) => (ranged(from, rest.len()), rest[..*count].to_vec(), false),
        Answer::Stalled(count) => (ranged(from, rest.len()), rest[..*count].to_vec(), true),
        Answer::Silent => return Some(stream),
        Answer::WithoutRanges => (format!("200 OK\r\nContent-Length: {all}"), content.to_vec(), false),
        Answer::OfLength(length) => {
            (format!("200 OK\r\nContent-Length: {length}"), vec![b'x'; *length], false)
        }
        Answer::Piece(count) => (
            format!(
                "206 Partial Content\r\nContent-Range: bytes {from}-{}/{all}\r\nContent-Length: {count}",
                from + count - 1
            ),
            rest[..*count].to_vec(),
            false,
        ),
        Answer::WrongStart => (ranged(from - 1, rest.len() + 1), content[from - 1..].to_vec(), false),
        Answer::Endless => {
            let mut body = format!("{:x}\r\n", all + 1000).into_bytes();
            body.extend(std::iter::repeat_n(b'x', all + 1000));
            ("200 OK\r\nTransfer-Encoding: chunked".into(), body, true)
        }
        Answer::Status(code) => (format!("{code} As Told\r\nContent-Length: 0"), Vec::new(), false),
    };
    let mut message = format!("HTTP/1.1 {status}\r\nConnection: close\r\n\r\n").into_bytes();
    message.extend(body);
    // The client may have gone already: then there is nobody left to tell.
    let _ = stream.write_all(&message);
    hang.then_some(stream)
}
