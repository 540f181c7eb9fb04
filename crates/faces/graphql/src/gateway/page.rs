//! GraphiQL, served from vendored files, and the schema as text.
//!
//! Must never load anything from another server or allow inline script.

use std::{io::Read, sync::Arc};

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{Html, IntoResponse, Redirect, Response},
};
use kernel::random;

use super::{Gateway, http::text};

/// The page may run and show only what this server sends, and one style with the page's nonce.
/// GraphiQL's style sheet carries its fonts.
fn policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; \
         font-src data:; img-src 'self' data:; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

struct Asset {
    name: &'static str,
    content_type: &'static str,
    gzip: &'static [u8],
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The versions are in the names, so that a browser may keep the files for ever.
const VENDORED: [Asset; 4] = [
    Asset {
        name: "graphiql-3.9.0.min.js",
        content_type: SCRIPT,
        gzip: include_bytes!("../../vendor/graphiql.min.js.gz"),
    },
    Asset {
        name: "graphiql-3.9.0.min.css",
        content_type: STYLE,
        gzip: include_bytes!("../../vendor/graphiql.min.css.gz"),
    },
    Asset {
        name: "react-18.3.1.min.js",
        content_type: SCRIPT,
        gzip: include_bytes!("../../vendor/react.production.min.js.gz"),
    },
    Asset {
        name: "react-dom-18.3.1.min.js",
        content_type: SCRIPT,
        gzip: include_bytes!("../../vendor/react-dom.production.min.js.gz"),
    },
];

/// `GET /graphiql`.
pub(crate) async fn page(State(gateway): State<Arc<Gateway>>, parts: Parts) -> Response {
    match gateway.viewer(&parts).await {
        Ok(viewer) if gateway.may_read_schema(&viewer) => {}
        Ok(viewer) if viewer.user().is_none() => {
            return Redirect::to(&gateway.settings.sign_in_path).into_response();
        }
        Ok(_) => return StatusCode::NOT_FOUND.into_response(),
        Err(_) => return StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
    let nonce = random::hex(&random::bytes::<16>(&*gateway.app.entropy));
    let about = [
        (header::CONTENT_SECURITY_POLICY, policy(&nonce)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::REFERRER_POLICY, "no-referrer".to_owned()),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    let page = include_str!("../../assets/graphiql.html").replace("{nonce}", &nonce);
    (about, Html(page)).into_response()
}

/// `GET /graphiql/{file}`.
pub(crate) async fn asset(Path(file): Path<String>, headers: HeaderMap) -> Response {
    let own = match file.as_str() {
        "page.js" => Some((SCRIPT, include_str!("../../assets/page.js"))),
        "page.css" => Some((STYLE, include_str!("../../assets/page.css"))),
        _ => None,
    };
    if let Some((content_type, body)) = own {
        let about = [
            (header::CONTENT_TYPE, content_type),
            (header::CACHE_CONTROL, "no-cache"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        return (about, body).into_response();
    }
    let Some(asset) = VENDORED.iter().find(|asset| asset.name == file) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let takes_gzip = text(&headers, &header::ACCEPT_ENCODING)
        .is_some_and(|accepted| accepted.to_ascii_lowercase().contains("gzip"));
    let body = if takes_gzip {
        Bytes::from_static(asset.gzip)
    } else {
        match unpacked(asset.gzip) {
            Ok(body) => Bytes::from(body),
            Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        }
    };
    let about = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (header::VARY, "accept-encoding"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    let mut response = (about, body).into_response();
    if takes_gzip {
        let gzip = HeaderValue::from_static("gzip");
        response
            .headers_mut()
            .insert(header::CONTENT_ENCODING, gzip);
    }
    response
}

fn unpacked(gzip: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut body = Vec::new();
    flate2::read::GzDecoder::new(gzip).read_to_end(&mut body)?;
    Ok(body)
}

/// `GET /graphql/schema.graphql`.
pub(crate) async fn schema(State(gateway): State<Arc<Gateway>>, parts: Parts) -> Response {
    match gateway.viewer(&parts).await {
        Ok(viewer) if gateway.may_read_schema(&viewer) => {
            let about = [
                (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
                (header::CACHE_CONTROL, "no-store"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            (about, crate::sdl()).into_response()
        }
        Ok(_) => StatusCode::NOT_FOUND.into_response(),
        Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use sha2::{Digest, Sha256};

    use super::{VENDORED, unpacked};

    #[test]
    fn vendored_files_are_what_the_packages_published() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vendor");
        let list: toml::Table =
            toml::from_str(&std::fs::read_to_string(folder.join("vendor.toml")).unwrap()).unwrap();
        let mut listed = BTreeSet::from(["vendor.toml".to_owned()]);
        for file in list["file"].as_array().unwrap() {
            let name = file["file"].as_str().unwrap();
            let body = unpacked(&std::fs::read(folder.join(name)).unwrap()).unwrap();
            let hash = kernel::random::hex(&Sha256::digest(&body));
            assert_eq!(Some(hash.as_str()), file["sha256"].as_str(), "{name}");
            for key in ["name", "version", "source", "path", "licence"] {
                assert!(
                    file[key].as_str().is_some_and(|text| !text.is_empty()),
                    "{name}: {key}"
                );
            }
            listed.insert(name.to_owned());
            listed.insert(file["licence_file"].as_str().unwrap().to_owned());
        }
        let present: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(present, listed);
    }

    #[test]
    fn the_page_names_only_files_that_are_served() {
        let page = include_str!("../../assets/graphiql.html");
        let served: Vec<&str> = VENDORED
            .iter()
            .map(|a| a.name)
            .chain(["page.js", "page.css"])
            .collect();
        let named: Vec<&str> = page
            .split('"')
            .filter_map(|part| part.strip_prefix("/graphiql/"))
            .collect();
        assert_eq!(named.len(), served.len());
        for name in named {
            assert!(served.contains(&name), "{name}");
        }
        assert!(!page.contains("http:") && !page.contains("https:"));
        assert!(!page.contains("<style") && !page.contains("<script>"));
    }
}
