//! Rows of `identity_link`. Tokens go from open to sealed and back here.

use ::store::{StoreError, seal::Place, sql};
use kernel::{AccountId, CommunityId, LinkId, PersonalTokens, Proof, Secret, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{
    IN_MAX,
    connection::{Tokens, split},
    placeholders,
};
use crate::{FreshLink, Link};

const ACCESS: &str = "access_sealed";
const REFRESH: &str = "refresh_sealed";

/// Links belong to no community.
fn place(id: i32, column: &'static str) -> Place {
    Place {
        table: "identity_link",
        column,
        row: id.into(),
        community: CommunityId(0),
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    user_id: i32,
    provider: String,
    subject: String,
    account_id: Option<i64>,
    username: String,
    avatar: Option<String>,
    verified_email: Option<String>,
    scopes: String,
    refused_at: Option<i64>,
    is_primary: bool,
    linked_at: i64,
    last_used_at: i64,
}

impl From<Row> for Link {
    fn from(row: Row) -> Self {
        Self {
            id: LinkId(row.id),
            user: UserId(row.user_id),
            provider: row.provider,
            subject: row.subject,
            account: row.account_id.map(AccountId),
            username: row.username,
            avatar: row.avatar,
            verified_email: row.verified_email,
            scopes: split(&row.scopes),
            is_primary: row.is_primary,
            needs_relink: row.refused_at.is_some(),
            linked_at: Timestamp(row.linked_at),
            last_used_at: Timestamp(row.last_used_at),
        }
    }
}

const SELECT: &str = "SELECT id, user_id, provider, subject, account_id, username, avatar, \
     verified_email, scopes, linked_at, last_used_at, \
     (SELECT r.refused_at FROM link_refresh r WHERE r.link_id = identity_link.id) AS refused_at, \
     EXISTS (SELECT 1 FROM primary_link p WHERE p.user_id = identity_link.user_id \
       AND p.link_id = identity_link.id) AS is_primary \
     FROM identity_link";

pub(crate) async fn by_subject(
    conn: &impl ConnectionTrait,
    provider: &str,
    subject: &str,
) -> Result<Option<Link>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("{SELECT} WHERE provider = $1 AND subject = $2"),
        vec![provider.into(), subject.into()],
    )
    .await?;
    Ok(row.map(Link::from))
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: LinkId,
) -> Result<Option<Link>, StoreError> {
    let row: Option<Row> =
        sql::one(conn, &format!("{SELECT} WHERE id = $1"), vec![id.0.into()]).await?;
    Ok(row.map(Link::from))
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Link>, StoreError> {
    of_users(conn, &[user]).await
}

/// Of several people, each with those of the same provider beside each other.
pub(crate) async fn of_users(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<Vec<Link>, StoreError> {
    let mut found = Vec::new();
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "{SELECT} WHERE user_id IN ({}) ORDER BY user_id, provider, linked_at, id",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| user.0.into()).collect();
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        found.extend(rows.into_iter().map(Link::from));
    }
    Ok(found)
}

/// What was linked since, in order of time; of too many the newest.
pub(crate) async fn fresh(
    conn: &impl ConnectionTrait,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<FreshLink>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT user_id, account_id, linked_at FROM identity_link WHERE linked_at >= $1 \
         ORDER BY linked_at DESC, id DESC LIMIT $2",
        vec![since.0.into(), limit.into()],
    )
    .await?;
    let link = |row: &sea_orm::QueryResult| {
        let account: Option<i64> = row.try_get_by_index(1)?;
        Ok(FreshLink {
            user: UserId(row.try_get_by_index(0)?),
            account: account.map(AccountId),
            at: Timestamp(row.try_get_by_index(2)?),
        })
    };
    rows.iter().rev().map(link).collect()
}

/// A link to write down.
pub(crate) struct New<'a> {
    pub(crate) user: UserId,
    pub(crate) provider: &'a str,
    pub(crate) account: Option<AccountId>,
    pub(crate) proof: &'a Proof,
}

/// Inserts a link. In two steps, because a token is sealed for its row.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    new: &New<'_>,
    now: Timestamp,
) -> Result<LinkId, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO identity_link \
           (user_id, provider, subject, account_id, username, scopes, linked_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, '', $6, $6) RETURNING id",
        vec![
            new.user.0.into(),
            new.provider.into(),
            new.proof.subject.clone().into(),
            new.account.map(|account| account.0).into(),
            new.proof.username.clone().into(),
            now.0.into(),
        ],
    )
    .await?;
    renew(conn, tokens, LinkId(id), new.proof, now).await?;
    Ok(LinkId(id))
}

#[derive(FromQueryResult)]
struct Held {
    scopes: String,
    has_token: bool,
    refused_at: Option<i64>,
}

