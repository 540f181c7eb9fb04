//! A model in the shadow: what it would have said of the accounts that were scored lately, held against what the deployed one
//! says of the same values. So that a candidate is known on live traffic before anybody is judged by it.
//!
//! Must never write anything, nor change what anybody is judged by.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use identity::PlatformAccount;
use kernel::{AccountId, Actor, CommunityId, Permission, Timestamp};
use ml::drift::histogram;

use crate::{
    Bots, BotsError, Level, Model, ModelState, Probability, Setting,
    features::SCHEMA,
    rollout::{share, whole},
    scorer::{Judge, vector_of},
    store::{
        self as tables, model as model_table,
        shadow::{self as table, Seen},
    },
};

/// Accounts that are compared at most, those that were scored last.
pub const SHADOW_MAX: u32 = 5_000;
/// How far back is looked.
const SPAN: Duration = Duration::from_secs(30 * 86_400);
/// Ranges of the histograms.
const RANGES: usize = 10;
/// Accounts that are named, those that differ most.
const DIFFERING_MAX: usize = 20;

/// How many accounts are called something by two models. Of those who are left alone nobody is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CalledBy {
    /// By both.
    pub both: u64,
    /// By the candidate alone.
    pub only_candidate: u64,
    /// By the deployed one alone.
    pub only_deployed: u64,
}

impl CalledBy {
    fn add(&mut self, by_candidate: bool, by_deployed: bool) {
        match (by_candidate, by_deployed) {
            (true, true) => self.both += 1,
            (true, false) => self.only_candidate += 1,
            (false, true) => self.only_deployed += 1,
            (false, false) => {}
        }
    }
}

/// How right a model is about the accounts of whom people said what they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Confirmed {
    /// Called possible or likely, and a bot.
    pub n_right: u64,
    /// Called so, and a person.
    pub n_wrong: u64,
    /// Not called so, and a bot.
    pub n_missed: u64,
}

impl Confirmed {
    fn add(&mut self, is_called: bool, is_bot: bool) {
        match (is_called, is_bot) {
            (true, true) => self.n_right += 1,
            (true, false) => self.n_wrong += 1,
            (false, true) => self.n_missed += 1,
            (false, false) => {}
        }
    }

    /// Of those it called possible or likely, the share that are bots; `None` if it called nobody so.
    pub fn precision(&self) -> Option<f64> {
        share(self.n_right, self.n_right + self.n_wrong)
    }

    /// Of the bots, the share that it called possible or likely; `None` if there are none.
    pub fn recall(&self) -> Option<f64> {
        share(self.n_right, self.n_right + self.n_missed)
    }
}

/// What two models say of the same accounts, in numbers.
#[derive(Clone, PartialEq, Debug)]
pub struct ShadowCounts {
    /// Accounts that were compared.
    pub n_compared: u64,
    /// Of these, those who are left alone: in the histograms, and called nothing.
    pub n_left_alone: u64,
    /// Called likely, by the thresholds of their communities.
    pub likely: CalledBy,
    /// Called possible or likely.
    pub possible: CalledBy,
    /// By how much they differ on average, 0 to 1; `None` of nobody.
    pub mean_difference: Option<f64>,
    /// How many accounts the candidate gives each ten percent; the last has 100 % too.
    pub candidate_bins: Vec<u64>,
    /// The same of the deployed one.
    pub deployed_bins: Vec<u64>,
    /// Accounts of whom people said what they are.
    pub n_reviewed: u64,
    /// How right the candidate is about them.
    pub candidate: Confirmed,
    /// How right the deployed one is. Most were looked at because it suspected them, which flatters its recall.
    pub deployed: Confirmed,
}

/// An account of which two models think differently.
#[derive(Clone, PartialEq, Debug)]
pub struct Differing {
    /// Where.
    pub community: CommunityId,
    /// Which.
    pub account: PlatformAccount,
    /// Its case, if there is one.
    pub case: Option<i32>,
    /// What the candidate says.
    pub candidate: Probability,
    /// What the deployed one says.
    pub deployed: Probability,
}

