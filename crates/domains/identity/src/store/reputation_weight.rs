//! Rows of `reputation_weight`: only for events about which a community decided something.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, Value};

use crate::{Reason, Weights};

pub(crate) async fn of(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Weights, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT reason, weight FROM reputation_weight WHERE community_id = $1",
        vec![community.0.into()],
    )
    .await?;
    let mut weights = Weights::default();
    for row in rows {
        take(
            &mut weights,
            row.try_get_by_index(0)?,
            row.try_get_by_index(1)?,
        );
    }
    Ok(weights)
}

/// Takes a stored decision over; one that only a newer program knows counts for nothing.
pub(crate) fn take(weights: &mut Weights, reason: i16, weight: i64) {
    if let Some(reason) = Reason::from_code(reason) {
        weights.decide(reason, weight);
    }
}

/// Stores a decision, or takes it back.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    reason: Reason,
    own: Option<i64>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let key: [Value; 2] = [community.0.into(), reason.code().into()];
    match own {
        None => {
            let query = "DELETE FROM reputation_weight WHERE community_id = $1 AND reason = $2";
            sql::execute(conn, query, key.into()).await?;
        }
        Some(weight) => {
            let values = key.into_iter().chain([weight.into(), now.0.into()]);
            sql::execute(
                conn,
                "INSERT INTO reputation_weight (community_id, reason, weight, updated_at) \
                 VALUES ($1, $2, $3, $4) ON CONFLICT (community_id, reason) \
                 DO UPDATE SET weight = excluded.weight, updated_at = excluded.updated_at",
                values.collect(),
            )
            .await?;
        }
    }
    Ok(())
}
