//! Labels that nobody had to give: what the platform marks, what lists and corrections say, and what the rules are nearly
//! certain of. They are made anew before each training, so that a list that was removed or corrected teaches nothing.
//!
//! Must never touch a review, nor let the rules teach much: they weigh little, and no model is judged by them.

use ::store::StoreError;
use identity::PlatformAccount;
use kernel::{AccountId, Actor, CommunityId, Timestamp};

use super::rows;
use crate::{
    Bots, BotsError, Known, LabelSource, Probability, correction, due,
    features::SCHEMA,
    lot,
    store::{self as tables, label::New, prediction::Newest},
};

/// Accounts that are looked at in one go.
const PAGE: usize = 500;
/// Of a community, at most so many labels come from the rules, of each kind: the first by a hash of the account, so that it
/// is a fair draw and the same ones again.
const RULES_MAX: usize = 300;
/// Messages that the rules must have seen.
const SEEN_MIN: i32 = 50;
/// From here on the rules are nearly certain of a bot, and down from there of a person.
const CERTAIN: [i32; 2] = [900_000, 20_000];
/// What the rules' word on a bot and on a person weighs.
const RULES_WEIGHT: [u32; 2] = [20, 10];
/// What a list's word weighs on its first day.
const LIST_WEIGHT: f64 = 0.5;

/// A label of an account.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Said {
    is_bot: bool,
    source: LabelSource,
    weight: Probability,
}

/// What is known of an account without anybody having looked.
fn said(newest: &Newest, is_marked: bool, known: Option<Known>) -> Option<Said> {
    let of = |is_bot, source, weight| {
        Some(Said {
            is_bot,
            source,
            weight,
        })
    };
    let whole = Probability::percent(100);
    // Of fewer messages a model learns that few were said.
    if u32::try_from(newest.n_messages).unwrap_or(0) < due::FIRST_IN_BURST {
        return None;
    }
    match known {
        Some(Known::Service) => return of(true, LabelSource::Service, whole),
        Some(Known::Unwanted(weight)) => {
            return of(
                true,
                LabelSource::List,
                Probability::of(weight * LIST_WEIGHT),
            );
        }
        // Somebody said that it is neither: that is a word about this account.
        Some(Known::Cleared) => return of(false, LabelSource::List, Probability::of(LIST_WEIGHT)),
        None if is_marked => return of(true, LabelSource::Service, whole),
        None => {}
    }
    let [bot, person] = CERTAIN;
    let [for_bot, for_person] = RULES_WEIGHT.map(Probability::percent);
    if newest.n_messages < SEEN_MIN {
        None
    } else if newest.rule_ppm >= bot {
        of(true, LabelSource::Rules, for_bot)
    } else if newest.rule_ppm <= person {
        of(false, LabelSource::Rules, for_person)
    } else {
        None
    }
}

fn lot(account: AccountId) -> u64 {
    lot::lot([account.0.to_le_bytes().as_slice()])
}

