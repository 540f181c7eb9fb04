//! What the program thinks of one account at the moment when people speak of it: its newest score, the prediction
//! behind it, and why it is left alone.
//!
//! Must never change a score: it writes a prediction where none is kept, so that a verdict has values to be learned from.

use ::store::{StoreError, Work};

use crate::{
    Cause, Exemption, Probability,
    bearing::Bearings,
    features::{SCHEMA, State},
    scorer::{Scorer, text_of},
    store::{
        prediction, scene,
        state::{self, Seat},
    },
};

/// What is thought of an account.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Assessment {
    /// `None` = it has said nothing that could be scored.
    pub(crate) found: Option<Found>,
    /// Why it is left alone.
    pub(crate) exemption: Option<Exemption>,
}

/// How an account is scored.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Found {
    pub(crate) probability: Probability,
    pub(crate) prediction: i64,
    pub(crate) n_messages: u32,
}

/// What is thought of an account now. One that was not scored yet is judged by what there is.
pub(crate) async fn assess(
    work: &Work,
    scorer: &Scorer,
    seat: Seat,
) -> Result<Assessment, StoreError> {
    let conn = work.conn();
    let bearings = Bearings::of(conn, &[seat], work.now()).await?;
    // Erased meanwhile.
    if bearings.account(seat.1).is_none() {
        return Ok(Assessment {
            found: None,
            exemption: None,
        });
    }
    let exemption = bearings.exemption(seat, work.now());
    let found = found(work, scorer, seat, &bearings).await?;
    Ok(Assessment { found, exemption })
}

async fn found(
    work: &Work,
    scorer: &Scorer,
    seat: Seat,
    bearings: &Bearings,
) -> Result<Option<Found>, StoreError> {
    let conn = work.conn();
    let mut rows = state::of(conn, &[seat.0], &[seat.1]).await?;
    let Some((_, row)) = rows.pop().filter(|(_, row)| row.n_messages > 0) else {
        return Ok(None);
    };
    let last = (row.score.n > 0).then_some(row.score.probability);
    let kept = prediction::last_of(conn, seat, SCHEMA.hash()).await?;
    if let Some((probability, prediction)) = last.zip(kept) {
        return Ok(Some(Found {
            probability,
            prediction,
            n_messages: row.n_messages,
        }));
    }
    let Ok(known) = State::from_bytes(&row.state) else {
        return Ok(None);
    };
    let scenes = scene::of(conn, &[seat.0]).await?;
    let hours = scene::hours_of(&scenes, seat.0);
    let community = bearings.community(seat.0, hours);
    let judge = scorer.for_community(seat.0);
    let judged = judge.judge(&known, &bearings.features(seat), &community);
    let why = bearings.why(seat, &judge, &judged, &community.norms);
    let why = why.iter().map(Cause::to_json).collect();
    let new = prediction::New {
        seat,
        model: judge.model(),
        probability: judged.probability,
        by_rules: judged.by_rules,
        features: text_of(&judged.vector),
        why: serde_json::Value::Array(why).to_string(),
        n_messages: row.n_messages,
        at: work.now(),
    };
    let ids = prediction::insert(conn, SCHEMA.hash(), vec![new]).await?;
    let found = ids.get(&seat).map(|prediction| Found {
        probability: last.unwrap_or(judged.probability),
        prediction: *prediction,
        n_messages: row.n_messages,
    });
    Ok(found)
}