/// A candidate held against what is deployed.
#[derive(Clone, PartialEq, Debug)]
pub struct Shadow {
    /// The candidate.
    pub model: Model,
    /// What it is held against: `None` = the rules, [`SHIPPED_MODEL`](crate::SHIPPED_MODEL) = the model that ships.
    pub against: Option<i32>,
    /// The community whose accounts these are; `None` = all that have no model of their own.
    pub community: Option<CommunityId>,
    /// Since when they were scored.
    pub since: Timestamp,
    /// Accounts that were left out, because what is known of them is of another schema of features.
    pub n_left_out: u64,
    /// The numbers.
    pub counts: ShadowCounts,
    /// The accounts that differ most, at most 20.
    pub differing: Vec<Differing>,
}

/// What two models say of an account, and what is known of it.
#[derive(Clone, Copy, Debug)]
struct Pair {
    candidate: Probability,
    deployed: Probability,
    /// Of its community.
    setting: Setting,
    is_left_alone: bool,
    is_bot: Option<bool>,
}

impl Pair {
    const fn difference_ppm(&self) -> u32 {
        self.candidate.ppm().abs_diff(self.deployed.ppm())
    }

    fn is_called(&self, probability: Probability, least: Level) -> bool {
        !self.is_left_alone && self.setting.level(probability) >= least
    }

    /// Whether the candidate and the deployed one call it so.
    fn called(&self, least: Level) -> (bool, bool) {
        (
            self.is_called(self.candidate, least),
            self.is_called(self.deployed, least),
        )
    }
}

/// Counts what two models say.
fn counted(pairs: &[Pair]) -> ShadowCounts {
    let n_compared = count(pairs.len());
    let apart: u64 = pairs
        .iter()
        .map(|pair| u64::from(pair.difference_ppm()))
        .sum();
    let bins =
        |of: fn(&Pair) -> Probability| histogram(pairs.iter().map(|pair| of(pair).value()), RANGES);
    let mut counts = ShadowCounts {
        n_compared,
        n_left_alone: 0,
        likely: CalledBy::default(),
        possible: CalledBy::default(),
        mean_difference: (n_compared > 0).then(|| wide(apart) / 1_000_000.0 / whole(n_compared)),
        candidate_bins: bins(|pair| pair.candidate),
        deployed_bins: bins(|pair| pair.deployed),
        n_reviewed: 0,
        candidate: Confirmed::default(),
        deployed: Confirmed::default(),
    };
    for pair in pairs {
        let (candidate, deployed) = pair.called(Level::Likely);
        counts.likely.add(candidate, deployed);
        let (candidate, deployed) = pair.called(Level::Possible);
        counts.possible.add(candidate, deployed);
        counts.n_left_alone += u64::from(pair.is_left_alone);
        if let Some(is_bot) = pair.is_bot {
            counts.n_reviewed += 1;
            counts.candidate.add(candidate, is_bot);
            counts.deployed.add(deployed, is_bot);
        }
    }
    counts
}

