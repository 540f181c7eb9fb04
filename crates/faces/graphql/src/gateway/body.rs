//! Reading a request's body.
//!
//! Must never answer before the body is read as far as its bound: a client that is still writing
//! would see a broken connection instead of the status.

use std::time::Duration;

use axum::body::Body;
use futures_util::StreamExt;
use tokio::time::timeout;

use super::refusal::Refusal;

/// How long a body may take to arrive.
const TIME: Duration = Duration::from_secs(30);
/// How many times the bound is read and thrown away for the sake of a clear answer.
const PATIENCE: usize = 4;

/// The whole body, at most `bytes_max` of it.
pub(crate) async fn read(body: Body, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    timeout(TIME, collect(body, bytes_max))
        .await
        .unwrap_or_else(|_elapsed| Err(Refusal::http(408, "the body took too long to arrive")))
}

async fn collect(body: Body, bytes_max: usize) -> Result<Vec<u8>, Refusal> {
    let mut whole = Vec::new();
    let mut n_bytes = 0_usize;
    let mut chunks = body.into_data_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_gone| Refusal::http(400, "the body ended early"))?;
        n_bytes = n_bytes.saturating_add(chunk.len());
        if n_bytes <= bytes_max {
            whole.extend_from_slice(&chunk);
        } else if n_bytes > bytes_max.saturating_mul(PATIENCE) {
            break;
        }
    }
    if n_bytes > bytes_max {
        let mut refusal = Refusal::http(413, format!("the body is longer than {bytes_max} bytes"));
        refusal.code = "QUERY_TOO_LARGE";
        return Err(refusal);
    }
    Ok(whole)
}
