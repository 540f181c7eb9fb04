//! A new model step by step: for ten percent of the communities, for half, for all, and then as the deployed one. What people
//! say decides: where it is wrong more often than the one before, accuses twice as many, or takes too long, it is halted, and
//! everybody is back at the deployed model at once.
//!
//! Invariants: one rollout or experiment at a time; nobody changes sides but forward; communities with a model of their own are
//! not asked.

use std::{collections::HashSet, time::Duration};

use ::store::{Work, audit::Entry};
use identity::IdentityError;
use kernel::{Actor, CommunityId, Permission, Timestamp, UserId};
use ml::compare::{Arm, two_proportions};
use serde_json::json;

use crate::{
    AlertKind, Bots, BotsError, ModelState, alert, announcement,
    arm::{Run, lot, sides},
    batch::ask_to_score,
    list::check_words,
    monitoring,
    store::{
        self as tables,
        arm::{self as arm_table, Outcome, SideOutcome},
        rollout as table,
    },
    training_topic,
};

/// The steps, in percent of the communities.
pub(crate) const STEPS: [u32; 3] = [10, 50, 100];
/// How many are listed.
const LISTED_MAX: i64 = 50;
/// Reviews of each side without which precisions are not compared.
const REVIEWS_MIN: u64 = 20;
/// How much of precision may be lost.
const PRECISION_DROP: f64 = 0.05;
/// How probable a fall may be by chance and still halt: it is looked at each hour, which the test allows for.
const BY_CHANCE: f64 = 0.1;
/// The fall at which the test is sharpest.
const EXPECTED: f64 = 0.2;
/// How many times as many may be accused.
const ALERTS_TIMES: f64 = 2.0;
/// Cases of the new side without which rates are not compared.
const CASES_MIN: u64 = 10;
/// Cases of a community in a day that are taken for what was usual where there were fewer: one in ten days. A wave after silence is
/// a wave.
const QUIET: f64 = 0.1;
/// How long one score may take at worst of a hundred.
pub(crate) const LATENCY_MAX: Duration = Duration::from_millis(500);
const DAY_SECS: f64 = 86_400.0;
/// What the hourly look acts as.
pub(crate) const WHO: Actor = Actor::System("bots.guard");

/// What became of a rollout.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum RolloutState {
    /// It goes on.
    Running,
    /// It was stopped: everybody is back at the deployed model.
    Halted,
    /// The model is deployed.
    Finished,
}

impl RolloutState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Running, Self::Halted, Self::Finished];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Halted => "halted",
            Self::Finished => "finished",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Running => 0,
            Self::Halted => 1,
            Self::Finished => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// How often it is looked whether the guards object: by chance a difference is seen sooner or later by who looks often.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Look {
    Once,
    Hourly,
}

/// What guards a rollout, from the beginning of its step to its end: the communities that have the new model, and those that have
/// the one before. At the last step nobody has that: then it is what the communities which came with this step had before it.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Guards {
    /// Accused accounts of whom people said what they are, with the new model.
    pub n_new: u64,
    /// The same with the one before.
    pub n_old: u64,
    /// Of these, the share that are bots, with the new model.
    pub precision_new: Option<f64>,
    /// The same with the one before.
    pub precision_old: Option<f64>,
    /// How probable a difference as large as that of both is by chance, however often one looks.
    pub precision_p_value: Option<f64>,
    /// The same for who looks once.
    pub precision_p_value_once: Option<f64>,
    /// Cases of a community in a day, with the new model, without those of its first day, which are of what was said before.
    pub alert_rate_new: Option<f64>,
    /// The same with the one before.
    pub alert_rate_old: Option<f64>,
    /// What one score took lately, at worst of a hundred.
    pub latency_p99_ms: Option<u32>,
}

