//! The page's files. Only files in its folder, under plain names, are served; any other path is not found.

use super::failure::{Failure, Outcome};
use super::routes;
use super::service::{Service, blocking};
use crate::{Error, Result};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use percent_encoding::percent_decode_str;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use tower_http::services::ServeFile;

/// The page's folder, with links resolved.
#[derive(Clone, Debug)]
pub struct Page(PathBuf);

impl Page {
    /// The page that `web/build` made in a folder.
    ///
    /// # Errors
    /// The folder does not have it.
    pub fn open(folder: &Path) -> Result<Self> {
        let real = folder.canonicalize().map_err(|e| Error::io(folder, e))?;
        // Without the list of its files, which is written last, it is incomplete.
        match ["index.html", "program.json"].iter().find(|name| !real.join(name).is_file()) {
            None => Ok(Self(real)),
            Some(name) => Err(Error::Setting(format!(
                "{}: no page is built here ({name} is missing); make one with web/build, or name its folder with `ui`",
                folder.display()
            ))),
        }
    }

    /// The file at a path of the page. Hidden files, and links that lead out of the folder, do not count.
    fn find(&self, path: &str) -> Option<PathBuf> {
        let decoded = percent_decode_str(path).decode_utf8().ok()?;
        let name = match decoded.strip_prefix('/')? {
            "" => "index.html",
            name => name,
        };
        let plain = |part: &str| {
            let mut parts = Path::new(part).components();
            let alone =
                matches!((parts.next(), parts.next()), (Some(Component::Normal(own)), None) if own == part);
            alone && !part.starts_with('.') && !part.contains(['\\', ':', '\0'])
        };
        if !name.split('/').all(plain) {
            return None;
        }
        let real = self.0.join(name).canonicalize().ok()?;
        (real.starts_with(&self.0) && real.is_file()).then_some(real)
    }
}

/// A file of the page; ranges and dates are tower-http's.
pub async fn file(State(service): State<Arc<Service>>, method: Method, request: Request) -> Response {
    if !matches!(method, Method::GET | Method::HEAD) {
        return routes::unknown(request).await.into_response();
    }
    match found(&service, request.uri().path().to_owned()).await {
        Ok(Some(path)) => match ServeFile::new(&path).try_call(request).await {
            Ok(response) => response.into_response(),
            Err(error) => Failure::from(Error::io(&path, error)).into_response(),
        },
        Ok(None) => routes::unknown(request).await.into_response(),
        Err(failure) => failure.into_response(),
    }
}

async fn found(service: &Service, path: String) -> Outcome<Option<PathBuf>> {
    let Some((page, _)) = service.ui.clone() else { return Ok(None) };
    blocking(move || Ok(page.find(&path))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_page_and_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("dist");
        fs::create_dir_all(root.join("js")).unwrap();
        fs::create_dir_all(root.join(".git")).unwrap();
        assert!(Page::open(&root).unwrap_err().to_string().contains("web/build"));
        for name in ["index.html", "program.json", "js/a b.js", ".hidden", ".git/config", "../secret"] {
            fs::write(root.join(name), name).unwrap();
        }
        let page = Page::open(&root).unwrap();
        let read = |path: &str| page.find(path).map(|path| fs::read_to_string(path).unwrap());
        for (path, file) in
            [("/", "index.html"), ("/js/a%20b.js", "js/a b.js"), ("/%6As/a b.js", "js/a b.js")]
        {
            assert_eq!(read(path).as_deref(), Some(file), "{path}");
        }
        for path in [
            "/../secret",
            "/%2e%2e/secret",
            "/js/../../secret",
            "/js/..%2f..%2fsecret",
            "/..%5csecret",
            "//index.html",
            "/js//a b.js",
            "/js/",
            "/js",
            "/.hidden",
            "/.git/config",
            "/index.html/",
            "/index.html%00",
            "/%ff",
            "",
            "index.html",
            "/./index.html",
            "/C:/x",
            "/nothing",
        ] {
            assert_eq!(read(path), None, "{path}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(folder.path().join("secret"), root.join("out")).unwrap();
            std::os::unix::fs::symlink(folder.path(), root.join("js/up")).unwrap();
            std::os::unix::fs::symlink(root.join("index.html"), root.join("in.html")).unwrap();
            assert_eq!((read("/out"), read("/js/up/secret")), (None, None));
            assert_eq!(read("/in.html").as_deref(), Some("index.html"));
        }
    }
}
