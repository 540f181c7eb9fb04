//! What follows from a score: a prediction is written down where something changed, a case is opened where somebody should
//! look, and one that nothing speaks for any more is withdrawn.
//!
//! Invariants: nobody is banned; whoever is left alone has no case, but for a regular whom members reported or who linked to a listed domain; in a dry run nobody is told; who is drawn by chance
//! does not depend on the score.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use ::store::{StoreError, Work};
use kernel::{AccountId, CommunityId, Timestamp, UserId};
use serde_json::{Value, json};

use crate::{
    CaseState, Exemption, Known, Level, Probability, Reason, Setting,
    assessment::Found,
    bearing::Bearings,
    case::{self, Evidence},
    cores,
    features::{Community, SCHEMA, State},
    sample,
    scorer::{Judge, Judged, Scorer, text_of},
    store::{self as tables, case::Row as CaseRow, prediction, score::Scored, state::Seat},
};

/// A probability that moved less is no news.
const MOVED: u32 = 50_000;
/// Between these a verdict teaches most.
const UNCERTAIN: [Probability; 2] = [Probability::percent(40), Probability::percent(60)];
/// A case is withdrawn when the probability is so far below what would open one.
const WITHDRAWN_BELOW: u32 = 100_000;

/// What is told when somebody's score changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScoreUpdate {
    /// The account.
    pub account: AccountId,
    /// Whose it is.
    pub user: UserId,
    /// How sure the program is now.
    pub probability: Probability,
    /// The same in a word.
    pub level: Level,
    /// When it was scored.
    pub at: Timestamp,
}

impl ScoreUpdate {
    fn payload(&self) -> String {
        json!({
            "account": self.account.0, "user": self.user.0, "probability_ppm": self.probability.ppm(),
            "level": self.level.as_str(), "at": self.at.0,
        })
        .to_string()
    }

    /// Reads what was told under [`scores_topic`]; `None` for anything else.
    pub fn read(payload: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(payload).ok()?;
        let number = |key: &str| value.get(key).and_then(Value::as_i64);
        Some(Self {
            account: AccountId(number("account")?),
            user: UserId(i32::try_from(number("user")?).ok()?),
            probability: Probability::millionths(u32::try_from(number("probability_ppm")?).ok()?),
            level: Level::from_name(value.get("level")?.as_str()?)?,
            at: Timestamp(number("at")?),
        })
    }
}

/// The topic under which it is told that scores of a community changed.
pub fn scores_topic(community: CommunityId) -> String {
    format!("bots:score:{community}")
}

/// An account that is scored.
pub(crate) struct Candidate<'a> {
    pub(crate) seat: Seat,
    pub(crate) state: &'a State,
    pub(crate) before: Scored,
    /// Whether there is too little of it to score it: then only what it linked to and what a list says are reasons, and there is no
    /// score.
    pub(crate) is_early: bool,
    /// At which hours people of its community speak.
    pub(crate) hours: [f32; 24],
}

/// Who judges in a community, by what is usual there.
struct Court {
    judge: Arc<Judge>,
    community: Arc<Community>,
}

/// An account that was scored.
struct Verdict {
    seat: Seat,
    judge: Arc<Judge>,
    judged: Judged,
    community: Arc<Community>,
    n_messages: u32,
    after: Scored,
    reasons: Vec<Reason>,
    /// How much a list of unwanted accounts says, 0 to 1.
    listed: f64,
    is_news: bool,
    /// Whether it is suspected and another model suspects it than the last time.
    is_by_another: bool,
    is_early: bool,
}