impl Guards {
    /// Why it must not go on, if so. Whoever takes a step looks once; who looks each hour asks for more.
    fn objection(&self, look: Look) -> Option<String> {
        let by_chance = match look {
            Look::Once => self.precision_p_value_once,
            Look::Hourly => self.precision_p_value,
        };
        if self.n_new >= REVIEWS_MIN
            && self.n_old >= REVIEWS_MIN
            && let (Some(new), Some(old)) = (self.precision_new, self.precision_old)
            && old - new > PRECISION_DROP
            && by_chance.is_some_and(|p| p < BY_CHANCE)
        {
            return Some(format!(
                "precision {:.0} % with the new model, {:.0} % with the one before",
                new * 100.0,
                old * 100.0
            ));
        }
        if let (Some(new), Some(old)) = (self.alert_rate_new, self.alert_rate_old)
            && new > old.max(QUIET) * ALERTS_TIMES
        {
            return Some(format!(
                "{new:.1} cases of a community in a day with the new model, {old:.1} with the one before"
            ));
        }
        let slow = u32::try_from(LATENCY_MAX.as_millis()).unwrap_or(u32::MAX);
        self.latency_p99_ms
            .filter(|took| *took > slow)
            .map(|took| format!("one score in a hundred takes {took} ms and more"))
    }
}

/// A rollout.
#[derive(Clone, PartialEq, Debug)]
pub struct Rollout {
    /// Its id.
    pub id: i32,
    /// The new model.
    pub model: i32,
    /// For how many percent of the communities: 10, 50 or 100.
    pub step: u32,
    /// What became of it.
    pub state: RolloutState,
    /// How many communities have the new model.
    pub n_communities: u32,
    /// What its guards see.
    pub guards: Guards,
    /// Why it was halted.
    pub halted_why: Option<String>,
    /// Who started it; `None` = somebody who was erased since.
    pub started_by: Option<UserId>,
    /// When.
    pub started_at: Timestamp,
    /// When this step began.
    pub stepped_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
}

fn changed() -> BotsError {
    BotsError::Conflict(
        "the rollout is not there any more, or somebody else was faster: look at it again"
            .to_owned(),
    )
}

