//! Decides whose requests are answered.
//!
//! Any page that a browser on this machine shows may send requests to a service on the loopback address. Two rules keep
//! such pages out. First, the host name in a request must be an IP address or a known name: a page whose own name was
//! made to point here (DNS rebinding) has another name. Second, a request from a page must come from a page of this
//! service: browsers state a page's origin in `Origin`, which no page can forge. Programs send no `Origin`.

use super::failure::Failure;
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, Request, StatusCode, Uri};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use subtle::ConstantTimeEq;

/// A token with fewer characters could be guessed.
const SHORTEST_TOKEN: usize = 16;

/// If the page is served, only its files are open; these paths, and everything below them, need the token.
const SECRET: [&str; 5] = ["/api", "/detect", "/metrics", "/models", "/v2"];

/// A secret. Only its hash is kept, so that a comparison always takes the same time.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token")
    }
}

impl Token {
    /// The token `text`, without surrounding white space.
    ///
    /// # Errors
    /// It is too short, or has characters that cannot be in a header.
    pub fn new(text: &str) -> crate::Result<Self> {
        let text = text.trim();
        if text.len() < SHORTEST_TOKEN || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(crate::Error::Setting(format!(
                "the token must be {SHORTEST_TOKEN} or more letters, digits and signs without blanks; make one, for \
                 example, with: openssl rand -hex 32"
            )));
        }
        Ok(Self(Sha256::digest(text).into()))
    }

    fn is(&self, offered: &[u8]) -> bool {
        let offered: [u8; 32] = Sha256::digest(offered).into();
        self.0.ct_eq(&offered).into()
    }
}

/// The rules that every request must meet.
#[derive(Debug)]
pub struct Guard {
    /// Whether only this machine can reach the service.
    loopback: bool,
    token: Option<Token>,
    hosts: Vec<String>,
    /// Whether the page is served, whose files are not secret.
    page: bool,
}

impl Guard {
    /// For a service that listens on `address`.
    pub fn new(address: SocketAddr, token: Option<Token>, hosts: Vec<String>, page: bool) -> Self {
        let hosts = hosts.into_iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { loopback: address.ip().is_loopback(), token, hosts, page }
    }

    /// Whether a token is required.
    pub fn asks_token(&self) -> bool {
        self.token.is_some()
    }

    /// Whether a request may pass.
    ///
    /// # Errors
    /// Why it may not.
    pub fn check<B>(&self, request: &Request<B>) -> Result<(), Failure> {
        let host = host_of(request.uri(), request.headers())?;
        if !self.knows(name_of(&host)) {
            return Err(Failure::forbidden(
                "this service is not called so; ask for localhost or its address, or start it with --allow-host NAME",
            ));
        }
        same_origin(request.method(), request.headers(), &host)?;
        match &self.token {
            Some(token) if !self.is_open(request.method(), request.uri().path()) => {
                let offered = request.headers().get(AUTHORIZATION).map(|value| value.as_bytes());
                let offered = offered.and_then(|value| {
                    let (kind, token) = value.split_at_checked(7)?;
                    kind.eq_ignore_ascii_case(b"Bearer ").then_some(token.trim_ascii())
                });
                match offered {
                    Some(offered) if token.is(offered) => Ok(()),
                    _ => Err(Failure::new(
                        StatusCode::UNAUTHORIZED,
                        "give the service's token in a header: Authorization: Bearer TOKEN",
                    )),
                }
            }
            _ => Ok(()),
        }
    }

