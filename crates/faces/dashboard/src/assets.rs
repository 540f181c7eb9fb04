//! The style sheet, scripts and pictures, compiled into the program. One hash over all of them is
//! part of every address, so that browsers keep them for ever and a new build is a new address.
//! Nothing here is secret and nothing is read from disk.

use std::sync::LazyLock;

use axum::{
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::random::hex;
use sha2::{Digest, Sha256};

struct Asset {
    name: &'static str,
    kind: &'static str,
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal, $kind:literal, $path:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            bytes: include_bytes!($path),
        }
    };
}

static ASSETS: [Asset; 13] = [
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
        "follow.js",
        "text/javascript; charset=utf-8",
        "../assets/follow.js"
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
        "livebar.js",
        "text/javascript; charset=utf-8",
        "../assets/livebar.js"
    ),
    asset!(
        "look.js",
        "text/javascript; charset=utf-8",
        "../assets/look.js"
    ),
    asset!(
        "passkey.js",
        "text/javascript; charset=utf-8",
        "../assets/passkey.js"
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
        hash.update(asset.bytes);
    }
    hex(&hash.finalize()).chars().take(16).collect()
});

/// The address of an asset.
pub(crate) fn url(name: &str) -> String {
    debug_assert!(ASSETS.iter().any(|a| a.name == name), "no asset `{name}`");
    format!("/assets/{}/{name}", *BUNDLE)
}

/// Serves an asset. An address of an earlier build gets today's file, which may not be kept.
pub(crate) async fn serve(Path((bundle, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|a| a.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let keep = if bundle == *BUNDLE {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let fields = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static(keep)),
    ];
    (fields, asset.bytes).into_response()
}

/// The picture browsers ask for by themselves.
pub(crate) async fn favicon() -> Response {
    serve(Path((String::new(), "duck.svg".to_owned()))).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Vendored {
        file: Vec<Entry>,
    }

    #[derive(Deserialize)]
    struct Entry {
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
        let fresh = serve(path(&BUNDLE)).await;
        assert!(
            fresh.headers()["cache-control"]
                .to_str()
                .unwrap()
                .contains("immutable")
        );
        let old = serve(path("0123")).await;
        assert_eq!(old.headers()["cache-control"], "no-cache");
        let none = serve(Path((BUNDLE.clone(), "../Cargo.toml".to_owned()))).await;
        assert_eq!(none.status(), StatusCode::NOT_FOUND);
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