impl Bots {
    /// The rollouts, the newest first, at most 50.
    pub async fn rollouts(&self, actor: &Actor) -> Result<Vec<Rollout>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let rows = table::newest(self.db.read(), LISTED_MAX).await?;
        self.whole_rollouts(rows).await
    }

    /// Gives a tested model to ten percent of the communities. It is the answer if it is being rolled out already.
    pub async fn start_rollout(&self, actor: &Actor, model: i32) -> Result<Rollout, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        if let Some(running) = table::running(work.conn()).await? {
            if running.model == model {
                drop(work);
                return self.whole_rollout(running).await;
            }
            return Err(BotsError::Conflict(
                "another model is being rolled out: finish or halt that first".to_owned(),
            ));
        }
        if table::running_experiment(work.conn()).await?.is_some() {
            return Err(BotsError::Conflict(
                "an experiment goes on: stop it first, or its numbers are of two things".to_owned(),
            ));
        }
        let found = tables::model::by_id(work.conn(), model).await?;
        let found = found.ok_or(BotsError::NotFound)?;
        if !found.is_for_all() {
            return Err(BotsError::Conflict(
                "only a model for everybody, made for the features of this program, is rolled out"
                    .to_owned(),
            ));
        }
        match found.state {
            ModelState::Testing | ModelState::Retired => {}
            ModelState::Deployed => {
                return Err(BotsError::Conflict(
                    "the model scores everywhere already".to_owned(),
                ));
            }
            ModelState::Training => {
                return Err(BotsError::Conflict(
                    "the model is still being made".to_owned(),
                ));
            }
        }
        let [first, ..] = STEPS;
        let by = actor.user_id();
        let id = table::insert(work.conn(), model, first, by, work.now()).await?;
        self.spread(&mut work, (id, model, first)).await?;
        work.audit(entry(
            "bots.rollout.start",
            id,
            json!({ "model": model, "step": first }),
        ));
        work.notify(training_topic(), "");
        work.commit().await?;
        self.one_rollout(id).await
    }

    /// Takes the next step of a rollout that is at this one; after the last the model is deployed. Refused while its guards
    /// object.
    pub async fn advance_rollout(
        &self,
        actor: &Actor,
        id: i32,
        step: u32,
    ) -> Result<Rollout, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let rollout = self.one_rollout(id).await?;
        if rollout.state != RolloutState::Running || rollout.step != step {
            return Err(changed());
        }
        if let Some(why) = rollout.guards.objection(Look::Once) {
            return Err(BotsError::Conflict(format!("the guards object: {why}")));
        }
        let next = STEPS.into_iter().find(|next| *next > step);
        if next.is_none() {
            self.check_file(rollout.model).await?;
        }
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let now = work.now();
        let done = match next {
            Some(next) => table::advance(work.conn(), id, step, next, now).await?,
            None => table::end(work.conn(), id, RolloutState::Finished, None, now).await?,
        };
        if !done {
            return Err(changed());
        }
        match next {
            Some(next) => {
                self.spread(&mut work, (id, rollout.model, next)).await?;
            }
            // It asks to score everybody itself.
            None => {
                self.deploy(&mut work, rollout.model).await?;
            }
        }
        let detail = json!({ "model": rollout.model, "from": step, "to": next });
        work.audit(entry("bots.rollout.advance", id, detail));
        work.notify(training_topic(), "");
        work.commit().await?;
        self.one_rollout(id).await
    }

    /// Halts a rollout: everybody is back at the deployed model. One that is over stays as it is.
    pub async fn halt_rollout(
        &self,
        actor: &Actor,
        id: i32,
        why: &str,
    ) -> Result<Rollout, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let why = check_words("why", why)?;
        let mut work = self.begin(actor).await?;
        let row = table::by_id(work.conn(), id).await?;
        let row = row.ok_or(BotsError::NotFound)?;
        if halt(&mut work, &row, &why, false).await? {
            work.commit().await?;
        }
        self.one_rollout(id).await
    }

    /// The hourly look: draws communities that are new, halts a rollout whose guards object. Whether it was halted.
    pub(crate) async fn guard_rollout(&self) -> Result<bool, BotsError> {
        let Some(row) = table::running(self.db.read()).await? else {
            return Ok(false);
        };
        let rollout = self.whole_rollout(row.clone()).await?;
        let objection = rollout.guards.objection(Look::Hourly);
        let mut work = self.begin(&WHO).await?;
        let is_halted = if let Some(why) = objection {
            halt(&mut work, &row, &why, true).await?
        } else {
            self.draw(&work, Run::Rollout(row.id), row.step).await?;
            false
        };
        work.commit().await?;
        Ok(is_halted)
    }

    /// Gives the new model to as many communities as the step says, has it score those that get it now, and tells them.
    async fn spread(
        &self,
        work: &mut Work,
        (id, model, step): (i32, i32, u32),
    ) -> Result<(), BotsError> {
        let run = Run::Rollout(id);
        let before: HashSet<CommunityId> = arm_table::on_second_side(work.conn(), run)
            .await?
            .into_iter()
            .collect();
        self.draw(work, run, step).await?;
        let mut new = arm_table::on_second_side(work.conn(), run).await?;
        new.retain(|community| !before.contains(community));
        ask_to_score(work, Some(&new)).await?;
        Ok(announcement::advanced(work, (id, model, step), &new).await?)
    }

    /// Puts every community that has no model of its own on its side.
    async fn draw(&self, work: &Work, run: Run, share: u32) -> Result<(), BotsError> {
        let sides = sides(self.lots(work, run).await?, share);
        Ok(arm_table::assign(work.conn(), run, &sides, work.now()).await?)
    }

    /// Every community that has no model of its own, with its lot.
    pub(crate) async fn lots(
        &self,
        work: &Work,
        run: Run,
    ) -> Result<Vec<(CommunityId, u8)>, BotsError> {
        let own: HashSet<CommunityId> = arm_table::on_their_own(work.conn())
            .await?
            .into_iter()
            .collect();
        let all = match self.identity.communities(&WHO).await {
            Ok(all) => all,
            Err(IdentityError::Storage(error)) => return Err(error.into()),
            Err(other) => return Err(BotsError::Conflict(other.to_string())),
        };
        Ok(all
            .into_iter()
            .map(|(community, _)| community.id)
            .filter(|community| !own.contains(community))
            .map(|community| (community, lot(run, community)))
            .collect())
    }

    async fn one_rollout(&self, id: i32) -> Result<Rollout, BotsError> {
        let row = table::by_id(self.db.read(), id).await?;
        self.whole_rollout(row.ok_or(BotsError::NotFound)?).await
    }

    async fn whole_rollout(&self, row: table::Row) -> Result<Rollout, BotsError> {
        let mut whole = self.whole_rollouts(vec![row]).await?;
        whole.pop().ok_or(BotsError::NotFound)
    }

    /// Rollouts with what their guards see. As many statements for many as for one.
    async fn whole_rollouts(&self, rows: Vec<table::Row>) -> Result<Vec<Rollout>, BotsError> {
        let conn = self.db.read();
        let ids: Vec<i32> = rows.iter().map(|row| row.id).collect();
        let sides = arm_table::of_rollouts(conn, &ids).await?;
        let latency = monitoring::latency(conn).await?;
        let now = self.clock.now();
        let whole = |row: table::Row| {
            let [old, new] = sides.get(&row.id).copied().unwrap_or_default();
            let until = row.ended_at.unwrap_or(now);
            let days =
                |from: Timestamp, until: Timestamp| until.since(from).as_secs_f64() / DAY_SECS;
            let new_days = days(row.stepped_at, until);
            let is_last = STEPS.last() == Some(&row.step);
            let old_days = if is_last {
                days(row.started_at, row.stepped_at)
            } else {
                new_days
            };
            Rollout {
                id: row.id,
                model: row.model,
                step: row.step,
                state: row.state,
                n_communities: new.n_communities,
                guards: guards((&old, old_days), (&new, new_days), latency),
                halted_why: row.halted_why,
                started_by: row.started_by,
                started_at: row.started_at,
                stepped_at: row.stepped_at,
                ended_at: row.ended_at,
            }
        };
        Ok(rows.into_iter().map(whole).collect())
    }
}

