//! Rows of `bot_assignment`.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{CommunityId, Timestamp};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::arm::Run;

/// The side of a community in what runs now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Side {
    pub(crate) community: CommunityId,
    pub(crate) is_experiment: bool,
    pub(crate) is_second: bool,
    pub(crate) model: Option<i32>,
}

/// The sides that are not judged as usual, of the one rollout or experiment that goes on.
pub(crate) async fn running(conn: &impl ConnectionTrait) -> Result<Vec<Side>, StoreError> {
    let query = "SELECT a.community_id, a.kind, a.arm, r.model_id FROM bot_rollout r \
                 JOIN bot_assignment a ON a.kind = 1 AND a.run_id = r.id WHERE r.state = 0 AND a.arm = 1 \
                 UNION ALL SELECT a.community_id, a.kind, a.arm, e.model_id FROM bot_experiment e \
                 JOIN bot_assignment a ON a.kind = 2 AND a.run_id = e.id WHERE e.state = 0";
    let side = |row: &QueryResult| {
        let (kind, arm): (i16, i16) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        Ok(Side {
            community: CommunityId(row.try_get_by_index(0)?),
            is_experiment: kind == 2,
            is_second: arm == 1,
            model: row.try_get_by_index(3)?,
        })
    };
    sql::rows(conn, query, vec![])
        .await?
        .iter()
        .map(side)
        .collect()
}

/// Puts communities on a side; whoever is on the first may come to the second, nobody goes back.
pub(crate) async fn assign(
    conn: &impl ConnectionTrait,
    run: Run,
    sides: &[(CommunityId, bool)],
    at: Timestamp,
) -> Result<(), StoreError> {
    let rows: Vec<Vec<Value>> = sides
        .iter()
        .map(|(community, is_second)| {
            vec![
                run.code().into(),
                run.id().into(),
                community.0.into(),
                i16::from(*is_second).into(),
                at.0.into(),
            ]
        })
        .collect();
    sql::insert(
        conn,
        "INSERT INTO bot_assignment (kind, run_id, community_id, arm, at)",
        rows,
        " ON CONFLICT (kind, run_id, community_id) DO UPDATE SET arm = 1, at = excluded.at \
         WHERE bot_assignment.arm = 0 AND excluded.arm = 1",
    )
    .await
}

/// The communities that have a side.
pub(crate) async fn assigned(
    conn: &impl ConnectionTrait,
    run: Run,
) -> Result<Vec<CommunityId>, StoreError> {
    let query = "SELECT community_id FROM bot_assignment WHERE kind = $1 AND run_id = $2";
    let rows = sql::rows(conn, query, vec![run.code().into(), run.id().into()]).await?;
    let id = |row: &QueryResult| Ok(CommunityId(row.try_get_by_index(0)?));
    rows.iter().map(id).collect()
}

/// The communities on the second side.
pub(crate) async fn on_second_side(
    conn: &impl ConnectionTrait,
    run: Run,
) -> Result<Vec<CommunityId>, StoreError> {
    let query = "SELECT community_id FROM bot_assignment WHERE kind = $1 AND run_id = $2 AND arm = 1 \
                 ORDER BY community_id";
    let rows = sql::rows(conn, query, vec![run.code().into(), run.id().into()]).await?;
    let id = |row: &QueryResult| Ok(CommunityId(row.try_get_by_index(0)?));
    rows.iter().map(id).collect()
}

/// Writes down how many accounts of an experiment's communities have a score when it ends.
pub(crate) async fn keep_scored(conn: &impl ConnectionTrait, run: Run) -> Result<(), StoreError> {
    let query = "UPDATE bot_assignment SET n_scored = (SELECT COUNT(*) FROM bot_score s \
                 WHERE s.community_id = bot_assignment.community_id AND s.scored_at IS NOT NULL) \
                 WHERE kind = $1 AND run_id = $2";
    sql::execute(conn, query, vec![run.code().into(), run.id().into()]).await?;
    Ok(())
}

/// Communities with a deployed model of their own.
pub(crate) async fn on_their_own(
    conn: &impl ConnectionTrait,
) -> Result<Vec<CommunityId>, StoreError> {
    let query = "SELECT DISTINCT scope FROM bot_model WHERE state = 2 AND scope <> 0";
    let rows = sql::rows(conn, query, vec![]).await?;
    let id = |row: &QueryResult| Ok(CommunityId(row.try_get_by_index(0)?));
    rows.iter().map(id).collect()
}