impl Held {
    /// Whether these tokens allow more than fresh ones and are good, as far as is known.
    fn is_worth_more(&self, fresh: &PersonalTokens) -> bool {
        let held = split(&self.scopes);
        self.has_token
            && self.refused_at.is_none()
            && held.len() > fresh.scopes.len()
            && fresh.scopes.iter().all(|scope| held.contains(scope))
    }
}

/// Writes down what the provider says now. Whoever only signs in again, which asks for less, does not
/// take back what they allowed when they linked the account: tokens that allow more are kept.
pub(crate) async fn renew(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    id: LinkId,
    proof: &Proof,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE identity_link SET username = $2, avatar = $3, verified_email = $4, last_used_at = $5 \
         WHERE id = $1",
        vec![
            id.0.into(),
            proof.username.clone().into(),
            proof.avatar.clone().into(),
            proof.verified_email.clone().into(),
            now.0.into(),
        ],
    )
    .await?;
    let Some(fresh) = &proof.tokens else {
        return Ok(());
    };
    let held: Option<Held> = sql::one(
        conn,
        "SELECT scopes, access_sealed IS NOT NULL AS has_token, \
         (SELECT r.refused_at FROM link_refresh r WHERE r.link_id = identity_link.id) AS refused_at \
         FROM identity_link WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    if held.is_some_and(|held| held.is_worth_more(fresh)) {
        return Ok(());
    }
    put_tokens(conn, tokens, id, fresh).await?;
    super::link_refresh::forget(conn, id).await
}

/// Puts tokens in the place of others.
pub(crate) async fn put_tokens(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    id: LinkId,
    fresh: &PersonalTokens,
) -> Result<(), StoreError> {
    let access = tokens.seal(&place(id.0, ACCESS), &fresh.access)?;
    let refresh = fresh
        .refresh
        .as_ref()
        .map(|token| tokens.seal(&place(id.0, REFRESH), token))
        .transpose()?;
    sql::execute(
        conn,
        "UPDATE identity_link SET access_sealed = $2, refresh_sealed = $3, expires_at = $4, \
         scopes = $5 WHERE id = $1",
        vec![
            id.0.into(),
            access.into(),
            refresh.into(),
            fresh.expires_at.map(|at| at.0).into(),
            fresh.scopes.join(" ").into(),
        ],
    )
    .await?;
    Ok(())
}

/// Removes a link with its tokens.
pub(crate) async fn delete(conn: &impl ConnectionTrait, id: LinkId) -> Result<(), StoreError> {
    super::link_refresh::forget(conn, id).await?;
    super::linked_role::delete(conn, id).await?;
    super::primary_link::forget(conn, id).await?;
    sql::execute(
        conn,
        "DELETE FROM identity_link WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    Ok(())
}

/// A row's tokens, sealed.
#[derive(FromQueryResult)]
pub(crate) struct Sealed {
    pub(crate) id: i32,
    access: Option<String>,
    refresh: Option<String>,
    expires_at: Option<i64>,
    scopes: String,
}

impl Sealed {
    /// The sealed texts with their places.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Place, &str)> {
        [
            (place(self.id, ACCESS), self.access.as_deref()),
            (place(self.id, REFRESH), self.refresh.as_deref()),
        ]
        .into_iter()
        .filter_map(|(place, text)| Some((place, text?)))
    }

    /// The tokens, open; `None` if there are none.
    pub(crate) fn open(self, tokens: &Tokens<'_>) -> Result<Option<PersonalTokens>, StoreError> {
        let open = |column, text: &str| -> Result<Secret<String>, StoreError> {
            let opened = tokens.keys.open(&place(self.id, column), text);
            opened.map_err(|error| StoreError::Data(format!("linked account {}: {error}", self.id)))
        };
        let Some(access) = self.access.as_deref() else {
            return Ok(None);
        };
        let refresh = self.refresh.as_deref();
        Ok(Some(PersonalTokens {
            access: open(ACCESS, access)?,
            refresh: refresh.map(|text| open(REFRESH, text)).transpose()?,
            expires_at: self.expires_at.map(Timestamp),
            scopes: split(&self.scopes),
        }))
    }
}

const SEALED: &str = "SELECT id, access_sealed AS access, refresh_sealed AS refresh, expires_at, \
     scopes FROM identity_link";

/// The tokens of a link.
pub(crate) async fn sealed(
    conn: &impl ConnectionTrait,
    id: LinkId,
) -> Result<Option<Sealed>, StoreError> {
    sql::one(conn, &format!("{SEALED} WHERE id = $1"), vec![id.0.into()]).await
}

/// Rows that have a sealed token, in order of id.
pub(crate) async fn sealed_after(
    conn: &impl ConnectionTrait,
    after: i32,
    limit: u64,
) -> Result<Vec<Sealed>, StoreError> {
    sql::all(
        conn,
        &format!(
            "{SEALED} WHERE id > $1 AND (access_sealed IS NOT NULL OR refresh_sealed IS NOT NULL) \
             ORDER BY id LIMIT $2"
        ),
        vec![
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}