/// What guards say of the first and the second side, each with the days that it lasted.
fn guards(
    (old, old_days): (&SideOutcome, f64),
    (new, new_days): (&SideOutcome, f64),
    latency_p99_ms: Option<u32>,
) -> Guards {
    // Cases of the first day do not count: they are of what was said before. Less than a day is taken for one: an hour would make
    // every case a wave.
    let rate = |side: &SideOutcome, days: f64| {
        let n = side.n_communities;
        (n > 0).then(|| whole(side.outcome.n_cases) / f64::from(n) / (days - 1.0).max(1.0))
    };
    let is_enough = new.outcome.n_cases >= CASES_MIN;
    let rates = (
        rate(new, new_days).filter(|_| is_enough),
        rate(old, old_days),
    );
    let (old, new) = (&old.outcome, &new.outcome);
    let arm = |outcome: &Outcome| Arm {
        trials: outcome.reviewed(),
        successes: outcome.n_right,
    };
    let compared = two_proportions(arm(old), arm(new), 1.0 - BY_CHANCE, EXPECTED);
    Guards {
        n_new: new.reviewed(),
        n_old: old.reviewed(),
        precision_new: share(new.n_right, new.reviewed()),
        precision_old: share(old.n_right, old.reviewed()),
        precision_p_value: compared.map(|found| found.always_valid_p_value),
        precision_p_value_once: compared.map(|found| found.p_value),
        alert_rate_new: rates.0,
        alert_rate_old: rates.1,
        latency_p99_ms,
    }
}

/// A share; `None` of nothing.
pub(crate) fn share(part: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| whole(part) / whole(of))
}