/// Scores accounts and writes what follows, but not the scores themselves: answers those. What each took is handed to
/// `took`, in microseconds: judging it, or its part of everything that was read and written for all of them, whichever was longer.
pub(crate) async fn score(
    work: &mut Work,
    scorer: &Scorer,
    candidates: &[Candidate<'_>],
    clock: &dyn kernel::Clock,
    took: &mut Vec<u32>,
) -> Result<Vec<(Seat, Scored)>, StoreError> {
    let begun = clock.now();
    let seats: Vec<Seat> = candidates.iter().map(|one| one.seat).collect();
    let bearings = Bearings::of(work.conn(), &seats, work.now()).await?;
    let mut courts: HashMap<CommunityId, Court> = HashMap::new();
    for candidate in candidates {
        let id = candidate.seat.0;
        courts.entry(id).or_insert_with(|| Court {
            judge: scorer.for_community(id),
            community: Arc::new(bearings.community(id, candidate.hours)),
        });
    }
    let now = work.now();
    let drawn = sample::drawn(work.conn(), candidates, &bearings, now).await?;
    let judged = cores::each(candidates, |candidate| {
        // Erased meanwhile.
        bearings.account(candidate.seat.1)?;
        let court = courts.get(&candidate.seat.0)?;
        let begun = clock.now();
        let account = bearings.features(candidate.seat);
        let judged = court
            .judge
            .judge(candidate.state, &account, &court.community);
        let lasted = clock.now().since(begun).as_micros();
        let is_drawn = drawn.contains(&candidate.seat);
        let verdict = weigh(candidate, court, judged, &bearings, is_drawn, now);
        Some((verdict, u32::try_from(lasted).unwrap_or(u32::MAX)))
    });
    let (mut verdicts, lasted): (Vec<Verdict>, Vec<u32>) = judged.into_iter().flatten().unzip();
    follow(work, &mut verdicts, &bearings).await?;
    let n = u128::try_from(lasted.len()).unwrap_or(u128::MAX).max(1);
    let part = clock.now().since(begun).as_micros() / n;
    let part = u32::try_from(part).unwrap_or(u32::MAX);
    let each = metrics::histogram!("waddlebot_bots_score_seconds", "of" => "stored");
    took.extend(lasted.into_iter().map(|own| {
        let own = own.max(part);
        each.record(Duration::from_micros(own.into()));
        own
    }));
    Ok(verdicts
        .into_iter()
        .filter(|verdict| !verdict.is_early)
        .map(|verdict| (verdict.seat, verdict.after))
        .collect())
}

/// What an answer means here.
fn weigh(
    candidate: &Candidate<'_>,
    court: &Court,
    judged: Judged,
    bearings: &Bearings,
    is_drawn: bool,
    now: Timestamp,
) -> Verdict {
    let seat = candidate.seat;
    let judge = Arc::clone(&court.judge);
    let setting = bearings.setting(seat.0);
    let exemption = bearings.exemption(seat, now);
    let is_news =
        !candidate.is_early && is_news(&setting, candidate.before.predicted, judged.probability);
    let known = bearings.known(seat);
    let listed = match known {
        Some(Known::Unwanted(weight)) if exemption.is_none() => weight,
        _ => 0.0,
    };
    let mut reasons = if exemption.is_some() || candidate.is_early {
        Vec::new()
    } else {
        reasons(&setting, &judge, &judged, is_drawn)
    };
    if listed > 0.0 {
        reasons.push(Reason::List);
    }
    // As with reports, a regular is not left alone: the account may have been taken over.
    let is_safe = exemption.is_some_and(Exemption::holds_against_reports);
    if bearings.links(seat).is_some() && !is_safe {
        reasons.push(Reason::Phishing);
    }
    let n_messages = candidate.state.total();
    let judged_now = judged.probability;
    let was_scored = candidate.before.at.is_some() && !candidate.is_early;
    let is_by_another = was_scored && candidate.before.model != judge.model();
    let after = Scored {
        n: n_messages,
        at: Some(now),
        probability: judged.probability,
        by_rules: judged.by_rules,
        model: judge.model(),
        exemption,
        predicted: candidate.before.predicted,
    };
    Verdict {
        seat,
        judge,
        judged,
        community: Arc::clone(&court.community),
        n_messages,
        after,
        reasons,
        listed,
        is_news,
        is_by_another: is_by_another && setting.level(judged_now) >= Level::Possible,
        is_early: candidate.is_early,
    }
}

/// Whether a probability is worth writing down after the one that was.
fn is_news(setting: &Setting, before: Option<Probability>, now: Probability) -> bool {
    before.is_none_or(|before| {
        setting.level(before) != setting.level(now) || before.ppm().abs_diff(now.ppm()) >= MOVED
    })
}

/// Why somebody should look; nothing if nobody should.
fn reasons(setting: &Setting, judge: &Judge, judged: &Judged, is_drawn: bool) -> Vec<Reason> {
    let mut reasons = Vec::new();
    let is_model = judge.model().is_some();
    if setting.level(judged.probability) >= Level::Possible {
        reasons.push(if is_model {
            Reason::Score
        } else {
            Reason::Rules
        });
        if is_model && setting.level(judged.by_rules) == Level::Likely {
            reasons.push(Reason::Rules);
        }
    }
    let [least, most] = UNCERTAIN;
    if is_model && (least..=most).contains(&judged.probability) {
        reasons.push(Reason::Uncertain);
    }
    if is_drawn {
        reasons.push(Reason::Sample);
    }
    reasons
}

/// Whether there is something to say in a case.
fn is_due(case: Option<&CaseRow>, verdict: &Verdict) -> bool {
    if verdict.reasons.is_empty() {
        return false;
    }
    let has = |case: &CaseRow| verdict.reasons.iter().all(|one| case.reasons.contains(one));
    match case {
        None => true,
        // What was gone is there again: somebody was left alone and is no longer.
        Some(case) if case.state == CaseState::Withdrawn => true,
        Some(case) if case.state == CaseState::Open => verdict.is_news || !has(case),
        Some(_) => verdict.is_news,
    }
}

/// Whether all that is new about an open case is who judges: what it says is what was predicted by that from now on, and reviews are
/// credited to it, but it is no news to anybody.
fn is_taken_over(case: Option<&CaseRow>, verdict: &Verdict) -> bool {
    let is_open = case.is_some_and(|case| case.state == CaseState::Open);
    is_open && verdict.is_by_another && !is_due(case, verdict)
}

/// Whether nothing speaks for an open case any more: what opened it was the score, and that is low now, or the account is
/// left alone.
fn is_withdrawn(case: &CaseRow, verdict: &Verdict, setting: &Setting) -> bool {
    let by_score =
        |reason: &Reason| matches!(reason, Reason::Score | Reason::Rules | Reason::Uncertain);
    let low = verdict.judged.probability.ppm() + WITHDRAWN_BELOW
        < setting.possible.min(UNCERTAIN[0]).ppm();
    let is_left_alone = verdict.after.exemption.is_some_and(|exemption| {
        exemption.holds_against_reports()
            || !case.reasons.contains(&Reason::Reports) && verdict.reasons.is_empty()
    });
    // What lists said of it and of its links, they say no longer.
    let by_lists = |reason: &Reason| reason.is_of_lists();
    let is_gone = case.reasons.iter().all(by_lists)
        || low
            && case
                .reasons
                .iter()
                .all(|one| by_score(one) || by_lists(one));
    case.state == CaseState::Open && (is_left_alone || verdict.reasons.is_empty() && is_gone)
}

/// Writes what follows.
async fn follow(
    work: &mut Work,
    verdicts: &mut [Verdict],
    bearings: &Bearings,
) -> Result<(), StoreError> {
    let touched: BTreeSet<Seat> = verdicts
        .iter()
        .filter(|one| {
            let is_said = one.is_news || !one.reasons.is_empty();
            is_said || one.after.exemption.is_some() || bearings.has_linked(one.seat)
        })
        .map(|one| one.seat)
        .collect();
    let communities: BTreeSet<CommunityId> = touched.iter().map(|seat| seat.0).collect();
    let communities: Vec<CommunityId> = communities.into_iter().collect();
    let accounts: Vec<AccountId> = touched.iter().map(|seat| seat.1).collect();
    let cases = tables::case::among(work.conn(), &communities, &accounts).await?;
    let mut new = Vec::new();
    for verdict in verdicts.iter_mut() {
        let case = cases.get(&verdict.seat);
        let is_written = is_due(case, verdict) || is_taken_over(case, verdict);
        // Whom only a list names has said too little to predict anything from, and models would learn from it that little was said.
        let is_only_named = verdict.is_early && verdict.reasons == [Reason::List];
        if !verdict.is_news && !is_written || is_only_named {
            continue;
        }
        verdict.after.predicted = Some(verdict.judged.probability);
        new.push(&*verdict);
    }
    let now = work.now();
    let new = cores::each(&new, |verdict| written(verdict, bearings, now));
    let ids = prediction::insert(work.conn(), SCHEMA.hash(), new).await?;
    for verdict in verdicts.iter() {
        let case = cases.get(&verdict.seat);
        let setting = bearings.setting(verdict.seat.0);
        if is_due(case, verdict) {
            let prediction = ids.get(&verdict.seat).copied();
            raise(work, &setting, verdict, (prediction, case)).await?;
        } else if let Some((case, prediction)) = case
            .filter(|case| is_taken_over(Some(case), verdict))
            .zip(ids.get(&verdict.seat))
        {
            let found = Found {
                probability: verdict.judged.probability,
                prediction: *prediction,
                n_messages: verdict.n_messages,
            };
            tables::case::put_score(work.conn(), case.id, &found).await?;
        } else if let Some(case) = case.filter(|case| is_withdrawn(case, verdict, &setting)) {
            tables::case::decide(work.conn(), case, CaseState::Withdrawn, None, None).await?;
            work.notify(case::topic(verdict.seat.0), "");
        }
        if verdict.is_news && !setting.is_dry_run {
            tell(work, &setting, verdict, bearings);
        }
    }
    Ok(())
}

fn written(verdict: &Verdict, bearings: &Bearings, now: Timestamp) -> prediction::New {
    let norms = &verdict.community.norms;
    let why = bearings.why(verdict.seat, &verdict.judge, &verdict.judged, norms);
    let why: Vec<Value> = why.iter().map(crate::Cause::to_json).collect();
    prediction::New {
        seat: verdict.seat,
        model: verdict.judge.model(),
        probability: verdict.judged.probability,
        by_rules: verdict.judged.by_rules,
        features: text_of(&verdict.judged.vector),
        why: Value::Array(why).to_string(),
        n_messages: verdict.n_messages,
        at: now,
    }
}

async fn raise(
    work: &mut Work,
    setting: &Setting,
    verdict: &Verdict,
    (prediction, before): (Option<i64>, Option<&CaseRow>),
) -> Result<(), StoreError> {
    let told = tables::report::together(work.conn(), verdict.seat).await?;
    let told = Probability::millionths(told.weight).value();
    let probability = match prediction {
        Some(_) => verdict.judged.probability,
        // What was predicted before stays what the case says.
        None => before.map_or_else(Probability::default, |case| case.probability),
    };
    let evidence = Evidence {
        community: verdict.seat.0,
        account: verdict.seat.1,
        reasons: verdict.reasons.clone(),
        probability,
        prediction,
        value: case::value(probability, verdict.n_messages, told.max(verdict.listed)),
        is_new_since_verdict: false,
    };
    case::raise(work, setting, &evidence).await?;
    Ok(())
}

fn tell(work: &mut Work, setting: &Setting, verdict: &Verdict, bearings: &Bearings) {
    let Some(account) = bearings.account(verdict.seat.1) else {
        return;
    };
    let update = ScoreUpdate {
        account: verdict.seat.1,
        user: account.user,
        probability: verdict.judged.probability,
        level: setting.level(verdict.judged.probability),
        at: work.now(),
    };
    work.notify(scores_topic(verdict.seat.0), update.payload());
}

#[cfg(test)]
mod tests {
    use super::{ScoreUpdate, is_news};
    use crate::{Level, Probability, Setting};
    use kernel::{AccountId, Timestamp, UserId};

    #[test]
    fn a_probability_is_news_when_it_is_the_first_moves_or_crosses_a_threshold() {
        let setting = Setting::default();
        let of = |before: Option<u32>, now: u32| {
            is_news(
                &setting,
                before.map(Probability::percent),
                Probability::percent(now),
            )
        };
        assert!(of(None, 0));
        assert!(!of(Some(10), 14) && of(Some(10), 15));
        assert!(of(Some(49), 50) && of(Some(70), 69) && !of(Some(71), 73));
    }

    #[test]
    fn what_is_told_reads_back() {
        let update = ScoreUpdate {
            account: AccountId(7),
            user: UserId(3),
            probability: Probability::percent(81),
            level: Level::Likely,
            at: Timestamp(12),
        };
        assert_eq!(ScoreUpdate::read(&update.payload()), Some(update));
        assert_eq!(ScoreUpdate::read(""), None);
    }
}
