//! How sure the program is about somebody, for moderators and for whoever stands above. Reputation and the health of a community
//! go by `doubt.rs`, which heeds what people said and whom the program leaves alone.
//!
//! Invariants: what people decided counts more than the number and is told with it; a level is by the thresholds of now.

use std::collections::{BTreeMap, HashMap};

use identity::PlatformAccount;
use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Timestamp, UserId,
};
use serde_json::json;

use ::store::{StoreError, audit::Entry};

use crate::{
    Bots, BotsError, CaseState, Exemption, Level, Prediction, Probability, Setting,
    follower::enqueue_recompute,
    store::{
        self as tables,
        score::{self as table, Scored},
        state::Seat,
    },
};

/// How many predictions are shown.
const SHOWN_MAX: i64 = 20;

/// How sure the program is about an account.
#[derive(Clone, PartialEq, Debug)]
pub struct Score {
    /// Whose.
    pub account: PlatformAccount,
    /// How sure.
    pub probability: Probability,
    /// What the rules say of the same.
    pub by_rules: Probability,
    /// The probability in a word, by the thresholds of now.
    pub level: Level,
    /// Which model said so; `None` = the rules, [`SHIPPED_MODEL`](crate::SHIPPED_MODEL) = the one that ships.
    pub model: Option<i32>,
    /// Why the account is left alone, if it is.
    pub exemption: Option<Exemption>,
    /// The case about it.
    pub case: Option<i32>,
    /// What people decided: a bot or a person. It counts more than the probability.
    pub decided: Option<CaseState>,
    /// How many messages it was judged by.
    pub n_messages: u32,
    /// When that was found; scoring again to the same does not change it.
    pub scored_at: Timestamp,
}

impl Score {
    /// The surer a bot it is, the larger: what people decided before what was computed.
    fn rank(&self) -> (u8, Probability, AccountId) {
        let decided = match self.decided {
            Some(CaseState::Bot) => 2,
            Some(CaseState::Human) => 0,
            _ => 1,
        };
        (decided, self.probability, self.account.id)
    }
}

/// Which scores are asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScoreQuery {
    /// Only those of a level.
    pub level: Option<Level>,
    /// Which page.
    pub page: PageRequest,
}

/// From which probability on a level reaches, and where it ends.
fn bounds(setting: &Setting, level: Option<Level>) -> (Probability, Option<Probability>) {
    let none = Probability::default();
    match level {
        None => (none, None),
        Some(Level::Likely) => (setting.likely, None),
        Some(Level::Possible) => (setting.possible, Some(setting.likely)),
        Some(Level::Unlikely) => (none, Some(setting.possible)),
    }
}

impl Bots {
    /// How sure the program is about somebody in a community: the surest of their accounts. `None` if none was scored.
    pub async fn score_of(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
    ) -> Result<Option<Score>, BotsError> {
        let mut found = self.scores_of(actor, community, &[user]).await?;
        Ok(found.remove(&user))
    }

    /// The same about several people; those of whom no account was scored are left out.
    pub async fn scores_of(
        &self,
        actor: &Actor,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Score>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let accounts = identity::accounts_of(self.db.read(), users).await?;
        let ids: Vec<AccountId> = accounts
            .values()
            .flatten()
            .map(|account| account.id)
            .collect();
        let rows = table::scored(self.db.read(), community, &ids).await?;
        let mut surest: HashMap<UserId, Score> = HashMap::new();
        for score in self.scores_from(community, rows).await? {
            let known = surest.get(&score.account.user);
            if known.is_none_or(|known| known.rank() < score.rank()) {
                surest.insert(score.account.user, score);
            }
        }
        Ok(surest)
    }

    /// The accounts of a community that were scored, the surest first.
    pub async fn scores(
        &self,
        actor: &Actor,
        community: CommunityId,
        query: &ScoreQuery,
    ) -> Result<Page<Score>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let setting = tables::setting::one(self.db.read(), community).await?;
        let bounds = bounds(&setting, query.level);
        let rows = table::page(self.db.read(), community, bounds, &query.page).await?;
        let rows = Page::from_rows(rows, &query.page, |((_, account), scored)| Cursor {
            key: scored.probability.ppm().to_string(),
            id: account.0,
        });
        Ok(Page {
            items: self.scores_from(community, rows.items).await?,
            next: rows.next,
        })
    }

    /// What was predicted about an account in a community, the newest first, at most 20.
    pub async fn history(
        &self,
        actor: &Actor,
        community: CommunityId,
        account: AccountId,
    ) -> Result<Vec<Prediction>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let seat = (community, account);
        Ok(tables::prediction::of_account(self.db.read(), seat, SHOWN_MAX).await?)
    }

    /// Asks for everything that is known of the accounts of a community to be made anew from the stored messages, by a
    /// job. Asking again while it waits changes nothing.
    pub async fn recompute(&self, actor: &Actor, community: CommunityId) -> Result<(), BotsError> {
        actor.require(Permission::ManageCommunity, community)?;
        let mut work = self.begin(actor).await?;
        enqueue_recompute(&mut work, community)
            .await
            .map_err(crate::unknown_community)?;
        work.audit(Entry {
            action: "bots.recompute",
            object: format!("community:{community}"),
            community: Some(community),
            detail: json!({}),
        });
        Ok(work.commit().await?)
    }

    /// Rows with their accounts and cases, in their order; erased accounts are left out.
    pub(crate) async fn scores_from(
        &self,
        community: CommunityId,
        rows: Vec<(Seat, Scored)>,
    ) -> Result<Vec<Score>, StoreError> {
        let conn = self.db.read();
        let ids: Vec<AccountId> = rows.iter().map(|((_, account), _)| *account).collect();
        let accounts: BTreeMap<_, _> = identity::accounts_by_id(conn, &ids)
            .await?
            .into_iter()
            .collect();
        let cases = tables::case::among(conn, &[community], &ids).await?;
        let setting = tables::setting::one(conn, community).await?;
        let score = |(seat, scored): (Seat, Scored)| {
            let case = cases.get(&seat);
            Some(Score {
                account: accounts.get(&seat.1)?.clone(),
                probability: scored.probability,
                by_rules: scored.by_rules,
                level: setting.level(scored.probability),
                model: scored.model,
                exemption: scored.exemption,
                case: case.map(|case| case.id),
                decided: case
                    .map(|case| case.state)
                    .filter(|state| state.is_decided()),
                n_messages: scored.n,
                scored_at: scored.at?,
            })
        };
        Ok(rows.into_iter().filter_map(score).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::bounds;
    use crate::{Level, Probability, Setting};

    #[test]
    fn every_probability_is_of_one_level_and_its_bounds_say_so() {
        let setting = Setting::default();
        for ppm in [0, 499_999, 500_000, 699_999, 700_000, 1_000_000] {
            let probability = Probability::millionths(ppm);
            let within = |level: &Level| {
                let (least, below) = bounds(&setting, Some(*level));
                probability >= least && below.is_none_or(|below| probability < below)
            };
            let found: Vec<Level> = Level::ALL.into_iter().filter(within).collect();
            assert_eq!(found, [setting.level(probability)], "{ppm}");
        }
    }
}
