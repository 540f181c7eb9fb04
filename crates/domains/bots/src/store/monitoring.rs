//! What is read of reviews and predictions to say how good detection is, and the rows of `bot_drift`.

use ::store::{StoreError, sql};
use kernel::Timestamp;
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use crate::{CaseState, Drift, Probability, Verdict, case::accusing_bits};

/// Reviews that are read at most, the newest.
const REVIEWS_MAX: i64 = 50_000;
const WEEK_MICROS: i64 = 7 * 86_400 * 1_000_000;
/// Stands for the month before, where others have the model whose rows something was held against.
const THE_MONTH_BEFORE: i32 = 0;

/// What somebody said of somebody.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Reviewed {
    pub(crate) verdict: Verdict,
    /// Whether it was possibly a bot, by what its community calls that now.
    pub(crate) is_accused: bool,
    pub(crate) was_sampled: bool,
    /// From looking to deciding, in seconds, if it is known.
    pub(crate) took_secs: Option<u32>,
    pub(crate) at: Timestamp,
}

fn of(scope: i32, place: usize, values: &mut Vec<Value>) -> String {
    if scope == 0 {
        return String::new();
    }
    values.push(scope.into());
    format!(" AND community_id = ${place}")
}

/// Reviews that hold, since an instant, of a community or of all.
pub(crate) async fn reviewed(
    conn: &impl ConnectionTrait,
    scope: i32,
    since: Timestamp,
) -> Result<Vec<Reviewed>, StoreError> {
    let mut values = vec![since.0.into()];
    let of = of(scope, 2, &mut values);
    let possible = super::setting::possible("bot_review.community_id");
    let query = format!(
        "SELECT verdict, CASE WHEN probability_ppm >= {possible} THEN 1 ELSE 0 END, was_sampled, took_secs, at FROM bot_review WHERE at >= $1 AND undone_at IS NULL{of} \
         ORDER BY at DESC LIMIT {REVIEWS_MAX}"
    );
    let review = |row: &sea_orm::QueryResult| {
        let code: i16 = row.try_get_by_index(0)?;
        let unknown = || StoreError::Data(format!("unknown verdict {code}"));
        Ok(Reviewed {
            verdict: Verdict::from_code(code).ok_or_else(unknown)?,
            is_accused: row.try_get_by_index::<i32>(1)? == 1,
            was_sampled: row.try_get_by_index(2)?,
            took_secs: row.try_get_by_index::<Option<i32>>(3)?.map(super::count),
            at: Timestamp(row.try_get_by_index(4)?),
        })
    };
    sql::rows(conn, &query, values)
        .await?
        .iter()
        .map(review)
        .collect()
}

/// How many predictions were written down from each of these instants to the next one, so one number less than there are
/// instants. One statement, however many they are.
pub(crate) async fn predictions(
    conn: &impl ConnectionTrait,
    scope: i32,
    edges: &[Timestamp],
) -> Result<Vec<u64>, StoreError> {
    let mut values: Vec<Value> = edges.iter().map(|edge| edge.0.into()).collect();
    let of = of(scope, edges.len() + 1, &mut values);
    let n = edges.len().saturating_sub(1);
    let counts: Vec<String> = (1..=n)
        .map(|nth| {
            let next = nth + 1;
            format!("(SELECT COUNT(*) FROM bot_prediction WHERE at >= ${nth} AND at < ${next}{of})")
        })
        .collect();
    if counts.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql::rows(conn, &format!("SELECT {}", counts.join(", ")), values).await?;
    let number = |nth: usize| -> Result<u64, StoreError> {
        let n: i64 = match rows.first() {
            Some(row) => row.try_get_by_index(nth)?,
            None => 0,
        };
        Ok(u64::try_from(n).unwrap_or(0))
    };
    (0..n).map(number).collect()
}

