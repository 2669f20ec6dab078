//! A service in a process of its own, and requests to it.

use crate::program::{part, text, with_model};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A running service; killed when it is dropped.
pub struct Service {
    pub child: Child,
    pub address: String,
    pub said: Arc<Mutex<String>>,
    reader: Option<JoinHandle<()>>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", text(&self.body)))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The status and the words of an error.
    pub fn error(&self) -> (u16, String) {
        (self.status, self.json()["error"].as_str().unwrap_or_default().to_owned())
    }
}

impl Service {
    /// Starts one on the CPU; `line` are its models and flags.
    pub fn start(line: &str) -> Self {
        Self::start_with(line, &[])
    }

    pub fn start_with(line: &str, environment: &[(&str, &str)]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_aand"))
            .args(
                format!(
                    "serve --json --device cpu {} {line}",
                    if line.contains("--port") { "" } else { "--port 0" }
                )
                .split_whitespace(),
            )
            .envs(environment.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut first = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
        let (said, mut errors) = (Arc::new(Mutex::new(String::new())), child.stderr.take().unwrap());
        let keep = Arc::clone(&said);
        let reader = std::thread::spawn(move || {
            let mut some = [0; 512];
            while let Ok(count @ 1..) = errors.read(&mut some) {
                keep.lock().unwrap().push_str(&String::from_utf8_lossy(&some[..count]));
            }
        });
        let told: Value = serde_json::from_str(&first)
            .unwrap_or_else(|e| panic!("{line}: {e}: {first}{}", said.lock().unwrap()));
        let address = told["address"].as_str().unwrap().strip_prefix("http://").unwrap().to_owned();
        Self { child, address, said, reader: Some(reader) }
    }

    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// A connection, and what is sent over it at once.
    pub fn raw(&self, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(bytes).unwrap();
        stream
    }

    /// The head of a request that closes its connection.
    pub fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> String {
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "host") {
            head += &format!("host: {}\r\n", self.address);
        }
        headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        if length > 0 || method == "POST" || method == "PUT" {
            head += &format!("content-length: {length}\r\n");
        }
        head + "\r\n"
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut stream = self.raw(self.head(method, path, headers, body.len()).as_bytes());
        // One that refuses the body may stop reading it.
        let _ = stream.write_all(body);
        read_answer(&mut stream)
    }

    pub fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], &[])
    }

    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        self.ask("POST", path, &[], body)
    }

    /// The value of a number among the metrics; 0 where there is none.
    pub fn metric(&self, name: &str) -> f64 {
        let all = text(&self.get("/metrics").body);
        let line = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }

    /// Waits until something is so.
    pub fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let end = Instant::now() + Duration::from_secs(60);
        while !is_so(self) {
            assert!(Instant::now() < end, "{what} never came: {}", self.said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Asks it to end, and waits until it has; its exit status.
    pub fn end(&mut self) -> Option<i32> {
        self.signal("TERM");
        let status = self.child.wait().unwrap().code();
        self.reader.take().map(JoinHandle::join);
        status
    }

    pub fn signal(&self, name: &str) {
        let number = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &number]).status().unwrap().success());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads an answer to its end.
pub fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).unwrap();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let end = end.unwrap_or_else(|| panic!("no answer: {}", String::from_utf8_lossy(&bytes)));
    let head = text(&bytes[..end]);
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let pair = |line: &str| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    Answer { status, headers: lines.map(pair).collect(), body: bytes[end + 4..].to_vec() }
}

/// A picture of a part as PNG.
pub fn png(n: u32, defect: bool) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    part(n, defect).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A service of one model, `m`, and the folder it lies in.
pub fn one(flags: &str) -> (TempDir, Service) {
    let (folder, model) = with_model();
    let service = Service::start(&format!("{model} {flags}"));
    (folder, service)
}
