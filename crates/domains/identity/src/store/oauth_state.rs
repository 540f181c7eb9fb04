//! Rows of `sign_in_state`: people who are away at a provider.

use ::store::{StoreError, seal::Place, sql};
use kernel::{CommunityId, Secret, Timestamp, UserId};
use sea_orm::ConnectionTrait;

use super::connection::Tokens;

/// Where a verifier is sealed for: its row has no number, so the beginning of its key serves.
fn place(digest: &str) -> Place {
    let row = digest
        .get(..15)
        .and_then(|start| i64::from_str_radix(start, 16).ok())
        .unwrap_or_default();
    Place {
        table: "sign_in_state",
        column: "verifier_sealed",
        row,
        community: CommunityId(0),
    }
}

/// A sign-in that was begun.
pub(crate) struct State<'a> {
    pub(crate) digest: String,
    pub(crate) intent: i16,
    pub(crate) provider: &'a str,
    pub(crate) binding: String,
    pub(crate) user: Option<UserId>,
    pub(crate) nonce: &'a str,
    pub(crate) verifier: &'a Secret<String>,
    pub(crate) redirect: &'a str,
    pub(crate) return_to: &'a str,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    state: &State<'_>,
) -> Result<(), StoreError> {
    let verifier = tokens.seal(&place(&state.digest), state.verifier)?;
    sql::execute(
        conn,
        "INSERT INTO sign_in_state (state_hash, intent, provider, binding, user_id, nonce, \
           verifier_sealed, redirect, return_to, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        vec![
            state.digest.clone().into(),
            state.intent.into(),
            state.provider.into(),
            state.binding.clone().into(),
            state.user.map(|user| user.0).into(),
            state.nonce.into(),
            verifier.into(),
            state.redirect.into(),
            state.return_to.into(),
            state.expires_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// How many were begun that can still be finished: by a person, or by nobody in particular.
pub(crate) async fn open(
    conn: &impl ConnectionTrait,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM sign_in_state \
         WHERE expires_at > $1 AND used_at IS NULL AND COALESCE(user_id, 0) = $2",
        vec![now.0.into(), user.map_or(0, |user| user.0).into()],
    )
    .await
}

/// What a used state was for.
pub(crate) struct Used {
    pub(crate) intent: i16,
    pub(crate) user: Option<UserId>,
    pub(crate) nonce: String,
    pub(crate) verifier: Secret<String>,
    pub(crate) redirect: String,
    pub(crate) return_to: String,
}

/// Marks a state used and answers what it was for: `None` if it was not usable by this browser (its
/// possible bindings) with this provider; of several parallel uses exactly one succeeds. The state
/// is compared by its hash, so the time that takes tells nothing about it.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    digest: &str,
    provider: &str,
    bindings: &[String; 2],
    now: Timestamp,
) -> Result<Option<Used>, StoreError> {
    let [first, second] = bindings;
    let rows = sql::rows(
        conn,
        "UPDATE sign_in_state SET used_at = $3 \
         WHERE state_hash = $1 AND provider = $2 AND used_at IS NULL AND expires_at > $3 \
           AND binding IN ($4, $5) \
         RETURNING intent, user_id, nonce, verifier_sealed, redirect, return_to",
        vec![
            digest.into(),
            provider.into(),
            now.0.into(),
            first.clone().into(),
            second.clone().into(),
        ],
    )
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    let sealed: String = row.try_get_by_index(3)?;
    let user: Option<i32> = row.try_get_by_index(1)?;
    let verifier = tokens.keys.open(&place(digest), &sealed);
    Ok(Some(Used {
        intent: row.try_get_by_index(0)?,
        user: user.map(UserId),
        nonce: row.try_get_by_index(2)?,
        verifier: verifier.map_err(|error| StoreError::Data(format!("a sign-in: {error}")))?,
        redirect: row.try_get_by_index(4)?,
        return_to: row.try_get_by_index(5)?,
    }))
}

/// Removes states that have expired.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: Timestamp) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM sign_in_state WHERE expires_at <= $1",
        vec![now.0.into()],
    )
    .await
}