/// Of the cases that accuse somebody, were opened since an instant and were not withdrawn, in weeks from it on: how many there are, and of how many people
/// said something. At most as many weeks as asked for. One statement, however many they are.
pub(crate) async fn answered(
    conn: &impl ConnectionTrait,
    scope: i32,
    since: Timestamp,
    n_weeks: usize,
) -> Result<Vec<(u64, u64)>, StoreError> {
    let mut values = vec![since.0.into()];
    let of = of(scope, 2, &mut values);
    let query = format!(
        "SELECT (opened_at - $1) / {WEEK_MICROS} AS week, COUNT(*), SUM(CASE WHEN state IN ({}, {}) THEN 1 ELSE 0 END) \
         FROM bot_case WHERE opened_at >= $1 AND (reasons & {}) <> 0 AND state <> {}{of} GROUP BY 1",
        CaseState::Bot.code(),
        CaseState::Human.code(),
        accusing_bits(),
        CaseState::Withdrawn.code()
    );
    let mut weeks = vec![(0, 0); n_weeks];
    for row in sql::rows(conn, &query, values).await? {
        let week: i64 = row.try_get_by_index(0)?;
        let (n, n_answered): (i64, i64) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let count = |n: i64| u64::try_from(n).unwrap_or(0);
        let place = usize::try_from(week).ok();
        if let Some(week) = place.and_then(|place| weeks.get_mut(place)) {
            *week = (count(n), count(n_answered));
        }
    }
    Ok(weeks)
}

/// Vectors of a schema that were scored between two instants, with what was said of them; the newest first.
pub(crate) async fn vectors(
    conn: &impl ConnectionTrait,
    schema_hash: &str,
    from: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<(String, Probability)>, StoreError> {
    let query = format!(
        "SELECT features, probability_ppm FROM bot_prediction WHERE at >= $1 AND at < $2 AND schema_hash = $3 \
         ORDER BY at DESC, id DESC LIMIT {limit}"
    );
    let values = vec![from.0.into(), until.0.into(), schema_hash.into()];
    let rows = sql::rows(conn, &query, values).await?;
    let vector = |row: &sea_orm::QueryResult| {
        let probability = Probability::read(row.try_get_by_index(1)?);
        Ok((row.try_get_by_index(0)?, probability))
    };
    rows.iter().map(vector).collect()
}

/// What scoring an account took lately, at worst of a hundred.
pub(crate) async fn latency_us(conn: &impl ConnectionTrait) -> Result<Option<u32>, StoreError> {
    let query = "SELECT latency_us FROM bot_progress WHERE id = 1";
    let micros: Option<i32> = sql::optional(conn, query, vec![]).await?;
    Ok(micros.map(super::count))
}

#[derive(FromQueryResult)]
struct Raw {
    signal: String,
    psi_ppm: i32,
    n: i32,
    model_id: i32,
    at: i64,
}

/// The signals that moved most.
pub(crate) async fn drift(
    conn: &impl ConnectionTrait,
    scope: i32,
    limit: i64,
) -> Result<Vec<Drift>, StoreError> {
    let rows: Vec<Raw> = sql::all(
        conn,
        &format!(
            "SELECT signal, psi_ppm, n, model_id, at FROM bot_drift WHERE scope = $1 ORDER BY psi_ppm DESC, signal LIMIT {limit}"
        ),
        vec![scope.into()],
    )
    .await?;
    let drift = |raw: Raw| Drift {
        signal: raw.signal,
        psi: f64::from(raw.psi_ppm) / 1_000_000.0,
        n: u64::from(super::count(raw.n)),
        against: (raw.model_id != THE_MONTH_BEFORE).then_some(raw.model_id),
        at: Timestamp(raw.at),
    };
    Ok(rows.into_iter().map(drift).collect())
}

/// Puts what was measured in place of what was measured before.
pub(crate) async fn put_drift(
    conn: &impl ConnectionTrait,
    scope: i32,
    (all, against): (&[(String, f64)], Option<i32>),
    n: u32,
    at: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM bot_drift WHERE scope = $1",
        vec![scope.into()],
    )
    .await?;
    let rows: Vec<Vec<Value>> = all
        .iter()
        .map(|(signal, psi)| {
            vec![
                scope.into(),
                signal.as_str().into(),
                millionths(*psi).into(),
                super::stored(n).into(),
                against.unwrap_or(THE_MONTH_BEFORE).into(),
                at.0.into(),
            ]
        })
        .collect();
    sql::insert(
        conn,
        "INSERT INTO bot_drift (scope, signal, psi_ppm, n, model_id, at)",
        rows,
        "",
    )
    .await
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "an index of at most two thousand, rounded"
)]
const fn millionths(psi: f64) -> i32 {
    (psi.clamp(0.0, 2_000.0) * 1_000_000.0).round() as i32
}
