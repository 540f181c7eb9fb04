//! What reputation and the health of a community are told: who was called a bot, and who likely is one without anybody having said that they are none.
//!
//! Invariants: whom people found to be a person is in no doubt, nor is whom the program leaves alone unless people said
//! otherwise; in a dry run only what people said counts. Whoever asks has authorised.

use std::collections::{HashMap, HashSet};

use ::store::StoreError;
use activity::{Doubt, Doubts};
use async_trait::async_trait;
use kernel::{AccountId, CommunityId, UserId};
use sea_orm::ConnectionTrait;

use crate::{
    Bots, CaseState, Probability, Setting,
    store::{self as tables, case as table},
};

/// The doubt that a case is; `likely` as in [`Setting`].
const fn doubt(state: CaseState, is_likely: bool, is_dry_run: bool) -> Option<Doubt> {
    match state {
        CaseState::Bot => Some(Doubt::CalledBot),
        CaseState::Open if is_likely && !is_dry_run => Some(Doubt::LikelyBot),
        CaseState::Open | CaseState::Human | CaseState::Withdrawn => None,
    }
}

fn by(setting: &Setting, (state, probability): (CaseState, Probability)) -> Option<Doubt> {
    doubt(state, probability >= setting.likely, setting.is_dry_run)
}

/// The cases of communities, each with its setting, whose accounts are in doubt; of each at most `limit`.
pub(crate) async fn doubted(
    conn: &impl ConnectionTrait,
    settings: &[(CommunityId, Setting)],
    limit: u32,
) -> Result<Vec<table::Row>, StoreError> {
    let least = |(community, setting): &(CommunityId, Setting)| {
        (*community, (!setting.is_dry_run).then_some(setting.likely))
    };
    let least: Vec<_> = settings.iter().map(least).collect();
    table::doubted(conn, &least, limit).await
}

/// Of two doubts about one person, what people said.
const fn graver(one: Doubt, other: Doubt) -> Doubt {
    match (one, other) {
        (Doubt::LikelyBot, Doubt::LikelyBot) => Doubt::LikelyBot,
        _ => Doubt::CalledBot,
    }
}

/// The accounts of open cases that the program leaves alone all the same: regulars whom members reported.
async fn left_alone(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    cases: impl IntoIterator<Item = &table::Row>,
) -> Result<HashSet<AccountId>, StoreError> {
    let open = cases
        .into_iter()
        .filter(|case| case.state == CaseState::Open);
    let open: Vec<AccountId> = open.map(|case| case.account).collect();
    let scored = tables::score::scored(conn, community, &open).await?;
    let exempt = scored
        .into_iter()
        .filter(|(_, score)| score.exemption.is_some());
    Ok(exempt.map(|(seat, _)| seat.1).collect())
}

#[async_trait]
impl Doubts for Bots {
    async fn about(
        &self,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Doubt>, StoreError> {
        let conn = self.db.read();
        let accounts = identity::accounts_of(conn, users).await?;
        let owner = |account: &identity::PlatformAccount| (account.id, account.user);
        let owners: HashMap<AccountId, UserId> = accounts.values().flatten().map(owner).collect();
        let ids: Vec<AccountId> = owners.keys().copied().collect();
        let cases = table::among(conn, &[community], &ids).await?;
        if cases.is_empty() {
            return Ok(HashMap::new());
        }
        let setting = tables::setting::one(conn, community).await?;
        let spared = left_alone(conn, community, cases.values()).await?;
        let mut found = HashMap::new();
        for case in cases.values() {
            if spared.contains(&case.account) {
                continue;
            }
            let doubt = by(&setting, (case.state, case.probability));
            let Some((doubt, user)) = doubt.zip(owners.get(&case.account)) else {
                continue;
            };
            let known = found.get(user).copied().unwrap_or(doubt);
            found.insert(*user, graver(known, doubt));
        }
        Ok(found)
    }

    async fn all(
        &self,
        community: CommunityId,
        limit: u32,
    ) -> Result<Vec<(UserId, Doubt)>, StoreError> {
        let conn = self.db.read();
        let setting = tables::setting::one(conn, community).await?;
        let rows = doubted(conn, &[(community, setting)], limit).await?;
        let ids: Vec<AccountId> = rows.iter().map(|row| row.account).collect();
        let accounts = identity::accounts_by_id(conn, &ids).await?;
        let mut seen = HashSet::new();
        let found = rows.iter().filter_map(|row| {
            let doubt = by(&setting, (row.state, row.probability))?;
            let user = accounts.get(&row.account)?.user;
            seen.insert(user).then_some((user, doubt))
        });
        Ok(found.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::{doubt, graver};
    use crate::CaseState;
    use activity::Doubt;

    #[test]
    fn what_people_said_counts_always_and_what_is_likely_until_they_say_otherwise() {
        let found =
            |is_likely, is_dry_run| CaseState::ALL.map(|state| doubt(state, is_likely, is_dry_run));
        let (called, likely) = (Some(Doubt::CalledBot), Some(Doubt::LikelyBot));
        assert_eq!(
            CaseState::ALL,
            [
                CaseState::Open,
                CaseState::Bot,
                CaseState::Human,
                CaseState::Withdrawn
            ]
        );
        assert_eq!(found(true, false), [likely, called, None, None]);
        assert_eq!(found(false, false), [None, called, None, None]);
        assert_eq!(found(true, true), [None, called, None, None]);
    }

    #[test]
    fn of_two_accounts_the_one_that_was_called_a_bot_counts() {
        assert_eq!(graver(Doubt::LikelyBot, Doubt::CalledBot), Doubt::CalledBot);
        assert_eq!(graver(Doubt::CalledBot, Doubt::LikelyBot), Doubt::CalledBot);
        assert_eq!(graver(Doubt::LikelyBot, Doubt::LikelyBot), Doubt::LikelyBot);
    }
}
