//! The style sheet, scripts and pictures, compiled into the program. One hash over all of them is
//! part of every address, so that browsers keep them for ever and a new build is a new address.
//! Nothing here is secret and nothing is read from disk.

use std::{io::Write, sync::LazyLock};

use axum::{
    extract::Path,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use sha2::{Digest, Sha256};

struct Asset {
    name: &'static str,
    kind: &'static str,
    plain: &'static [u8],
    gzip: LazyLock<Vec<u8>>,
}

macro_rules! asset {
    ($name:literal, $kind:literal, $path:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            plain: include_bytes!($path),
            gzip: LazyLock::new(|| gzip(include_bytes!($path))),
        }
    };
}

static ASSETS: [Asset; 9] = [
    asset!("app.css", "text/css; charset=utf-8", "../assets/app.css"),
    asset!("duck.svg", "image/svg+xml", "../assets/duck.svg"),
    asset!(
        "theme.js",
        "text/javascript; charset=utf-8",
        "../assets/theme.js"
    ),
    asset!(
        "app.js",
        "text/javascript; charset=utf-8",
        "../assets/app.js"
    ),
    asset!(
        "keys.js",
        "text/javascript; charset=utf-8",
        "../assets/keys.js"
    ),
    asset!(
        "live.js",
        "text/javascript; charset=utf-8",
        "../assets/live.js"
    ),
    asset!(
        "switch.js",
        "text/javascript; charset=utf-8",
        "../assets/switch.js"
    ),
    asset!(
        "times.js",
        "text/javascript; charset=utf-8",
        "../assets/times.js"
    ),
    asset!(
        "htmx.js",
        "text/javascript; charset=utf-8",
        "../vendor/htmx.min.js"
    ),
];

/// Sixteen hexadecimal digits that change when any asset changes.
static BUNDLE: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    for asset in &ASSETS {
        hash.update(asset.name.as_bytes());
        hash.update(asset.plain);
    }
    hex(&hash.finalize()).chars().take(16).collect()
});

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    // Writing to memory cannot fail; an empty answer would only mean «send it plain».
    if encoder.write_all(plain).is_err() {
        return Vec::new();
    }
    encoder.finish().unwrap_or_default()
}

/// The address of an asset.
pub(crate) fn url(name: &str) -> String {
    debug_assert!(ASSETS.iter().any(|a| a.name == name), "no asset `{name}`");
    format!("/assets/{}/{name}", *BUNDLE)
}

/// Serves an asset. An address of an earlier build gets today's file, which may not be kept.
pub(crate) async fn serve(
    Path((bundle, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let keep = if bundle == *BUNDLE {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let mut response = if accepts_gzip(&headers) && !asset.gzip.is_empty() {
        let mut response = asset.gzip.as_slice().into_response();
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        response
    } else {
        asset.plain.into_response()
    };
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.kind));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static(keep));
    fields.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    response
}

/// The picture browsers ask for by themselves.
pub(crate) async fn favicon(headers: HeaderMap) -> Response {
    serve(Path((String::new(), "duck.svg".to_owned())), headers).await
}

/// Whether the browser takes gzip: the word occurs and is not refused with `q=0`.
fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers
        .get(header::ACCEPT_ENCODING)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|list| {
            list.split(',').any(|item| {
                let mut parts = item.split(';').map(str::trim);
                parts.next() == Some("gzip") && !parts.any(|p| p == "q=0" || p == "q=0.0")
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Vendored {
        file: Vec<File>,
    }

    #[derive(Deserialize)]
    struct File {
        name: String,
        version: String,
        file: String,
        sha256: String,
        licence: String,
        licence_file: String,
        source: String,
    }

    #[test]
    fn vendored_files_are_the_ones_that_were_reviewed() {
        let vendor = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor");
        let list = std::fs::read_to_string(vendor.join("vendor.toml")).unwrap();
        let list: Vendored = toml::from_str(&list).unwrap();
        let mut listed = vec!["vendor.toml".to_owned()];
        for file in list.file {
            let bytes = std::fs::read(vendor.join(&file.file)).unwrap();
            assert_eq!(hex(&Sha256::digest(&bytes)), file.sha256, "{}", file.file);
            for text in [&file.name, &file.version, &file.licence, &file.source] {
                assert!(!text.is_empty(), "{}", file.file);
            }
            listed.push(file.file);
            listed.push(file.licence_file);
        }
        for entry in std::fs::read_dir(vendor).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(listed.contains(&name), "{name} is not in vendor.toml");
        }
    }

    #[tokio::test]
    async fn an_asset_of_this_build_may_be_kept_for_ever_and_an_old_address_may_not() {
        let path = |bundle: &str| Path((bundle.to_owned(), "app.css".to_owned()));
        let fresh = serve(path(&BUNDLE), HeaderMap::new()).await;
        assert!(
            fresh.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        let old = serve(path("0123"), HeaderMap::new()).await;
        assert_eq!(old.headers()["cache-control"], "no-cache");
        let none = serve(
            Path((BUNDLE.clone(), "../Cargo.toml".to_owned())),
            HeaderMap::new(),
        )
        .await;
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
    }

    #[tokio::test]
    async fn gzip_is_sent_to_those_who_take_it() {
        let ask = async |accepts: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepts));
            let response = serve(Path((BUNDLE.clone(), "htmx.js".to_owned())), headers).await;
            response.headers().contains_key(header::CONTENT_ENCODING)
        };
        assert!(ask("br, gzip;q=0.8").await);
        assert!(!ask("gzip;q=0").await);
        assert!(!ask("identity").await);
    }

    /// The content-security policy forbids them, so they would silently do nothing.
    #[test]
    fn templates_have_no_inline_script_style_or_handler() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            for bad in [
                " style=",
                "<style",
                " onclick=",
                " onsubmit=",
                " onchange=",
                "javascript:",
                "hx-on",
            ] {
                assert!(!text.contains(bad), "{}: {bad}", path.display());
            }
            for script in text.split("<script").skip(1) {
                assert!(
                    script.split('>').next().unwrap().contains("src="),
                    "{}",
                    path.display()
                );
            }
        }
    }
}