fn count(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A sum of at most [`SHADOW_MAX`] differences, which a number holds exactly.
fn wide(sum: u64) -> f64 {
    let (high, low) = (sum / 1_000_000, sum % 1_000_000);
    whole(high) * 1_000_000.0 + whole(low)
}

/// What both say of each account that can be judged again, and where that one stands in what was read.
fn judged(
    seen: &[Seen],
    settings: &HashMap<CommunityId, Setting>,
    (candidate, deployed): (&Judge, &Judge),
) -> Vec<(usize, Pair)> {
    let pair = |(place, seen): (usize, &Seen)| {
        let vector = vector_of(seen.features.as_deref()?)?;
        let pair = Pair {
            candidate: candidate.probability(&vector, seen.by_rules),
            deployed: deployed.probability(&vector, seen.by_rules),
            setting: settings.get(&seen.community).copied().unwrap_or_default(),
            is_left_alone: seen.is_left_alone,
            is_bot: seen.is_bot,
        };
        Some((place, pair))
    };
    seen.iter().enumerate().filter_map(pair).collect()
}

impl Bots {
    /// What a model would have said of the accounts that were scored in the last thirty days, at most 5,000 of them, each as
    /// it was scored last: held against what the deployed one says of the same values. Of a community, or of all that have no
    /// model of their own; a model of one community is compared there. One that is deployed is held against what it replaced.
    /// Refused for a model that is still being made or was made for other features.
    pub async fn shadow(
        &self,
        actor: &Actor,
        model: i32,
        community: Option<CommunityId>,
    ) -> Result<Shadow, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let model = model_table::by_id(self.db.read(), model).await?;
        let model = model.ok_or(BotsError::NotFound)?;
        let community = self.shadowed(actor, &model, community).await?;
        let Some(candidate) = self.trained(&model).await else {
            return Err(BotsError::Conflict(
                "the file of the model cannot be used: the log says why".to_owned(),
            ));
        };
        let deployed = self.opposite(&model, community).await?;
        let against = deployed.model();
        let conn = self.db.read();
        let since = self.clock.now().minus(SPAN);
        let seen = table::newest(conn, community, SCHEMA.hash(), since, SHADOW_MAX).await?;
        let communities: BTreeSet<CommunityId> = seen.iter().map(|seen| seen.community).collect();
        let communities: Vec<CommunityId> = communities.into_iter().collect();
        let settings = tables::setting::of(conn, &communities).await?;
        // Some thousands of vectors at a time would hold up whoever waits for this thread.
        let work = move || {
            let pairs = judged(&seen, &settings, (&candidate, &deployed));
            (seen, pairs)
        };
        let Ok((seen, pairs)) = tokio::task::spawn_blocking(work).await else {
            return Err(BotsError::Conflict(
                "the comparison broke off: the log has more".to_owned(),
            ));
        };
        let n_left_out = count(seen.len() - pairs.len());
        let differing = self.differing(&seen, &pairs).await?;
        let pairs: Vec<Pair> = pairs.into_iter().map(|(_, pair)| pair).collect();
        Ok(Shadow {
            model,
            against,
            community,
            since,
            n_left_out,
            counts: counted(&pairs),
            differing,
        })
    }

    /// Whose accounts are looked at; refused where that makes no sense.
    async fn shadowed(
        &self,
        actor: &Actor,
        model: &Model,
        community: Option<CommunityId>,
    ) -> Result<Option<CommunityId>, BotsError> {
        if model.state == ModelState::Training {
            return Err(BotsError::Conflict(
                "the model is still being made".to_owned(),
            ));
        }
        if !model.is_current() {
            return Err(BotsError::Conflict(
                "the model was made for other features than those of this program: it can say nothing of them"
                    .to_owned(),
            ));
        }
        let Some(asked) = community else {
            return Ok(model.community);
        };
        if model.community.is_some_and(|own| own != asked) {
            return Err(BotsError::invalid(
                "community",
                "the model is for another community",
            ));
        }
        match self.identity.community(actor, asked).await {
            Ok(Some(_)) => Ok(Some(asked)),
            _ => Err(BotsError::NotFound),
        }
    }

    /// What a model is held against: what judges without it, and without anything that is only tried.
    async fn opposite(
        &self,
        model: &Model,
        community: Option<CommunityId>,
    ) -> Result<Arc<Judge>, BotsError> {
        let conn = self.db.read();
        let mut scopes = vec![model_table::scope(None)];
        if community.is_some() {
            scopes.insert(0, model_table::scope(community));
        }
        for scope in scopes {
            let mut found = model_table::deployed(conn, scope).await?;
            if found.as_ref().is_some_and(|found| found.id == model.id) {
                found = match model.replaced {
                    Some(before) => model_table::by_id(conn, before).await?,
                    None => None,
                };
            }
            if let Some(found) = &found
                && let Some(judge) = self.trained(found).await
            {
                return Ok(judge);
            }
        }
        Ok(self.shipped())
    }

    /// The accounts that differ most.
    async fn differing(
        &self,
        seen: &[Seen],
        pairs: &[(usize, Pair)],
    ) -> Result<Vec<Differing>, BotsError> {
        let mut most: Vec<&(usize, Pair)> = pairs
            .iter()
            .filter(|(_, pair)| pair.difference_ppm() > 0)
            .collect();
        most.sort_by_key(|(_, pair)| std::cmp::Reverse(pair.difference_ppm()));
        most.truncate(DIFFERING_MAX);
        let of = |place: usize| seen.get(place);
        let ids: Vec<AccountId> = most
            .iter()
            .filter_map(|(place, _)| of(*place))
            .map(|seen| seen.account)
            .collect();
        let accounts = identity::accounts_by_id(self.db.read(), &ids).await?;
        // An account may be in several communities, and differ in each.
        let differing = |(place, pair): &(usize, Pair)| {
            let seen = of(*place)?;
            Some(Differing {
                community: seen.community,
                account: accounts.get(&seen.account)?.clone(),
                case: seen.case,
                candidate: pair.candidate,
                deployed: pair.deployed,
            })
        };
        Ok(most.into_iter().filter_map(differing).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(candidate: u32, deployed: u32) -> Pair {
        Pair {
            candidate: Probability::percent(candidate),
            deployed: Probability::percent(deployed),
            setting: Setting::default(),
            is_left_alone: false,
            is_bot: None,
        }
    }

    #[test]
    fn whoever_is_called_by_one_or_both_is_counted_at_the_thresholds_of_their_community() {
        let strict = Setting {
            likely: Probability::percent(95),
            possible: Probability::percent(90),
            ..Setting::default()
        };
        let counts = counted(&[
            pair(80, 75),
            pair(80, 60),
            pair(10, 55),
            pair(10, 20),
            Pair {
                setting: strict,
                ..pair(91, 89)
            },
            Pair {
                is_left_alone: true,
                ..pair(99, 1)
            },
        ]);
        let likely = CalledBy {
            both: 1,
            only_candidate: 1,
            only_deployed: 0,
        };
        let possible = CalledBy {
            both: 2,
            only_candidate: 1,
            only_deployed: 1,
        };
        assert_eq!((counts.likely, counts.possible), (likely, possible));
        assert_eq!((counts.n_compared, counts.n_left_alone), (6, 1));
        assert_eq!(counts.candidate_bins, [0, 2, 0, 0, 0, 0, 0, 0, 2, 2]);
        assert_eq!(counts.deployed_bins, [1, 0, 1, 0, 0, 1, 1, 1, 1, 0]);
        let mean = counts.mean_difference.unwrap();
        // 5, 20, 45, 10, 2 and 98 points of six accounts.
        assert!((mean - 1.80 / 6.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn of_the_reviewed_precision_and_recall_of_both_are_told_and_of_nobody_nothing() {
        let said = |pair: Pair, is_bot: bool| Pair {
            is_bot: Some(is_bot),
            ..pair
        };
        let counts = counted(&[
            said(pair(90, 90), true),
            said(pair(60, 10), true),
            said(pair(10, 60), false),
            said(pair(10, 10), true),
            said(
                Pair {
                    is_left_alone: true,
                    ..pair(90, 90)
                },
                true,
            ),
            pair(90, 90),
        ]);
        assert_eq!(counts.n_reviewed, 5);
        let confirmed = |n_right, n_wrong, n_missed| Confirmed {
            n_right,
            n_wrong,
            n_missed,
        };
        assert_eq!(counts.candidate, confirmed(2, 0, 2));
        assert_eq!(counts.deployed, confirmed(1, 1, 3));
        assert_eq!(
            (counts.candidate.precision(), counts.candidate.recall()),
            (Some(1.0), Some(0.5))
        );
        assert_eq!(
            (counts.deployed.precision(), counts.deployed.recall()),
            (Some(0.5), Some(0.25))
        );
        let nobody = counted(&[]);
        assert_eq!((nobody.n_compared, nobody.mean_difference), (0, None));
        assert_eq!(nobody.candidate.precision(), None);
        assert_eq!(nobody.deployed.recall(), None);
    }

    #[test]
    fn a_sum_of_all_differences_is_held_exactly() {
        let most = 1_000_000 * u64::from(SHADOW_MAX);
        for sum in [0, 1, 999_999, 1_000_001, most - 1, most] {
            assert_eq!(format!("{:.0}", wide(sum)), sum.to_string());
        }
    }
}
