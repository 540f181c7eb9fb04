//! Rows of `delivery_attempt`.

use std::collections::HashMap;

use ::store::{
    StoreError,
    sea_orm::{ConnectionTrait, FromQueryResult, Value},
    sql,
};
use kernel::{DeliveryId, Timestamp};

use super::{clean, count, values};
use crate::{AttemptOutcome, AttemptView};

/// Most deliveries that one statement asks for the tries of each.
const UNION_MAX: usize = 100;
/// Tries shown of one delivery.
const SHOWN: i64 = 50;

/// How a try ended.
pub(crate) struct End {
    pub(crate) id: DeliveryId,
    pub(crate) n: i32,
    pub(crate) outcome: AttemptOutcome,
    pub(crate) error: Option<String>,
}

impl End {
    /// The process ended during the call.
    pub(crate) fn cut_off(id: DeliveryId, n: i32) -> Self {
        Self {
            id,
            n,
            outcome: AttemptOutcome::CutOff,
            error: Some("the program ended during the call".to_owned()),
        }
    }
}

/// Writes that tries begin.
pub(crate) async fn begin(
    conn: &impl ConnectionTrait,
    tries: &[(DeliveryId, i32)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = tries
        .iter()
        .map(|(id, n)| vec![id.0.into(), (*n).into(), now.0.into()])
        .collect();
    sql::insert(
        conn,
        "INSERT INTO delivery_attempt (delivery_id, n, begun_at)",
        rows,
        "",
    )
    .await
}

/// Writes how tries ended.
pub(crate) async fn end(
    conn: &impl ConnectionTrait,
    ends: &[&End],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = ends
        .iter()
        .map(|end| {
            vec![
                Value::from(end.id.0),
                end.n.into(),
                end.outcome.code().into(),
                end.error.as_deref().map(clean).into(),
                now.0.into(),
            ]
        })
        .collect();
    let (text, values) = values(rows);
    sql::execute(
        conn,
        &format!(
            "WITH item(item_id, item_n, new_outcome, new_error, new_end) AS (VALUES {text}) \
             UPDATE delivery_attempt SET ended_at = item.new_end, outcome = item.new_outcome, error = item.new_error \
             FROM item WHERE delivery_attempt.delivery_id = item.item_id AND delivery_attempt.n = item.item_n"
        ),
        values,
    )
    .await?;
    Ok(())
}

/// Ends the tries without an end of deliveries that nobody works on.
pub(crate) async fn abandon(
    conn: &impl ConnectionTrait,
    ids: &[DeliveryId],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut values: Vec<Value> = vec![now.0.into(), AttemptOutcome::CutOff.code().into()];
    values.extend(ids.iter().map(|id| Value::from(id.0)));
    sql::execute(
        conn,
        &format!(
            "UPDATE delivery_attempt SET ended_at = $1, outcome = $2 WHERE ended_at IS NULL AND delivery_id IN ({})",
            sql::in_list(3, ids.len())
        ),
        values,
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    delivery_id: i64,
    n: i32,
    begun_at: i64,
    ended_at: Option<i64>,
    outcome: Option<i16>,
    error: Option<String>,
}

/// The newest tries of a delivery.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    id: DeliveryId,
) -> Result<Vec<AttemptView>, StoreError> {
    let mut found = lists(conn, &[id]).await?;
    Ok(found.remove(&id).unwrap_or_default())
}

/// The newest tries of each of some deliveries; those without any are left out.
pub(crate) async fn lists(
    conn: &impl ConnectionTrait,
    ids: &[DeliveryId],
) -> Result<HashMap<DeliveryId, Vec<AttemptView>>, StoreError> {
    let mut found: HashMap<DeliveryId, Vec<AttemptView>> = HashMap::new();
    for part in ids.chunks(UNION_MAX) {
        let mut values: Vec<Value> = part.iter().map(|id| id.0.into()).collect();
        values.push(SHOWN.into());
        let limit = values.len();
        let newest = sql::union(part.len(), |n| {
            format!(
                "SELECT delivery_id, n, begun_at, ended_at, outcome, error FROM delivery_attempt \
                 WHERE delivery_id = ${n} ORDER BY n DESC LIMIT ${limit}"
            )
        });
        let query = format!("SELECT p.* FROM ({newest}) AS p ORDER BY p.delivery_id, p.n DESC");
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        for row in rows {
            let attempt = AttemptView {
                n: count(row.n),
                begun_at: Timestamp(row.begun_at),
                ended_at: row.ended_at.map(Timestamp),
                outcome: row.outcome.and_then(AttemptOutcome::from_code),
                error: row.error,
            };
            let tries = found.entry(DeliveryId(row.delivery_id)).or_default();
            tries.push(attempt);
        }
    }
    Ok(found)
}