/// What reviews, cases and predictions say of a side since an instant.
#[expect(
    clippy::struct_field_names,
    reason = "they are all numbers of something"
)]
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Outcome {
    /// Cases that accuse somebody.
    pub(crate) n_cases: u64,
    /// Of accused accounts, those that people said something about.
    pub(crate) n_right: u64,
    pub(crate) n_wrong: u64,
    /// Accounts with a score. Everybody is scored again each night, whether or not it comes to something new.
    pub(crate) n_scored: u64,
}

impl Outcome {
    pub(crate) const fn reviewed(&self) -> u64 {
        self.n_right + self.n_wrong
    }
}

/// What is counted of a side: cases that accuse somebody, and of accused accounts those that people called bots and those that
/// they called people, from what each community calls possible on. Reviews of accounts that were drawn by chance
/// accuse nobody and are left out, and so are those of what another side than this one predicted: a case that the one before
/// opened says nothing of the new one.
fn counted(of_side: &str, runs: &Runs) -> String {
    let reviewed = runs.within("bot_review.at");
    let possible = super::setting::possible("bot_review.community_id");
    let review = |verdict: i16| {
        format!(
            "(SELECT COUNT(*) FROM bot_review JOIN bot_prediction p ON p.id = bot_review.prediction_id \
             WHERE bot_review.{of_side} AND {reviewed} AND verdict = {verdict} \
             AND undone_at IS NULL AND was_sampled = FALSE AND bot_review.probability_ppm >= {possible} AND {})",
            runs.judged_by
        )
    };
    // A case opened by a score, the rules or a list.
    format!(
        "(SELECT COUNT(*) FROM bot_case WHERE {of_side} AND {} AND (reasons & 11) <> 0) AS n_cases, \
         {} AS n_right, {} AS n_wrong",
        runs.settled("opened_at"),
        review(1),
        review(2)
    )
}

fn number(row: &QueryResult, place: usize) -> Result<u64, StoreError> {
    let n: i64 = row.try_get_by_index(place)?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// A side of a rollout or an experiment: how many communities it has, and what came of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct SideOutcome {
    pub(crate) n_communities: u32,
    pub(crate) outcome: Outcome,
}

/// By the ids of runs, the first and the second side of each.
pub(crate) type Sides<T> = HashMap<i32, [T; 2]>;

/// Which rows of which table are runs, and from when to when they count.
struct Runs {
    kind: i16,
    table: &'static str,
    /// The first and the last instant of side `s` of run `r`.
    ends: [&'static str; 2],
    /// For how long from the first on cases do not count, in microseconds: what was said before is judged anew then.
    settles: i64,
    /// Which assignments are side `s` of run `r`.
    side: &'static str,
    /// Whether prediction `p` is one of side `s` of run `r`.
    judged_by: &'static str,
}

const ROLLOUTS: Runs = Runs {
    kind: Run::Rollout(0).code(),
    table: "bot_rollout",
    // At the last step nobody is left on the first side: what those that came with it had before stands there.
    ends: [
        "CASE WHEN s.arm = 0 AND r.step = 100 THEN r.started_at ELSE r.stepped_at END",
        "CASE WHEN s.arm = 0 AND r.step = 100 THEN r.stepped_at - 1 ELSE COALESCE(r.ended_at, 9223372036854775807) END",
    ],
    settles: 86_400_000_000,
    side: "((s.arm = arm AND (s.arm = 1 OR r.step < 100)) OR (s.arm = 0 AND r.step = 100 AND at = r.stepped_at))",
    judged_by: "((s.arm = 1 AND p.model_id = r.model_id) OR (s.arm = 0 AND (p.model_id IS NULL OR p.model_id <> r.model_id)))",
};
const EXPERIMENTS: Runs = Runs {
    kind: Run::Experiment(0).code(),
    table: "bot_experiment",
    ends: ["r.started_at", "COALESCE(r.ended_at, 9223372036854775807)"],
    settles: 0,
    side: "s.arm = arm",
    judged_by: "((s.arm = 0 AND p.model_id IS NULL) \
                OR (s.arm = 1 AND p.model_id IS NOT NULL AND (r.model_id IS NULL OR p.model_id = r.model_id)))",
};

impl Runs {
    /// Whether the instant in a column is between the beginning and the end of side `s` of run `r`.
    fn within(&self, column: &str) -> String {
        let [first, last] = self.ends;
        format!("{column} BETWEEN {first} AND {last}")
    }

