//! Is a model better than the rules: half of the communities are judged by the one, half by the other, drawn once. People's
//! reviews decide, by a test that is true however often one looks; until there are enough of them it says so and nothing else.
//!
//! Must never show a p-value of few reviews, nor run beside a rollout.

use ::store::{Work, audit::Entry};
use kernel::{Actor, CommunityId, Permission, Timestamp, UserId};
use ml::compare::{Arm, two_proportions};
use serde_json::json;

use crate::{
    BotArm, Bots, BotsError, Probability,
    arm::{Run, halves},
    batch::ask_to_score,
    list::check_words,
    rollout::{WHO, share, whole},
    store::{
        self as tables,
        arm::{self as arm_table, Outcome, SideOutcome},
        rollout as table,
    },
    training_topic,
};

/// How many are listed.
const LISTED_MAX: i64 = 50;
/// Reviews of each arm before anything is concluded.
pub(crate) const REVIEWS_MIN: u64 = 50;
/// A difference of precision that would matter.
const EXPECTED: f64 = 0.1;
/// In so many of a hundred cases an interval holds.
const LEVEL: f64 = 0.95;
/// After so many days it is over: four weeks.
const DAYS_MAX: u64 = 28;

/// An experiment to start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewExperiment {
    /// What is expected.
    pub hypothesis: String,
    /// The model; `None` = whatever is deployed.
    pub model: Option<i32>,
}

/// What came of one arm, from the beginning of the experiment to its end.
#[derive(Clone, PartialEq, Debug)]
pub struct ArmResult {
    /// Which.
    pub arm: BotArm,
    /// How many communities it has.
    pub n_communities: u32,
    /// Accounts that were accused.
    pub n_cases: u64,
    /// Of accused accounts, those of whom people said what they are.
    pub n_reviewed: u64,
    /// Of these, bots.
    pub n_right: u64,
    /// Of these, people.
    pub n_wrong: u64,
    /// The share of bots among the reviewed.
    pub precision: Option<f64>,
    /// Of all accounts with a score, each of which is scored again every night, the share that was accused and found to be a person.
    pub false_positive_rate: Option<f64>,
    /// Cases among a thousand accounts with a score.
    pub detection_rate: Option<f64>,
    /// From looking to deciding, the median.
    pub review_secs_median: Option<u32>,
}

/// What is known of a difference: the model's share less the rules'.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Estimate {
    /// The difference.
    pub difference: f64,
    /// The lower end of an interval that is true however often one looks.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The smallest p-value so far of a test that is true however often one looks.
    pub p_value: f64,
}

/// What follows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Conclusion {
    /// There are too few reviews to say anything.
    NotEnough {
        /// How many each arm needs.
        needed: u64,
    },
    /// There is no difference that could be told from chance.
    Open,
    /// The model is right more often.
    ModelBetter,
    /// The rules are right more often.
    RulesBetter,
}

impl Conclusion {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotEnough { .. } => "not_enough",
            Self::Open => "open",
            Self::ModelBetter => "model_better",
            Self::RulesBetter => "rules_better",
        }
    }
}

/// An experiment.
#[derive(Clone, PartialEq, Debug)]
pub struct Experiment {
    /// Its id.
    pub id: i32,
    /// What was expected.
    pub hypothesis: String,
    /// The model; `None` = whatever is deployed.
    pub model: Option<i32>,
    /// Who started it; `None` = somebody who was erased since.
    pub started_by: Option<UserId>,
    /// When.
    pub started_at: Timestamp,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Why.
    pub ended_why: Option<String>,
    /// The rules, then the model.
    pub arms: [ArmResult; 2],
    /// How much more often the model is right; `None` until there are enough reviews.
    pub precision: Option<Estimate>,
    /// What follows.
    pub conclusion: Conclusion,
}

fn estimate(rules: &Outcome, model: &Outcome, smallest: Probability) -> Option<Estimate> {
    let arm = |outcome: &Outcome| Arm {
        trials: outcome.reviewed(),
        successes: outcome.n_right,
    };
    let found = two_proportions(arm(rules), arm(model), LEVEL, EXPECTED)?;
    Some(Estimate {
        difference: found.difference,
        low: found.always_valid_low,
        high: found.always_valid_high,
        p_value: found.always_valid_p_value.min(smallest.value()),
    })
}

fn conclusion(estimate: Option<&Estimate>) -> Conclusion {
    match estimate {
        None => Conclusion::NotEnough {
            needed: REVIEWS_MIN,
        },
        Some(known) if known.p_value >= 1.0 - LEVEL => Conclusion::Open,
        Some(known) if known.difference > 0.0 => Conclusion::ModelBetter,
        Some(_) => Conclusion::RulesBetter,
    }
}

