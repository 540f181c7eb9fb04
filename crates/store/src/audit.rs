//! The audit log: append-only and hash-chained, so that a changed, removed or reordered entry is
//! found. Each hash is BLAKE3 over the previous hash and the entry's fields, each prefixed with its
//! length. Database triggers refuse UPDATE and DELETE; the chain finds what went around them.

use kernel::{CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{StoreError, sql};

/// What to record. `detail` is JSON text with the values before and after; never a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// A dotted verb: `member.role.change`.
    pub action: &'static str,
    /// What it was done to: `user:7`.
    pub object: String,
    /// The community it belongs to, if any.
    pub community: Option<CommunityId>,
    /// JSON.
    pub detail: serde_json::Value,
}

/// An entry as stored.
#[derive(Debug, Clone, PartialEq, Eq, FromQueryResult)]
pub struct Record {
    /// Position in the chain, from 1 without gaps.
    pub seq: i64,
    /// When, µs since the epoch.
    pub at: i64,
    /// Who: `user:7`, `system:retention`.
    pub actor: String,
    /// The verb.
    pub action: String,
    /// The object.
    pub object: String,
    /// The community, if any.
    pub community_id: Option<i32>,
    /// JSON text.
    pub detail: String,
    /// Hash of this entry, 64 hexadecimal characters.
    pub hash: String,
}

/// The state of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is in place.
    Intact {
        /// Number of entries.
        entries: i64,
        /// Hash of the last one; write it down elsewhere to detect a rewritten chain.
        head: String,
    },
    /// The chain is broken.
    Broken {
        /// The first position that does not fit.
        seq: i64,
        /// What is wrong there.
        reason: String,
    },
}

const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

fn link(previous: &str, record: &Record) -> String {
    let mut hasher = blake3::Hasher::new();
    let community = record
        .community_id
        .map_or(String::new(), |id| id.to_string());
    let (seq, at) = (record.seq.to_string(), record.at.to_string());
    for field in [
        previous,
        &seq,
        &at,
        &record.actor,
        &record.action,
        &record.object,
        &community,
        &record.detail,
    ] {
        hasher.update(&u64::try_from(field.len()).unwrap_or(u64::MAX).to_le_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().to_hex().to_string()
}

#[derive(PartialEq, Eq, FromQueryResult)]
struct Head {
    seq: i64,
    hash: String,
}

pub(crate) async fn append(
    conn: &impl ConnectionTrait,
    actor: &str,
    now: Timestamp,
    entries: Vec<Entry>,
) -> Result<(), StoreError> {
    // The update takes the row lock that orders writers on PostgreSQL; SQLite has one writer.
    let head: Option<Head> = sql::one(
        conn,
        "UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq, hash",
        vec![],
    )
    .await?;
    let Head {
        mut seq,
        hash: mut previous,
    } = head.ok_or_else(|| StoreError::Data("the audit chain has no head".to_owned()))?;
    let mut rows = Vec::with_capacity(entries.len());
    for entry in entries {
        seq += 1;
        let mut record = Record {
            seq,
            at: now.0,
            actor: actor.to_owned(),
            action: entry.action.to_owned(),
            object: entry.object,
            community_id: entry.community.map(|id| id.0),
            detail: entry.detail.to_string(),
            hash: String::new(),
        };
        record.hash = link(&previous, &record);
        previous.clone_from(&record.hash);
        rows.push(vec![
            record.seq.into(),
            record.at.into(),
            record.actor.into(),
            record.action.into(),
            record.object.into(),
            record.community_id.into(),
            record.detail.into(),
            record.hash.into(),
        ]);
    }
    sql::insert(
        conn,
        "INSERT INTO audit (seq, at, actor, action, object, community_id, detail, hash)",
        rows,
        "",
    )
    .await?;
    sql::execute(
        conn,
        "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1",
        vec![seq.into(), previous.into()],
    )
    .await?;
    Ok(())
}

/// The newest entries before `before` (exclusive; `None` = from the end), newest first.
pub async fn latest(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Record>, StoreError> {
    sql::all(
        conn,
        "SELECT seq, at, actor, action, object, community_id, detail, hash FROM audit \
         WHERE seq < $1 AND ($2 = 0 OR community_id = $2) ORDER BY seq DESC LIMIT $3",
        vec![
            before.unwrap_or(i64::MAX).into(),
            community.map_or(0, |id| id.0).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}

/// Reads the whole chain in pages of 1,000 and checks every link. Others may append meanwhile: what
/// they append is checked too.
pub async fn verify(conn: &impl ConnectionTrait) -> Result<Verdict, StoreError> {
    let mut previous = GENESIS.to_owned();
    let mut seq = 0;
    // Where the chain ended when all before was read; rows and head are written together, so a head
    // that has moved on has its rows.
    let mut end = None;
    loop {
        let page: Vec<Record> = sql::all(
            conn,
            "SELECT seq, at, actor, action, object, community_id, detail, hash FROM audit \
             WHERE seq > $1 ORDER BY seq LIMIT 1000",
            vec![seq.into()],
        )
        .await?;
        if page.is_empty() {
            let head = head(conn).await?;
            if head == end || head.as_ref().is_some_and(|head| head.seq <= seq) {
                end = head;
                break;
            }
            end = head;
        }
        for record in page {
            if record.seq != seq + 1 {
                return Ok(Verdict::Broken {
                    seq: seq + 1,
                    reason: "the entry is missing".to_owned(),
                });
            }
            if record.hash != link(&previous, &record) {
                let reason = "the entry, or the one before it, was changed".to_owned();
                return Ok(Verdict::Broken {
                    seq: record.seq,
                    reason,
                });
            }
            seq = record.seq;
            previous = record.hash;
        }
    }
    match end {
        Some(head) if head.seq == seq && head.hash == previous => Ok(Verdict::Intact {
            entries: seq,
            head: previous,
        }),
        _ => Ok(Verdict::Broken {
            seq: seq + 1,
            reason: "entries are missing at the end".to_owned(),
        }),
    }
}

async fn head(conn: &impl ConnectionTrait) -> Result<Option<Head>, StoreError> {
    sql::one(
        conn,
        "SELECT seq, hash FROM audit_head WHERE id = 1",
        vec![],
    )
    .await
}

pub(crate) async fn found_chain(conn: &impl ConnectionTrait) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, $1)",
        vec![GENESIS.into()],
    )
    .await?;
    Ok(())
}