    /// Whether the request is answered without a token. True for the liveness check, which schedulers make without one,
    /// and for the page's own files, which a browser cannot request with one.
    fn is_open(&self, method: &Method, path: &str) -> bool {
        let secret = |root: &&str| {
            path.strip_prefix(*root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let file = self.page && !SECRET.iter().any(secret);
        matches!(*method, Method::GET | Method::HEAD) && (file || path.starts_with("/v2/health/"))
    }

    /// Whether requests may use this host name. An IP address cannot be redirected, a name can.
    fn knows(&self, name: &str) -> bool {
        let address = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
            Some(v6) => v6.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => name.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        };
        match address {
            Some(address) if address.is_loopback() || !self.loopback => true,
            _ if name == "localhost" => true,
            _ => self.hosts.iter().any(|host| host == name),
        }
    }
}

/// Host and port from the request, in lower case.
fn host_of(uri: &Uri, headers: &HeaderMap) -> Result<String, Failure> {
    let mut named = headers.get_all(HOST).iter();
    let (host, other) = (named.next(), named.next());
    let host = host.and_then(|host| host.to_str().ok()).filter(|_| other.is_none());
    let host = host.ok_or_else(|| Failure::bad("a request needs one header Host"))?;
    if uri.authority().is_some_and(|authority| !authority.as_str().eq_ignore_ascii_case(host)) {
        return Err(Failure::bad("the request's address and its header Host differ"));
    }
    Ok(host.to_ascii_lowercase())
}

/// The name without the port.
fn name_of(host: &str) -> &str {
    let end = if host.starts_with('[') { host.find(']').map(|end| end + 1) } else { host.find(':') };
    &host[..end.unwrap_or(host.len())]
}

/// Refuses requests from pages of another origin, except reading ones, whose answers the browser hides from
/// such pages.
fn same_origin(method: &Method, headers: &HeaderMap, host: &str) -> Result<(), Failure> {
    if matches!(*method, Method::GET | Method::HEAD) {
        return Ok(());
    }
    let strange = || Err(Failure::forbidden("a page of another origin may not do this"));
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes());
    if site.is_some_and(|site| site != b"same-origin" && site != b"none") {
        return strange();
    }
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), other) = (origins.next(), origins.next()) else { return Ok(()) };
    let origin = origin.to_str().ok().filter(|_| other.is_none()).map(str::to_ascii_lowercase);
    let place = origin.as_deref().and_then(|origin| {
        let plain = origin.strip_prefix("http://").map(|place| place.strip_suffix(":80").unwrap_or(place));
        plain.or_else(|| {
            origin.strip_prefix("https://").map(|place| place.strip_suffix(":443").unwrap_or(place))
        })
    });
    let own = host.strip_suffix(":80").or(host.strip_suffix(":443")).unwrap_or(host);
    if place == Some(own) { Ok(()) } else { strange() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, method: &str, path: &str, headers: &[(&str, &str)]) -> u16 {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        guard.check(&request.body(()).unwrap()).map_or_else(|failure| failure.status.as_u16(), |()| 200)
    }

    #[test]
    fn a_name_that_leads_here_by_trickery_is_refused() {
        let own = Guard::new("127.0.0.1:80".parse().unwrap(), None, vec!["Line7".into()], false);
        let far = Guard::new("0.0.0.0:80".parse().unwrap(), None, Vec::new(), false);
        for (host, here, there) in [
            ("localhost", 200, 200),
            ("LocalHost:8080", 200, 200),
            ("127.0.0.1:1", 200, 200),
            ("127.9.9.9", 200, 200),
            ("[::1]:8080", 200, 200),
            ("line7:8080", 200, 403),
            ("192.168.0.7", 403, 200),
            ("evil.example", 403, 403),
            ("localhost.evil.example", 403, 403),
            ("127.0.0.1.evil.example", 403, 403),
            ("127.0.0.1@evil.example", 403, 403),
            ("[::1", 403, 403),
            ("", 403, 403),
        ] {
            assert_eq!(status(&own, "GET", "/v2", &[("host", host)]), here, "{host}");
            assert_eq!(status(&far, "GET", "/v2", &[("host", host)]), there, "{host}");
        }
        assert_eq!(status(&own, "GET", "/v2", &[]), 400);
        assert_eq!(status(&own, "GET", "/v2", &[("host", "localhost"), ("host", "localhost")]), 400);
        assert_eq!(status(&own, "GET", "http://evil.example/v2", &[("host", "localhost")]), 400);
    }

    #[test]
    fn pages_of_elsewhere_change_nothing() {
        let guard = Guard::new("127.0.0.1:8080".parse().unwrap(), None, Vec::new(), true);
        let host = ("host", "localhost:8080");
        for (origin, right) in [
            ("http://localhost:8080", 200),
            ("https://localhost:8080", 200),
            ("http://localhost", 403),
            ("http://localhost:8081", 403),
            ("http://127.0.0.1:8080", 403),
            ("http://evil.example", 403),
            ("null", 403),
            ("", 403),
        ] {
            assert_eq!(status(&guard, "POST", "/detect", &[host, ("origin", origin)]), right, "{origin}");
            assert_eq!(status(&guard, "GET", "/v2", &[host, ("origin", origin)]), 200, "{origin}");
        }
        assert_eq!(status(&guard, "POST", "/detect", &[host]), 200, "a program");
        assert_eq!(status(&guard, "POST", "/detect", &[host, ("sec-fetch-site", "cross-site")]), 403);
        assert_eq!(status(&guard, "POST", "/detect", &[host, ("sec-fetch-site", "same-site")]), 403);
        let plain = [("host", "localhost"), ("origin", "http://localhost:80")];
        assert_eq!(status(&guard, "DELETE", "/api/jobs/1", &plain), 200);
    }

    #[test]
    fn a_token_is_asked_for_but_not_whether_it_lives() {
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        let guard = Guard::new("0.0.0.0:1".parse().unwrap(), Some(token.clone()), Vec::new(), false);
        let asked = |guard: &Guard, method: &str, path: &str, given: Option<&str>| {
            let mut headers = vec![("host", "10.0.0.1")];
            headers.extend(given.map(|given| ("authorization", given)));
            status(guard, method, path, &headers)
        };
        let ask = |method: &str, path: &str, given: Option<&str>| asked(&guard, method, path, given);
        assert_eq!(ask("POST", "/detect", Some("Bearer 0123456789abcdef")), 200);
        assert_eq!(ask("POST", "/detect", Some("bearer 0123456789abcdef")), 200);
        for wrong in ["Bearer 0123456789abcdeF", "Bearer ", "0123456789abcdef", "Basic 0123456789abcdef", ""]
        {
            assert_eq!(ask("POST", "/detect", Some(wrong)), 401, "{wrong}");
        }
        for path in ["/detect", "/models/a/detect", "/v2", "/v2/models/a", "/metrics", "/api/state", "/api"] {
            assert_eq!(ask("GET", path, None), 401, "{path}");
        }
        for path in ["/", "/js/main.js", "/modelsx", "/v2/health", "/v2/healthy"] {
            assert_eq!(ask("GET", path, None), 401, "{path}");
        }
        for path in ["/v2/health/live", "/v2/health/ready"] {
            assert_eq!(ask("GET", path, None), 200, "{path}");
            assert_eq!(ask("HEAD", path, None), 200, "{path}");
            assert_eq!(ask("POST", path, None), 401, "{path}");
        }
        assert_eq!(ask("POST", "/", None), 401);
        // If the page is served, its files are open, and nothing else.
        let paged = Guard::new("0.0.0.0:1".parse().unwrap(), Some(token), Vec::new(), true);
        for path in ["/", "/js/main.js", "/modelsx", "/program.json", "/v2/health/live"] {
            assert_eq!(asked(&paged, "GET", path, None), 200, "{path}");
            assert_eq!(asked(&paged, "POST", path, None), 401, "{path}");
        }
        for path in ["/api", "/api/jobs", "/detect", "/models/a/detect", "/v2", "/v2/models/a", "/metrics"] {
            assert_eq!(asked(&paged, "GET", path, None), 401, "{path}");
        }
        assert!(Token::new("short").is_err() && Token::new("0123456789 abcdef").is_err());
    }
}
