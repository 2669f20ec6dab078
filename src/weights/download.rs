//! Downloads one file over HTTP, in as many connections as it takes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use ureq::http::{Response, StatusCode, header};
use ureq::{Agent, Body};

use super::catalog::Official;
use super::fetch::{FetchEvent, FetchOptions};
use crate::error::{Error, Result};

/// A download in progress.
pub(super) struct Download<'a, 'p> {
    pub(super) official: &'a Official,
    pub(super) url: &'a str,
    pub(super) part: &'a File,
    pub(super) part_path: &'a Path,
    pub(super) options: &'a mut FetchOptions<'p>,
}

/// Why a connection ended early.
enum Failure {
    /// The next connection may succeed.
    Passing(String),
    /// It will fail again.
    Final(Error),
}

impl Download<'_, '_> {
    /// Continues until the part file is as long as the official one.
    pub(super) fn run(&mut self) -> Result<()> {
        let agent = self.agent();
        let mut reason = String::from("not tried");
        let mut pause = self.options.pause;
        for attempt in 0..self.options.attempts {
            if attempt > 0 {
                self.tell(FetchEvent::Retry(reason));
                std::thread::sleep(pause);
                pause *= 2;
            }
            let done = self.usable_part()?;
            if done == self.official.size {
                return Ok(());
            }
            match self.connection(&agent, done) {
                Ok(()) if self.usable_part()? == self.official.size => return Ok(()),
                // A server may give a shorter piece than requested.
                Ok(()) => reason = "the server gave only a piece of the file".into(),
                Err(Failure::Passing(why)) => reason = why,
                Err(Failure::Final(error)) => return Err(error),
            }
        }
        let kept = self.usable_part()?;
        let Official { name, size, .. } = self.official;
        Err(Error::Network(format!(
            "{}: {reason}, after {} attempts; {kept} of {size} bytes are kept: run `aand weights fetch {name}` again \
             to go on",
            self.url, self.options.attempts
        )))
    }