    /// The same, once what was said before is judged.
    fn settled(&self, column: &str) -> String {
        let [first, last] = self.ends;
        format!("{column} BETWEEN {first} + {} AND {last}", self.settles)
    }
}

/// What came of both sides of runs. One statement, however many they are. `n_scored` is counted by a part of the statement that
/// is given the side's communities and assignments.
async fn of_runs(
    conn: &impl ConnectionTrait,
    runs: &Runs,
    ids: &[i32],
    n_scored: impl Fn(&str, &str) -> String,
) -> Result<Sides<SideOutcome>, StoreError> {
    let mut found = Sides::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let of = format!(
        "FROM bot_assignment WHERE kind = {} AND run_id = r.id AND {}",
        runs.kind, runs.side
    );
    let of_side = format!("community_id IN (SELECT community_id {of})");
    let query = format!(
        "SELECT {}, (SELECT COUNT(*) {of}) AS n_communities, r.id, s.arm, {} AS n_scored FROM {} r \
         CROSS JOIN (SELECT 0 AS arm UNION ALL SELECT 1 AS arm) s WHERE r.id IN ({})",
        counted(&of_side, runs),
        n_scored(&of_side, &of),
        runs.table,
        super::placeholders(1, ids.len())
    );
    let values = ids.iter().map(|id| (*id).into()).collect();
    for row in sql::rows(conn, &query, values).await? {
        let (id, arm): (i32, i32) = (row.try_get_by_index(4)?, row.try_get_by_index(5)?);
        put(
            &mut found,
            id,
            arm,
            SideOutcome {
                n_communities: u32::try_from(number(&row, 3)?).unwrap_or(u32::MAX),
                outcome: Outcome {
                    n_cases: number(&row, 0)?,
                    n_right: number(&row, 1)?,
                    n_wrong: number(&row, 2)?,
                    n_scored: number(&row, 6)?,
                },
            },
        );
    }
    Ok(found)
}

fn put<T: Default>(found: &mut Sides<T>, id: i32, arm: i32, what: T) {
    let sides = found.entry(id).or_default();
    let side = usize::try_from(arm).ok().and_then(|arm| sides.get_mut(arm));
    if let Some(side) = side {
        *side = what;
    }
}

/// What came of the sides of rollouts, from the beginning of their step to their end, at the last step beside what the communities that
/// came with it had before, without how many accounts were scored,
/// which nothing about a rollout depends on. One statement, however many they are.
pub(crate) async fn of_rollouts(
    conn: &impl ConnectionTrait,
    ids: &[i32],
) -> Result<Sides<SideOutcome>, StoreError> {
    // As wide as a count, also on PostgreSQL.
    of_runs(conn, &ROLLOUTS, ids, |_, _| "CAST(0 AS BIGINT)".to_owned()).await
}

/// What came of the sides of experiments, from their beginning to their end. One statement, however many they are.
pub(crate) async fn of_experiments(
    conn: &impl ConnectionTrait,
    ids: &[i32],
) -> Result<Sides<SideOutcome>, StoreError> {
    let scored = |of_side: &str, of: &str| {
        format!(
            "CASE WHEN r.ended_at IS NULL THEN (SELECT COUNT(*) FROM bot_score WHERE {of_side} AND scored_at IS NOT NULL) \
             ELSE (SELECT CAST(COALESCE(SUM(n_scored), 0) AS bigint) {of}) END"
        )
    };
    of_runs(conn, &EXPERIMENTS, ids, scored).await
}

/// The medians of the time from looking to deciding on the sides of experiments, in seconds; the lower one of two in the
/// middle. One statement, however many they are.
pub(crate) async fn median_secs(
    conn: &impl ConnectionTrait,
    ids: &[i32],
) -> Result<Sides<Option<u32>>, StoreError> {
    let mut found = Sides::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let query = format!(
        "SELECT id, arm, took_secs FROM (SELECT r.id, a.arm, v.took_secs, \
         ROW_NUMBER() OVER (PARTITION BY r.id, a.arm ORDER BY v.took_secs, v.id) AS place, \
         COUNT(*) OVER (PARTITION BY r.id, a.arm) AS n FROM {} r \
         JOIN bot_assignment a ON a.kind = {} AND a.run_id = r.id \
         JOIN bot_review v ON v.community_id = a.community_id AND {} \
         WHERE r.id IN ({}) AND v.took_secs IS NOT NULL AND v.verdict <> 3 AND v.undone_at IS NULL) AS taken WHERE place = (n + 1) / 2",
        EXPERIMENTS.table,
        EXPERIMENTS.kind,
        EXPERIMENTS.within("v.at"),
        super::placeholders(1, ids.len())
    );
    let values = ids.iter().map(|id| (*id).into()).collect();
    for row in sql::rows(conn, &query, values).await? {
        let (id, arm): (i32, i16) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
        let secs: i32 = row.try_get_by_index(2)?;
        put(&mut found, id, arm.into(), Some(super::count(secs)));
    }
    Ok(found)
}
