//! Documents that were scanned, parsed and walked already, found by the SHA-256 of their text: by
//! whoever sends the text again, and by clients that send the hash alone (automatic persisted
//! queries, and `documentId` of GraphQL over HTTP), whichever process they sent the text to. With trusted
//! documents there are no others.
//!
//! Must never keep more than it was given room for, nor let those who are not signed in push out
//! what the others use: they have a room of their own.

use std::{collections::HashMap, sync::Arc, time::Duration};

use app::App;
use async_graphql::{
    ServerError,
    parser::{parse_query, types::ExecutableDocument},
};
use moka::future::Cache;
use sha2::{Digest as _, Sha256};

use super::{
    params::{DocumentId, Params},
    refusal::Refusal,
    scan, walk,
};
use crate::{
    settings::{Limits, Settings},
    trusted::TrustedDocuments,
};

/// The SHA-256 of a document's text.
pub(crate) type Digest = [u8; 32];

/// A parsed document takes about so many times the bytes of its text, and a little for itself.
const PARSED_TIMES: usize = 16;
const PARSED_EXTRA: usize = 1_024;
/// How long other processes find a document that one was sent. Clients send what is not found again.
const SHARED_FOR: Duration = Duration::from_secs(86_400);
/// The part of the room that is for documents of those who are not signed in.
const STRANGERS_SHARE: u64 = 4;

/// A document that passed the scan and the walk.
#[derive(Debug)]
pub(crate) struct Document {
    /// Its name.
    pub(crate) digest: Digest,
    /// For the engine.
    pub(crate) parsed: ExecutableDocument,
    n_bytes: usize,
}

impl Document {
    /// Scans, parses and walks a text.
    pub(crate) fn read(text: &str, limits: &Limits) -> Result<Self, Refusal> {
        scan::scan(text, limits)?;
        let parsed = parse_query(text).map_err(|error| {
            let error = ServerError::from(error);
            let refusal = Refusal::parse(error.message);
            match error.locations.first() {
                Some(position) => refusal.at(*position),
                None => refusal,
            }
        })?;
        walk::walk(&parsed, limits)?;
        Ok(Self {
            digest: digest(text),
            parsed,
            n_bytes: text.len(),
        })
    }

    fn weight(&self) -> u32 {
        let weight = self.n_bytes.saturating_mul(PARSED_TIMES) + PARSED_EXTRA;
        u32::try_from(weight).unwrap_or(u32::MAX)
    }
}

/// Where processes find what others of them were sent.
fn shared(digest: &Digest) -> String {
    format!("graphql-document:{}", kernel::random::hex(digest))
}

fn digest(text: &str) -> Digest {
    Sha256::digest(text.as_bytes()).into()
}

/// The documents.
pub(crate) struct Documents {
    of_people: Cache<Digest, Arc<Document>>,
    of_strangers: Cache<Digest, Arc<Document>>,
    trusted: Option<Trusted>,
}

/// The only documents there are.
struct Trusted {
    documents: HashMap<Digest, Arc<Document>>,
    names: HashMap<String, Digest>,
}

impl Documents {
    /// An empty store, or the trusted documents.
    pub(crate) fn new(settings: &Settings) -> Self {
        let room = settings.limits.documents_bytes;
        let strangers = room / STRANGERS_SHARE;
        let trusted = settings.trusted_documents.as_ref();
        Self {
            of_people: cache(room.saturating_sub(strangers)),
            of_strangers: cache(strangers),
            trusted: trusted.map(|trusted| Trusted::new(trusted, &settings.limits)),
        }
    }