fn result(arm: BotArm, side: &SideOutcome, review_secs_median: Option<u32>) -> ArmResult {
    let outcome = &side.outcome;
    let scored = outcome.n_scored;
    ArmResult {
        arm,
        n_communities: side.n_communities,
        n_cases: outcome.n_cases,
        n_reviewed: outcome.reviewed(),
        n_right: outcome.n_right,
        n_wrong: outcome.n_wrong,
        precision: share(outcome.n_right, outcome.reviewed()),
        false_positive_rate: share(outcome.n_wrong, scored),
        detection_rate: (scored > 0).then(|| whole(outcome.n_cases) * 1_000.0 / whole(scored)),
        review_secs_median,
    }
}

impl Bots {
    /// The experiments, the newest first, at most 50.
    pub async fn experiments(&self, actor: &Actor) -> Result<Vec<Experiment>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let rows = table::experiments(self.db.read(), LISTED_MAX).await?;
        self.whole_experiments(rows).await
    }

    /// Lets the rules judge one half of the communities and a model the other.
    pub async fn start_experiment(
        &self,
        actor: &Actor,
        new: &NewExperiment,
    ) -> Result<Experiment, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let hypothesis = check_words("hypothesis", &new.hypothesis)?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        if table::running(work.conn()).await?.is_some()
            || table::running_experiment(work.conn()).await?.is_some()
        {
            return Err(BotsError::Conflict(
                "a rollout or another experiment goes on: end it first, or its numbers are of two things".to_owned(),
            ));
        }
        if let Some(id) = new.model {
            let model = tables::model::by_id(work.conn(), id).await?;
            let model = model.ok_or(BotsError::NotFound)?;
            if !model.may_be_tried() {
                return Err(BotsError::Conflict(
                    "only a model for everybody, made for the features of this program, can be tried".to_owned(),
                ));
            }
        }
        let now = work.now();
        let by = actor.user_id();
        let id = table::insert_experiment(work.conn(), &hypothesis, new.model, by, now).await?;
        if self.draw_halves(&work, Run::Experiment(id)).await? < 2 {
            return Err(BotsError::Conflict(
                "two communities without a model of their own are needed, one for each side"
                    .to_owned(),
            ));
        }
        let detail = json!({ "hypothesis": hypothesis, "model": new.model });
        ask_to_score(&mut work, None).await?;
        work.audit(entry("bots.experiment.start", id, detail));
        work.notify(training_topic(), "");
        work.commit().await?;
        self.one_experiment(id).await
    }

    /// Ends an experiment: everybody is judged as before. One that is over stays as it is.
    pub async fn stop_experiment(
        &self,
        actor: &Actor,
        id: i32,
        why: &str,
    ) -> Result<Experiment, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let why = check_words("why", why)?;
        self.end_experiment(actor, id, &why).await?;
        self.one_experiment(id).await
    }

    async fn end_experiment(&self, actor: &Actor, id: i32, why: &str) -> Result<(), BotsError> {
        let mut work = self.begin(actor).await?;
        if table::experiment(work.conn(), id).await?.is_none() {
            return Err(BotsError::NotFound);
        }
        if table::end_experiment(work.conn(), id, why, work.now()).await? {
            arm_table::keep_scored(work.conn(), Run::Experiment(id)).await?;
            ask_to_score(&mut work, None).await?;
            work.audit(entry("bots.experiment.stop", id, json!({ "why": why })));
            work.notify(training_topic(), "");
            work.commit().await?;
        }
        Ok(())
    }

    /// The hourly look: draws communities that are new, keeps the smallest p-value, and ends an experiment that lasted four
    /// weeks or does harm.
    pub(crate) async fn guard_experiment(&self) -> Result<(), BotsError> {
        let Some(row) = table::running_experiment(self.db.read()).await? else {
            return Ok(());
        };
        let experiment = self.whole_experiment(row).await?;
        let id = experiment.id;
        let work = self.begin(&WHO).await?;
        if let Some(known) = &experiment.precision {
            table::keep_p(work.conn(), id, Probability::of(known.p_value)).await?;
        }
        self.draw_halves(&work, Run::Experiment(id)).await?;
        work.commit().await?;
        let days = self.clock.now().since(experiment.started_at).as_secs() / 86_400;
        if experiment.conclusion == Conclusion::RulesBetter {
            let why = "the model is wrong more often than the rules";
            self.end_experiment(&WHO, id, why).await?;
        } else if days >= DAYS_MAX {
            self.end_experiment(&WHO, id, "four weeks are over").await?;
        }
        Ok(())
    }

    /// Puts every community that has no model of its own and no side yet on one, half of them each; how many there are in all. Nobody
    /// changes sides while it goes on.
    async fn draw_halves(&self, work: &Work, run: Run) -> Result<usize, BotsError> {
        let known = arm_table::assigned(work.conn(), run).await?;
        let mut lots = self.lots(work, run).await?;
        lots.retain(|(community, _)| !known.contains(community));
        let n = known.len() + lots.len();
        // One that comes later is drawn alone: its lot decides.
        let sides = match lots.as_slice() {
            [(community, lot)] if !known.is_empty() => vec![(*community, *lot < 50)],
            _ => halves(lots),
        };
        arm_table::assign(work.conn(), run, &sides, work.now()).await?;
        Ok(n)
    }

    async fn one_experiment(&self, id: i32) -> Result<Experiment, BotsError> {
        let row = table::experiment(self.db.read(), id).await?;
        self.whole_experiment(row.ok_or(BotsError::NotFound)?).await
    }

    async fn whole_experiment(&self, row: table::Experiment) -> Result<Experiment, BotsError> {
        let mut whole = self.whole_experiments(vec![row]).await?;
        whole.pop().ok_or(BotsError::NotFound)
    }

    /// Experiments with what came of them. As many statements for many as for one.
    async fn whole_experiments(
        &self,
        rows: Vec<table::Experiment>,
    ) -> Result<Vec<Experiment>, BotsError> {
        let conn = self.db.read();
        let ids: Vec<i32> = rows.iter().map(|row| row.id).collect();
        let sides = arm_table::of_experiments(conn, &ids).await?;
        let medians = arm_table::median_secs(conn, &ids).await?;
        let whole = |row: table::Experiment| {
            let [rules, model] = sides.get(&row.id).copied().unwrap_or_default();
            let [rules_secs, model_secs] = medians.get(&row.id).copied().unwrap_or_default();
            let reviewed = rules.outcome.reviewed().min(model.outcome.reviewed());
            let precision = estimate(&rules.outcome, &model.outcome, row.smallest_p)
                .filter(|_| reviewed >= REVIEWS_MIN);
            Experiment {
                id: row.id,
                hypothesis: row.hypothesis,
                model: row.model,
                started_by: row.started_by,
                started_at: row.started_at,
                ended_at: row.ended_at,
                ended_why: row.ended_why,
                conclusion: conclusion(precision.as_ref()),
                arms: [
                    result(BotArm::Rules, &rules, rules_secs),
                    result(BotArm::Model, &model, model_secs),
                ],
                precision,
            }
        };
        Ok(rows.into_iter().map(whole).collect())
    }
}