    fn agent(&self) -> Agent {
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // A download over TLS must not be redirected to a connection without it.
            .https_only(is_tls(self.url))
            .accept_encoding("identity")
            .user_agent(concat!("aand/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(self.options.connect_timeout))
            .timeout_connect(Some(self.options.connect_timeout))
            .timeout_recv_response(Some(self.options.stall_timeout))
            .timeout_per_read(Some(self.options.stall_timeout));
        let uri: Option<ureq::http::Uri> = self.url.parse().ok();
        if matches!(uri.as_ref().and_then(|uri| uri.host()), Some("127.0.0.1" | "localhost" | "[::1]")) {
            // A proxy from the environment cannot reach this machine's own servers.
            config = config.proxy(None);
        }
        config.build().into()
    }

    /// The length of the part file, after emptying it if it is too long to belong to this file.
    fn usable_part(&self) -> Result<u64> {
        let length = self.part.metadata().map_err(|e| Error::io(self.part_path, e))?.len();
        if length > self.official.size {
            self.restart()?;
            return Ok(0);
        }
        Ok(length)
    }

    fn restart(&self) -> Result<()> {
        self.part.set_len(0).map_err(|e| Error::io(self.part_path, e))
    }

    /// One request for everything after the first `done` bytes.
    fn connection(&mut self, agent: &Agent, done: u64) -> std::result::Result<(), Failure> {
        let mut request = agent.get(self.url);
        if done > 0 {
            request = request.header(header::RANGE, format!("bytes={done}-"));
        }
        let mut response = request.call().map_err(|e| self.request_failure(e))?;
        let done = self.start_of(&response, done)?;
        self.receive(&mut response, done)
    }

    /// The byte of the file at which the response begins; the part file is cut to match.
    fn start_of(&self, response: &Response<Body>, done: u64) -> std::result::Result<u64, Failure> {
        let size = self.official.size;
        let announced = response.body().content_length();
        match response.status() {
            StatusCode::OK => {
                if let Some(length) = announced.filter(|&length| length != size) {
                    return Err(Failure::Final(self.another_file(length)));
                }
                // The server does not support ranges: everything is sent again.
                self.restart().map_err(Failure::Final)?;
                Ok(0)
            }
            StatusCode::PARTIAL_CONTENT => {
                let range =
                    response.headers().get(header::CONTENT_RANGE).and_then(|value| value.to_str().ok());
                let (start, total) = range.and_then(content_range).unwrap_or((u64::MAX, None));
                if let Some(total) = total.filter(|&total| total != size) {
                    return Err(Failure::Final(self.another_file(total)));
                }
                if start != done {
                    self.restart().map_err(Failure::Final)?;
                    return Err(Failure::Passing(
                        "the server resumed at another place than asked for".into(),
                    ));
                }
                if let Some(length) = announced.filter(|&length| length > size - done) {
                    return Err(Failure::Final(self.another_file(done + length)));
                }
                Ok(done)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => {
                self.restart().map_err(Failure::Final)?;
                Err(Failure::Passing("the server refused to resume".into()))
            }
            status if status.is_server_error() || matches!(status.as_u16(), 408 | 429) => {
                Err(Failure::Passing(format!("the server answered {status}")))
            }
            // Not a network problem: the same request would fail again.
            status => Err(Failure::Final(Error::Setting(format!(
                "{}: the server answered {status}; {}",
                self.url,
                self.by_hand()
            )))),
        }
    }

    fn receive(&mut self, response: &mut Response<Body>, mut done: u64) -> std::result::Result<(), Failure> {
        let size = self.official.size;
        let on_disk = |e| Failure::Final(Error::io(self.part_path, e));
        let mut part = self.part;
        part.seek(SeekFrom::Start(done)).map_err(on_disk)?;
        self.tell(FetchEvent::Bytes { done, total: size });
        let announced = response.body().content_length().map(|length| done + length);
        let mut body = response.body_mut().as_reader();
        let mut buffer = vec![0; 1 << 16];
        while done < size {
            // Never more than the file's length, however much the server sends.
            let capacity = buffer.len().min(usize::try_from(size - done).unwrap_or(usize::MAX));
            let count = body.read(&mut buffer[..capacity]).map_err(|e| self.body_failure(&e, done))?;
            if count == 0 {
                if announced == Some(done) {
                    break;
                }
                return Err(Failure::Passing(format!(
                    "the connection broke off after {done} of {size} bytes"
                )));
            }
            part.write_all(&buffer[..count]).map_err(|e| Failure::Final(Error::io(self.part_path, e)))?;
            done += count as u64;
            self.tell(FetchEvent::Bytes { done, total: size });
        }
        Ok(())
    }

    fn request_failure(&self, error: ureq::Error) -> Failure {
        match error {
            ureq::Error::Timeout(_) => Failure::Passing(self.silence()),
            ureq::Error::Io(e) => Failure::Passing(format!("no connection: {e}")),
            ureq::Error::ConnectionFailed => Failure::Passing("no connection".into()),
            ureq::Error::Protocol(e) => Failure::Passing(format!("the answer is no HTTP: {e}")),
            other => Failure::Final(Error::Network(format!("{}: {other}; {}", self.url, self.by_hand()))),
        }
    }

    fn body_failure(&self, error: &std::io::Error, done: u64) -> Failure {
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        let stalled =
            error.kind() == std::io::ErrorKind::TimedOut || matches!(inner, Some(ureq::Error::Timeout(_)));
        let size = self.official.size;
        Failure::Passing(match stalled {
            true => format!("{} and {done} of {size} bytes", self.silence()),
            false => format!("the connection broke off after {done} of {size} bytes ({error})"),
        })
    }

    fn silence(&self) -> String {
        format!("the server was silent for {:.1} s", self.options.stall_timeout.as_secs_f64())
    }

    fn another_file(&self, length: u64) -> Error {
        Error::Setting(format!(
            "{}: the server offers a file of {length} bytes where {} are expected (a login page in between?); {}",
            self.url,
            self.official.size,
            self.by_hand()
        ))
    }

    fn by_hand(&self) -> &'static str {
        "try another network or --url MIRROR, or download it by hand and give --weights FILE"
    }

    fn tell(&mut self, event: FetchEvent) {
        if let Some(progress) = self.options.progress.as_mut() {
            progress(event);
        }
    }
}

/// Whether the address uses TLS; the scheme may be in capitals.
fn is_tls(url: &str) -> bool {
    url.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// First byte and, if known, whole length in a `Content-Range` such as `bytes 100-199/200`.
fn content_range(value: &str) -> Option<(u64, Option<u64>)> {
    let (range, total) = value.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, total.trim().parse().ok()))
}

#[cfg(test)]
#[path = "download_tests.rs"]
mod tests;
