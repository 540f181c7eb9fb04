//! Rows of `email_code` and `verified_email`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

/// A code that was sent.
pub(crate) struct Sent<'a> {
    pub(crate) purpose: i16,
    pub(crate) user: Option<UserId>,
    pub(crate) address: &'a str,
    pub(crate) folded: &'a str,
    pub(crate) code_hash: &'a str,
    pub(crate) link_hash: &'a str,
    pub(crate) expires_at: Timestamp,
    /// Sent for the count only: nothing can be done with it.
    pub(crate) is_void: bool,
}

/// An address that was proved.
#[derive(FromQueryResult)]
pub(crate) struct Proved {
    pub(crate) id: i64,
    pub(crate) user_id: Option<i32>,
    pub(crate) address: String,
    pub(crate) address_folded: String,
}

/// A code that may be tried.
#[derive(FromQueryResult)]
pub(crate) struct Tried {
    pub(crate) id: i64,
    pub(crate) code_hash: String,
    pub(crate) address_folded: String,
}

/// Letters to an address since then.
pub(crate) async fn count_since(
    conn: &impl ConnectionTrait,
    folded: &str,
    since: Timestamp,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM email_code WHERE address_folded = $1 AND created_at > $2",
        vec![folded.into(), since.0.into()],
    )
    .await
}

/// Keeps a code; those sent before for the same purpose to the same person, or where there is none
/// to the same address, are void.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    sent: &Sent<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let user: Option<i32> = sent.user.map(|user| user.0);
    sql::execute(
        conn,
        "UPDATE email_code SET used_at = $4 WHERE purpose = $1 AND used_at IS NULL \
         AND (user_id = $2 OR (user_id IS NULL AND address_folded = $3))",
        vec![
            sent.purpose.into(),
            user.into(),
            sent.folded.into(),
            now.0.into(),
        ],
    )
    .await?;
    let used_at = sent.is_void.then_some(now.0);
    sql::execute(
        conn,
        "INSERT INTO email_code (purpose, user_id, address, address_folded, code_hash, link_hash, \
         attempts, created_at, expires_at, used_at) VALUES ($1, $2, $3, $4, $5, $6, 0, $7, $8, $9)",
        vec![
            sent.purpose.into(),
            user.into(),
            sent.address.into(),
            sent.folded.into(),
            sent.code_hash.into(),
            sent.link_hash.into(),
            now.0.into(),
            sent.expires_at.0.into(),
            used_at.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Counts an attempt at a person's open code; `None` if there is none, or it was tried too often.
pub(crate) async fn attempt(
    conn: &impl ConnectionTrait,
    purpose: i16,
    user: UserId,
    sent_after: Timestamp,
    attempts_max: i16,
) -> Result<Option<Tried>, StoreError> {
    sql::one(
        conn,
        "UPDATE email_code SET attempts = attempts + 1 WHERE purpose = $1 AND user_id = $2 \
         AND used_at IS NULL AND created_at > $3 AND attempts < $4 \
         RETURNING id, code_hash, address_folded",
        vec![
            purpose.into(),
            user.0.into(),
            sent_after.0.into(),
            attempts_max.into(),
        ],
    )
    .await
}

/// Uses a code up; of several at once exactly one gets it.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    id: i64,
    now: Timestamp,
) -> Result<Option<Proved>, StoreError> {
    sql::one(
        conn,
        "UPDATE email_code SET used_at = $2 WHERE id = $1 AND used_at IS NULL \
         RETURNING id, user_id, address, address_folded",
        vec![id.into(), now.0.into()],
    )
    .await
}

/// What a link is for, without using it up.
pub(crate) async fn by_link(
    conn: &impl ConnectionTrait,
    purpose: i16,
    link_hash: &str,
    now: Timestamp,
) -> Result<Option<Proved>, StoreError> {
    sql::one(
        conn,
        "SELECT id, user_id, address, address_folded FROM email_code \
         WHERE purpose = $1 AND link_hash = $2 AND used_at IS NULL AND expires_at > $3",
        vec![purpose.into(), link_hash.into(), now.0.into()],
    )
    .await
}

/// The address a person was sent a code to and has not proved yet.
pub(crate) async fn awaited(
    conn: &impl ConnectionTrait,
    purpose: i16,
    user: UserId,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    sql::optional(
        conn,
        "SELECT address FROM email_code WHERE purpose = $1 AND user_id = $2 AND used_at IS NULL \
         AND expires_at > $3 ORDER BY id DESC LIMIT 1",
        vec![purpose.into(), user.0.into(), now.0.into()],
    )
    .await
}

/// When a person proved the address they have.
pub(crate) async fn verified_at(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = sql::optional(
        conn,
        "SELECT v.verified_at FROM verified_email v JOIN users u ON u.id = v.user_id \
         AND u.email_folded = v.address_folded WHERE v.user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(at.map(Timestamp))
}

/// The address a person has, if they proved it.
pub(crate) async fn verified_address(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<String>, StoreError> {
    sql::optional(
        conn,
        "SELECT u.email FROM verified_email v JOIN users u ON u.id = v.user_id \
         AND u.email_folded = v.address_folded WHERE v.user_id = $1",
        vec![user.0.into()],
    )
    .await
}

pub(crate) async fn put_verified(
    conn: &impl ConnectionTrait,
    user: UserId,
    folded: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO verified_email (user_id, address_folded, verified_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id) DO UPDATE SET address_folded = excluded.address_folded, \
         verified_at = excluded.verified_at",
        vec![user.0.into(), folded.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Removes what can be used no more and is not needed to count letters.
pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    counted_since: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM email_code WHERE (expires_at <= $1 OR used_at IS NOT NULL) AND created_at <= $2",
        vec![now.0.into(), counted_since.0.into()],
    )
    .await
}