fn entry(action: &'static str, id: i32, detail: serde_json::Value) -> Entry {
    Entry {
        action,
        object: format!("bot_experiment:{id}"),
        community: None,
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(n_right: u64, n_wrong: u64) -> Outcome {
        Outcome {
            n_cases: n_right + n_wrong,
            n_right,
            n_wrong,
            n_scored: 2_000,
        }
    }

    #[test]
    fn a_difference_is_told_only_where_chance_can_be_ruled_out() {
        let never = Probability::percent(100);
        let of = |rules: &Outcome, model: &Outcome, smallest| {
            conclusion(estimate(rules, model, smallest).as_ref())
        };
        assert_eq!(
            of(&outcome(60, 60), &outcome(110, 10), never),
            Conclusion::ModelBetter
        );
        assert_eq!(
            of(&outcome(110, 10), &outcome(60, 60), never),
            Conclusion::RulesBetter
        );
        assert_eq!(
            of(&outcome(60, 40), &outcome(64, 36), never),
            Conclusion::Open
        );
        // What was ruled out once stays so.
        let earlier = Probability::percent(1);
        assert_eq!(
            of(&outcome(60, 40), &outcome(64, 36), earlier),
            Conclusion::ModelBetter
        );
        assert_eq!(
            of(&outcome(0, 0), &outcome(5, 0), never),
            Conclusion::NotEnough {
                needed: REVIEWS_MIN
            }
        );
    }

    #[test]
    fn rates_are_of_what_was_scored_and_nothing_is_divided_by_nothing() {
        let side = SideOutcome {
            n_communities: 3,
            outcome: outcome(30, 10),
        };
        let some = result(BotArm::Model, &side, Some(20));
        assert_eq!(some.precision, Some(0.75));
        assert_eq!(some.false_positive_rate, Some(0.005));
        assert_eq!(some.detection_rate, Some(20.0));
        let none = result(BotArm::Rules, &SideOutcome::default(), None);
        assert_eq!(
            (
                none.precision,
                none.false_positive_rate,
                none.detection_rate
            ),
            (None, None, None)
        );
    }
}
