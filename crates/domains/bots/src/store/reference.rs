//! Rows of `bot_reference`.

use ::store::{StoreError, sql};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::reference::Reference;

#[derive(FromQueryResult)]
struct Raw {
    n_bots: i32,
    n_people: i32,
    signals: String,
}

/// What a model learned from, if that was kept.
pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    model: i32,
) -> Result<Option<Reference>, StoreError> {
    let query = "SELECT n_bots, n_people, signals FROM bot_reference WHERE model_id = $1";
    let raw: Option<Raw> = sql::one(conn, query, vec![model.into()]).await?;
    let Some(raw) = raw else {
        return Ok(None);
    };
    let (n_bots, n_people) = (super::count(raw.n_bots), super::count(raw.n_people));
    Reference::from_text(&raw.signals, n_bots.into(), n_people.into())
        .map(Some)
        .map_err(|error| StoreError::Data(format!("model {model}: {error}")))
}

/// Keeps what a model learned from; what is kept of it already stays.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    model: i32,
    reference: &Reference,
) -> Result<(), StoreError> {
    let signals = reference
        .to_text()
        .map_err(|error| StoreError::Data(format!("model {model}: {error}")))?;
    let n = |n: u64| i32::try_from(n).unwrap_or(i32::MAX);
    sql::execute(
        conn,
        "INSERT INTO bot_reference (model_id, n_bots, n_people, signals) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (model_id) DO NOTHING",
        vec![
            model.into(),
            n(reference.n_bots).into(),
            n(reference.n_people).into(),
            signals.into(),
        ],
    )
    .await?;
    Ok(())
}
