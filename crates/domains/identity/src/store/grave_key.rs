//! The row of `grave_key`.

use ::store::{StoreError, seal::Place, sql};
use kernel::{CommunityId, Secret, Timestamp};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::connection::Tokens;

/// Its id: there is one.
const ID: i32 = 1;

#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) id: i32,
    key_sealed: String,
}

fn place(id: i32) -> Place {
    Place {
        table: "grave_key",
        column: "key_sealed",
        row: id.into(),
        community: CommunityId(0),
    }
}

impl Row {
    /// The sealed text with its place.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Place, &str)> {
        std::iter::once((place(self.id), self.key_sealed.as_str()))
    }
}

/// Rows after one, in order.
pub(crate) async fn sealed_after(
    conn: &impl ConnectionTrait,
    after: i32,
    limit: u64,
) -> Result<Vec<Row>, StoreError> {
    sql::all(
        conn,
        "SELECT id, key_sealed FROM grave_key WHERE id > $1 ORDER BY id LIMIT $2",
        vec![
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}

/// The key; `None` if there is none.
pub(crate) async fn open(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
) -> Result<Option<Secret<String>>, StoreError> {
    let Some(row) = sealed_after(conn, 0, 1).await?.into_iter().next() else {
        return Ok(None);
    };
    let opened = tokens.keys.open(&place(row.id), &row.key_sealed);
    let opened =
        opened.map_err(|error| StoreError::Data(format!("the key of tombstones: {error}")));
    opened.map(Some)
}

/// The key; a fresh one if there is none. Of several at once exactly one makes it.
pub(crate) async fn open_or_put(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    fresh: &Secret<String>,
    now: Timestamp,
) -> Result<Secret<String>, StoreError> {
    let sealed = tokens.seal(&place(ID), fresh)?;
    sql::execute(
        conn,
        "INSERT INTO grave_key (id, key_sealed, created_at) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO NOTHING",
        vec![ID.into(), sealed.into(), now.0.into()],
    )
    .await?;
    let key = open(conn, tokens).await?;
    key.ok_or_else(|| StoreError::Data("the key of tombstones is not there".to_owned()))
}