impl Bots {
    /// Makes the labels of a community that nobody had to give anew; how many there are.
    pub(super) async fn harvest(&self, community: CommunityId) -> Result<usize, BotsError> {
        let mut found: Vec<(Newest, Said)> = Vec::new();
        let mut after = AccountId(0);
        loop {
            let conn = self.db.read();
            let page =
                tables::prediction::newest(conn, community, SCHEMA.hash(), after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = AccountId(last.account_id);
            found.extend(self.said_of(community, page).await?);
            thin(&mut found);
        }
        let labels: Vec<New<'_>> = found
            .iter()
            .filter(|(newest, _)| rows::values(&newest.features).is_some())
            .map(|(newest, said)| New {
                seat: (community, AccountId(newest.account_id)),
                is_bot: said.is_bot,
                source: said.source,
                weight: said.weight,
                review: None,
                schema_hash: SCHEMA.hash(),
                features: &newest.features,
                n_messages: newest.n_messages,
                at: Timestamp(newest.at),
            })
            .collect();
        let work = self.begin(&Actor::System("bots.train")).await?;
        tables::label::replace_known(work.conn(), community, &labels).await?;
        tables::label::complete(work.conn(), community, SCHEMA.hash()).await?;
        work.commit().await?;
        Ok(labels.len())
    }

    async fn said_of(
        &self,
        community: CommunityId,
        page: Vec<Newest>,
    ) -> Result<Vec<(Newest, Said)>, StoreError> {
        let conn = self.db.read();
        let ids: Vec<AccountId> = page.iter().map(|one| AccountId(one.account_id)).collect();
        let accounts = identity::accounts_by_id(conn, &ids).await?;
        let known: Vec<&PlatformAccount> = accounts.values().collect();
        let listed = correction::of_accounts(conn, community, &known).await?;
        let now = self.clock.now();
        Ok(page
            .into_iter()
            .filter_map(|newest| {
                let account = AccountId(newest.account_id);
                let is_marked = accounts.get(&account)?.is_bot;
                let listed = listed.get(&account);
                let said = said(
                    &newest,
                    is_marked,
                    listed.and_then(|listed| listed.known(now)),
                )?;
                Some((newest, said))
            })
            .collect())
    }
}

/// Keeps of what the rules said the first by lot.
fn thin(found: &mut Vec<(Newest, Said)>) {
    for is_bot in [true, false] {
        let is_it = |said: &Said| said.source == LabelSource::Rules && said.is_bot == is_bot;
        let own = found.iter().filter(|(_, said)| is_it(said));
        let mut lots: Vec<u64> = own.map(|(one, _)| lot(AccountId(one.account_id))).collect();
        lots.sort_unstable();
        if let Some(limit) = lots.get(RULES_MAX).copied() {
            found.retain(|(one, said)| !is_it(said) || lot(AccountId(one.account_id)) < limit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn newest(account: i64, rule_ppm: i32, n_messages: i32) -> Newest {
        Newest {
            account_id: account,
            rule_ppm,
            features: String::new(),
            n_messages,
            at: 0,
        }
    }

    #[test]
    fn lists_and_marks_speak_before_the_rules_and_the_rules_only_when_nearly_certain() {
        let source = |one: &Newest, is_marked, known| {
            said(one, is_marked, known).map(|said| (said.source, said.is_bot))
        };
        let unsure = newest(1, 500_000, 200);
        assert_eq!(source(&unsure, false, None), None);
        assert_eq!(
            source(&unsure, true, None),
            Some((LabelSource::Service, true))
        );
        let cleared = Some(Known::Cleared);
        assert_eq!(
            source(&unsure, true, cleared),
            Some((LabelSource::List, false))
        );
        let unwanted = Some(Known::Unwanted(0.25));
        assert_eq!(
            source(&unsure, false, unwanted),
            Some((LabelSource::List, true))
        );
        assert_eq!(
            said(&unsure, false, unwanted).unwrap().weight,
            Probability::of(0.125)
        );
        let sure = |ppm, n| source(&newest(1, ppm, n), false, None);
        assert_eq!(sure(900_000, 50), Some((LabelSource::Rules, true)));
        assert_eq!(sure(20_000, 50), Some((LabelSource::Rules, false)));
        assert_eq!(sure(20_001, 50), None);
        assert_eq!(sure(900_000, 49), None);
    }

    #[test]
    fn many_words_of_the_rules_are_thinned_by_lot_and_others_are_not() {
        let rule = |account| {
            (
                newest(account, 0, 99),
                said(&newest(account, 0, 99), false, None).unwrap(),
            )
        };
        let mut found: Vec<_> = (0..1_000).map(rule).collect();
        let marked = newest(5_000, 0, 99);
        let by_mark = said(&marked, true, None).unwrap();
        found.push((marked, by_mark));
        let mut other = found.clone();
        other.reverse();
        thin(&mut found);
        thin(&mut other);
        let ids = |found: &[(Newest, Said)]| {
            let mut ids: Vec<i64> = found.iter().map(|(one, _)| one.account_id).collect();
            ids.sort_unstable();
            ids
        };
        assert_eq!(found.len(), RULES_MAX + 1);
        assert_eq!(ids(&found), ids(&other), "the same, however they come");
    }
}