    /// The document that a request means. `is_stranger`: nobody is signed in.
    pub(crate) async fn find(
        &self,
        app: &App,
        params: &Params,
        is_stranger: bool,
        limits: &Limits,
    ) -> Result<Arc<Document>, Refusal> {
        let Some(text) = &params.query else {
            let named = params.document.as_ref();
            return self.named(app, named, is_stranger, limits).await;
        };
        if text.len() > limits.document_bytes {
            // Says so.
            scan::scan(text, limits)?;
        }
        let digest = digest(text);
        match &params.document {
            Some(DocumentId::Sha256(expected)) if *expected != digest => {
                return Err(Refusal::http(400, "the document has another hash"));
            }
            Some(DocumentId::Name(_)) => {
                let message = "send either `query` or a name of a document that is known here";
                return Err(Refusal::http(400, message));
            }
            Some(DocumentId::Sha256(_)) | None => {}
        }
        if let Some(trusted) = &self.trusted {
            return trusted.get(&digest);
        }
        if let Some(found) = self.kept(&digest).await {
            count("kept");
            return Ok(found);
        }
        count("parsed");
        let document = Arc::new(Document::read(text, limits)?);
        // Who sends the hash too will send it alone, perhaps to another process.
        if params.document.is_some() && !is_stranger {
            let bytes = text.as_bytes().to_vec();
            app.keep_answer(&shared(&digest), bytes.into(), SHARED_FOR)
                .await;
        }
        self.put(&document, is_stranger).await;
        Ok(document)
    }

    async fn put(&self, document: &Arc<Document>, is_stranger: bool) {
        let room = if is_stranger {
            &self.of_strangers
        } else {
            &self.of_people
        };
        room.insert(document.digest, Arc::clone(document)).await;
    }

    /// What another process was sent. What lies there under a hash that is not its own is nothing.
    async fn shared(&self, app: &App, wanted: &Digest, limits: &Limits) -> Option<Arc<Document>> {
        let bytes = app.kept_answer(&shared(wanted)).await?;
        let text = std::str::from_utf8(&bytes).ok()?;
        if digest(text) != *wanted {
            return None;
        }
        Document::read(text, limits).ok().map(Arc::new)
    }

    async fn named(
        &self,
        app: &App,
        id: Option<&DocumentId>,
        is_stranger: bool,
        limits: &Limits,
    ) -> Result<Arc<Document>, Refusal> {
        if let Some(trusted) = &self.trusted {
            return match id {
                Some(DocumentId::Sha256(digest)) => trusted.get(digest),
                Some(DocumentId::Name(name)) => match trusted.names.get(name) {
                    Some(digest) => trusted.get(digest),
                    None => Err(Refusal::untrusted()),
                },
                None => Err(Refusal::untrusted()),
            };
        }
        let Some(DocumentId::Sha256(digest)) = id else {
            count("unknown");
            return Err(Refusal::unknown_document());
        };
        if let Some(found) = self.kept(digest).await {
            count("kept");
            return Ok(found);
        }
        let found = self.shared(app, digest, limits).await;
        count(if found.is_some() { "shared" } else { "unknown" });
        let found = found.ok_or_else(Refusal::unknown_document)?;
        self.put(&found, is_stranger).await;
        Ok(found)
    }

    async fn kept(&self, digest: &Digest) -> Option<Arc<Document>> {
        match self.of_people.get(digest).await {
            Some(found) => Some(found),
            None => self.of_strangers.get(digest).await,
        }
    }
}

impl Trusted {
    fn new(trusted: &TrustedDocuments, limits: &Limits) -> Self {
        let mut all = Self {
            documents: HashMap::new(),
            names: HashMap::new(),
        };
        for (name, text) in trusted.iter() {
            // They were read with the same limits; one that is not sound is not there.
            let Ok(document) = Document::read(text, limits) else {
                continue;
            };
            all.names.insert(name.to_owned(), document.digest);
            all.documents.insert(document.digest, Arc::new(document));
        }
        all
    }

    fn get(&self, digest: &Digest) -> Result<Arc<Document>, Refusal> {
        let found = self.documents.get(digest);
        count(if found.is_some() {
            "trusted"
        } else {
            "untrusted"
        });
        found.cloned().ok_or_else(Refusal::untrusted)
    }
}

fn cache(room: u64) -> Cache<Digest, Arc<Document>> {
    Cache::builder()
        .max_capacity(room)
        .weigher(|_, document: &Arc<Document>| document.weight())
        .build()
}

fn count(found: &'static str) {
    metrics::counter!("waddlebot_graphql_documents_total", "found" => found).increment(1);
}

#[cfg(test)]
mod tests;
