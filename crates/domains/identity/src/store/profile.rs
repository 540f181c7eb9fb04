//! Rows of `profile`.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{IN_MAX, placeholders};
use crate::Profile;

#[derive(FromQueryResult)]
struct Row {
    user_id: i32,
    handle: Option<String>,
    bio: String,
    website: String,
    location: String,
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Profile>, StoreError> {
    Ok(of_users(conn, &[user]).await?.remove(&user))
}

/// Who has none is left out.
pub(crate) async fn of_users(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Profile>, StoreError> {
    let mut found = HashMap::with_capacity(users.len());
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "SELECT user_id, handle, bio, website, location FROM profile WHERE user_id IN ({})",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| user.0.into()).collect();
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        found.extend(rows.into_iter().map(|row| {
            let profile = Profile {
                handle: row.handle,
                bio: row.bio,
                website: row.website,
                location: row.location,
            };
            (UserId(row.user_id), profile)
        }));
    }
    Ok(found)
}

pub(crate) async fn by_handle(
    conn: &impl ConnectionTrait,
    handle: &str,
) -> Result<Option<UserId>, StoreError> {
    let id: Option<i32> = sql::optional(
        conn,
        "SELECT user_id FROM profile WHERE handle = $1",
        vec![handle.into()],
    )
    .await?;
    Ok(id.map(UserId))
}

pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    user: UserId,
    profile: &Profile,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO profile (user_id, handle, bio, website, location, updated_at) \
         VALUES ($1, $2, $3, $4, $5, $6) \
         ON CONFLICT (user_id) DO UPDATE SET \
         handle = $2, bio = $3, website = $4, location = $5, updated_at = $6",
        vec![
            user.0.into(),
            profile.handle.clone().into(),
            profile.bio.clone().into(),
            profile.website.clone().into(),
            profile.location.clone().into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}
