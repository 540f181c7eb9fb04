//! Rows of `visibility` and `consent`.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{IN_MAX, community::platform as platform_of, placeholders};
use crate::{Audience, Consent, Facet, Visibility};

#[derive(FromQueryResult)]
struct Row {
    user_id: i32,
    platform: i16,
    facet: i16,
    audience: i16,
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Visibility, StoreError> {
    let mut found = of_users(conn, &[user]).await?;
    Ok(found.remove(&user).unwrap_or_default())
}

/// Who never decided anything is left out: theirs is [`Visibility::default`].
pub(crate) async fn of_users(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Visibility>, StoreError> {
    let mut found: HashMap<UserId, Visibility> = HashMap::new();
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "SELECT user_id, platform, facet, audience FROM visibility WHERE user_id IN ({})",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| user.0.into()).collect();
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        for row in rows {
            let unknown = || StoreError::Data("an unknown facet or audience".to_owned());
            let facet = Facet::from_code(row.facet).ok_or_else(unknown)?;
            let audience = Audience::from_code(row.audience).ok_or_else(unknown)?;
            let visibility = found.entry(UserId(row.user_id)).or_default();
            visibility.set(platform_of(row.platform)?, facet, audience);
        }
    }
    Ok(found)
}

pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    user: UserId,
    (platform, facet): (Platform, Facet),
    audience: Audience,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO visibility (user_id, platform, facet, audience) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (user_id, platform, facet) DO UPDATE SET audience = $4",
        vec![
            user.0.into(),
            platform.code().into(),
            facet.code().into(),
            audience.code().into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn log(
    conn: &impl ConnectionTrait,
    user: UserId,
    consent: &Consent,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO consent (user_id, subject, before_value, after_value, at, address_prefix) \
         VALUES ($1, $2, $3, $4, $5, $6)",
        vec![
            user.0.into(),
            consent.subject.clone().into(),
            consent.before.clone().into(),
            consent.after.clone().into(),
            consent.at.0.into(),
            consent.address_prefix.clone().into(),
        ],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Line {
    subject: String,
    before_value: String,
    after_value: String,
    at: i64,
    address_prefix: String,
}

pub(crate) async fn consents(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Consent>, StoreError> {
    let rows: Vec<Line> = sql::all(
        conn,
        "SELECT subject, before_value, after_value, at, address_prefix FROM consent \
         WHERE user_id = $1 ORDER BY id DESC LIMIT 100",
        vec![user.0.into()],
    )
    .await?;
    let consent = |row: Line| Consent {
        subject: row.subject,
        before: row.before_value,
        after: row.after_value,
        at: Timestamp(row.at),
        address_prefix: row.address_prefix,
    };
    Ok(rows.into_iter().map(consent).collect())
}
