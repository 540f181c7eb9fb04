//! How sure the program is about accounts, how that is spread, and what other thresholds would flag.

use ::bots::{ErrorRates, ExpectedErrors, Flagged, Histogram, LabelCount, Score, WhatIf};
use async_graphql::{Enum, SimpleObject};

use super::{BotLevel, case::BotCaseState, whole};
use crate::schema::{
    member::Account,
    scalar::{DateTime, count},
};

/// Why somebody is left alone.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::Exemption")]
pub(crate) enum BotExemption {
    /// Their role.
    Role,
    /// They are a regular.
    Regular,
    /// It is a bot that is used: a list or a correction says so.
    Service,
    /// Somebody corrected a list: it is neither unwanted nor a bot that is used.
    Cleared,
    /// Its platform says itself that it is automated.
    Marked,
}

/// How sure the program is about an account.
#[derive(SimpleObject)]
pub(crate) struct BotAccountScore {
    /// Whose account.
    user_id: i32,
    /// The account.
    account: Account,
    /// How sure, 0 to 1.
    probability: f64,
    /// The same on a scale of 0 to 100, rounded.
    confidence: i32,
    /// What the rules say of the same, 0 to 100.
    by_rules: i32,
    /// The probability in a word, by the thresholds of now.
    level: BotLevel,
    /// The model that said so, 0 = the one that ships; null = the rules.
    model_id: Option<i32>,
    /// Why the account is left alone, if it is.
    exemption: Option<BotExemption>,
    /// The id of the case about it.
    case_id: Option<i32>,
    /// What people decided; it counts more than the probability.
    decided: Option<BotCaseState>,
    /// How many messages it was judged by.
    message_count: i32,
    /// When.
    scored_at: DateTime,
}

impl From<Score> for BotAccountScore {
    fn from(score: Score) -> Self {
        Self {
            user_id: score.account.user.0,
            account: score.account.into(),
            probability: score.probability.value(),
            confidence: whole(score.probability),
            by_rules: whole(score.by_rules),
            level: score.level.into(),
            model_id: score.model,
            exemption: score.exemption.map(BotExemption::from),
            case_id: score.case,
            decided: score.decided.map(BotCaseState::from),
            message_count: count(score.n_messages.into()),
            scored_at: DateTime(score.scored_at),
        }
    }
}

/// How the scores of a community are spread.
#[derive(SimpleObject)]
pub(crate) struct BotHistogram {
    /// How many accounts there are in each five per cent, twenty numbers.
    bins: Vec<i32>,
    /// Likely bots.
    likely: i32,
    /// Possible ones.
    possible: i32,
    /// The others.
    unlikely: i32,
    /// Those who are left alone: in the bins, and in none of the three.
    exempt: i32,
}

impl From<Histogram> for BotHistogram {
    fn from(all: Histogram) -> Self {
        Self {
            bins: all.bins.into_iter().map(count).collect(),
            likely: count(all.likely),
            possible: count(all.possible),
            unlikely: count(all.unlikely),
            exempt: count(all.exempt),
        }
    }
}

/// What thresholds flag. Of those who are left alone nobody is.
#[derive(SimpleObject)]
pub(crate) struct BotFlagged {
    /// Likely bots.
    likely: i32,
    /// Possible ones.
    possible: i32,
    /// Those that were predicted to be likely bots at some time in thirty days, whatever is thought of them now. Where the threshold is
    /// lower than it was, those between were written down only as far as they moved.
    in_a_month: i32,
    /// Flagged, and people said that it is a bot.
    right: i32,
    /// Flagged, and people said that it is a person.
    wrong: i32,
    /// Not flagged, and people said that it is a bot.
    missed: i32,
}

impl From<Flagged> for BotFlagged {
    fn from(flagged: Flagged) -> Self {
        Self {
            likely: count(flagged.likely),
            possible: count(flagged.possible),
            in_a_month: count(flagged.in_a_month),
            right: count(flagged.right),
            wrong: count(flagged.wrong),
            missed: count(flagged.missed),
        }
    }
}

/// What goes wrong from a threshold on.
#[derive(SimpleObject)]
pub(crate) struct BotErrorRates {
    /// Of people, the share that is called a bot, 0 to 1.
    false_positive: f64,
    /// Of bots, the share that is missed, 0 to 1.
    false_negative: f64,
}

impl From<ErrorRates> for BotErrorRates {
    fn from(rates: ErrorRates) -> Self {
        Self {
            false_positive: rates.false_positive,
            false_negative: rates.false_negative,
        }
    }
}

/// The mistakes to expect of whoever judges a community, by accounts that it had not learned from.
#[derive(SimpleObject)]
pub(crate) struct BotExpectedErrors {
    /// The model that judges, 0 = the one that ships; null = the rules.
    model_id: Option<i32>,
    /// How many people it was measured on; null = it brings no figures.
    people: Option<i32>,
    /// How many bots it was measured on; null = it brings no figures.
    bots: Option<i32>,
    /// From the threshold on from which somebody is likely a bot; null where it was not measured.
    likely: Option<BotErrorRates>,
    /// From the one on from which somebody is possibly one; null where it was not measured.
    possible: Option<BotErrorRates>,
}

impl From<ExpectedErrors> for BotExpectedErrors {
    fn from(errors: ExpectedErrors) -> Self {
        Self {
            model_id: errors.model,
            people: errors.measured_on.map(|on| count(on.people)),
            bots: errors.measured_on.map(|on| count(on.bots)),
            likely: errors.likely.map(BotErrorRates::from),
            possible: errors.possible.map(BotErrorRates::from),
        }
    }
}

/// What would have happened at other thresholds.
#[derive(SimpleObject)]
pub(crate) struct BotWhatIf {
    /// With the thresholds of now.
    now: BotFlagged,
    /// With the others.
    then: BotFlagged,
    /// The mistakes to expect with the thresholds of now.
    errors_now: BotExpectedErrors,
    /// Those to expect with the others.
    errors_then: BotExpectedErrors,
    /// Flagged only then, the surest first, at most 20.
    newly: Vec<BotAccountScore>,
    /// How many that are.
    newly_count: i32,
    /// How many are flagged only now.
    no_longer_count: i32,
}

impl From<WhatIf> for BotWhatIf {
    fn from(found: WhatIf) -> Self {
        Self {
            now: found.now.into(),
            then: found.then.into(),
            errors_now: found.errors_now.into(),
            errors_then: found.errors_then.into(),
            newly: found.newly.into_iter().map(BotAccountScore::from).collect(),
            newly_count: count(found.n_newly),
            no_longer_count: count(found.n_no_longer),
        }
    }
}

/// How many labels of a community say the same: what models learn from.
#[derive(SimpleObject)]
pub(crate) struct BotLabelCount {
    /// Who says so: `review`, `rules`, `list`, `service` or `imported`.
    source: &'static str,
    /// What.
    is_bot: bool,
    /// How many.
    count: i32,
}

impl From<LabelCount> for BotLabelCount {
    fn from(label: LabelCount) -> Self {
        Self {
            source: label.source.as_str(),
            is_bot: label.is_bot,
            count: count(label.n),
        }
    }
}