/// A count as a number.
pub(crate) fn whole(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

/// Halts a rollout that goes on; whether it did. Raises an alert if nobody asked for it.
async fn halt(
    work: &mut Work,
    row: &table::Row,
    why: &str,
    by_itself: bool,
) -> Result<bool, BotsError> {
    let now = work.now();
    if !table::end(work.conn(), row.id, RolloutState::Halted, Some(why), now).await? {
        return Ok(false);
    }
    let detail =
        json!({ "model": row.model, "step": row.step, "why": why, "by_itself": by_itself });
    work.audit(entry("bots.rollout.halt", row.id, detail.clone()));
    let had_it = arm_table::on_second_side(work.conn(), Run::Rollout(row.id)).await?;
    announcement::halted(work, row, &had_it).await?;
    ask_to_score(work, Some(&had_it)).await?;
    if by_itself {
        let words = format!("the rollout of model {} was halted: {why}", row.model);
        alert::raise(work, AlertKind::Rollout, None, &words, detail).await?;
    }
    work.notify(training_topic(), "");
    Ok(true)
}

fn entry(action: &'static str, id: i32, detail: serde_json::Value) -> Entry {
    Entry {
        action,
        object: format!("bot_rollout:{id}"),
        community: None,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(n_cases: u64, n_right: u64, n_wrong: u64) -> Outcome {
        Outcome {
            n_cases,
            n_right,
            n_wrong,
            n_scored: 0,
        }
    }

    fn side(n_communities: u32, outcome: Outcome) -> SideOutcome {
        SideOutcome {
            n_communities,
            outcome,
        }
    }

    #[test]
    fn a_rollout_is_halted_for_precision_and_for_accusing_twice_as_many_only_on_enough_evidence() {
        let why = |old: Outcome, new: Outcome| {
            guards((&side(90, old), 2.0), (&side(10, new), 2.0), None).objection(Look::Hourly)
        };
        let good = outcome(90, 19, 1);
        assert_eq!(why(good, outcome(10, 19, 1)), None);
        assert!(why(good, outcome(10, 10, 10)).unwrap().contains("50 %"));
        let few = why(good, outcome(10, 16, 4));
        assert_eq!(few, None, "three more of twenty may be chance");
        let once = |new: Outcome| {
            guards((&side(90, good), 2.0), (&side(10, new), 2.0), None).objection(Look::Once)
        };
        assert!(once(outcome(10, 13, 7)).unwrap().contains("65 %"));
        assert_eq!(
            why(good, outcome(10, 13, 7)),
            None,
            "not by who looks each hour"
        );
        assert_eq!(once(outcome(10, 18, 2)), None);
        let many = outcome(90, 380, 20);
        assert!(why(many, outcome(10, 320, 80)).unwrap().contains("80 %"));
        let five = why(outcome(90, 3_800, 200), outcome(10, 3_600, 400));
        assert_eq!(five, None, "five points are not more than five");
        assert_eq!(
            why(good, outcome(10, 2, 4)),
            None,
            "six reviews prove nothing"
        );
        assert_eq!(why(outcome(90, 3, 0), outcome(10, 16, 4)), None);
        assert!(why(good, outcome(21, 19, 1)).unwrap().contains("cases"));
        assert_eq!(
            why(good, outcome(20, 19, 1)),
            None,
            "twice is not more than twice"
        );
        let quiet = outcome(0, 0, 0);
        assert_eq!(why(quiet, outcome(9, 0, 0)), None);
        assert!(
            why(quiet, outcome(100, 0, 0)).unwrap().contains("cases"),
            "a wave where the other side is silent"
        );
        let few = outcome(10, 0, 0);
        let few = guards((&side(90, quiet), 2.0), (&side(100, few), 2.0), None);
        assert_eq!(
            few.objection(Look::Hourly),
            None,
            "one case of twenty days is no wave"
        );
        let before = (&side(50, outcome(50, 0, 0)), 10.0);
        let of_all = |n_cases| {
            guards(before, (&side(100, outcome(n_cases, 0, 0)), 1.0), None).objection(Look::Hourly)
        };
        assert_eq!(of_all(22), None, "each side has its own days");
        assert!(of_all(23).unwrap().contains("cases"));
        let in_time = Guards {
            latency_p99_ms: Some(500),
            ..Guards::default()
        };
        let late = Guards {
            latency_p99_ms: Some(501),
            ..Guards::default()
        };
        assert_eq!(in_time.objection(Look::Hourly), None);
        assert!(late.objection(Look::Hourly).unwrap().contains("501 ms"));
    }
}
