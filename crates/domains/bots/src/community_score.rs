//! The score of a whole community, 100 being clean, with what was counted for it.
//!
//! Must never tell who was counted: everybody of the community sees it.

use std::{collections::HashMap, sync::Arc};

use ::store::StoreError;
use kernel::{Actor, CommunityId, Permission, Timestamp};

use crate::{
    Bots, BotsError, OfEach, Probability, Setting, TOGETHER_MAX, doubt,
    features::State,
    rules::{self, CommunityCounts, CommunityScore},
    store::{self as tables, state as table},
};

/// What somebody who was active lately is looked at for.
const LATELY: std::time::Duration = std::time::Duration::from_secs(86_400);
/// Most accounts that are looked at.
const LOOKED_AT_MAX: u32 = 5_000;
/// The same of likely bots.
const DOUBTED_MAX: u32 = 1_000;
/// The days of what activity counts in a community's pulse.
const DAYS: i32 = 30;
/// Messages within a minute that are conspicuous, equal texts within half an hour, and texts within an hour that two others
/// had said just before.
const BURST: usize = 11;
const EQUAL: usize = 3;
const CHORUS: usize = 2;

/// The score of a community with what was counted.
#[derive(Clone, PartialEq, Debug)]
pub struct BotScore {
    /// The score, its grade and its parts.
    pub score: CommunityScore,
    /// What was counted.
    pub counts: CommunityCounts,
    /// Of those who said something in thirty days, who was called a bot or likely is one.
    pub bots: BotShare,
    /// When.
    pub at: Timestamp,
}

/// What bots contribute to the activity of a community in thirty days.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BotShare {
    /// How many people are called or likely bots and said something. At most a thousand accounts are looked at.
    pub members: u32,
    /// Their messages.
    pub messages: u32,
}

/// How old a score may be that is shown beside other things, and how many are kept.
const RECENT: std::time::Duration = std::time::Duration::from_secs(10);
const KEPT_MAX: u64 = 1_000;

/// Scores that were reckoned a moment ago.
pub(crate) type Recent = moka::future::Cache<CommunityId, BotScore>;

/// None yet.
pub(crate) fn none_yet() -> Recent {
    let recent = moka::future::Cache::builder();
    recent.max_capacity(KEPT_MAX).time_to_live(RECENT).build()
}

/// Whether somebody was conspicuous since an instant: what they did before says nothing about it.
fn is_conspicuous(state: &[u8], since: Timestamp) -> bool {
    // One that does not read is being made anew.
    let facts = State::from_bytes(state).map(|state| state.facts_since(since));
    facts.is_ok_and(|facts| {
        facts.most_in_a_minute >= BURST
            || facts.most_equal_texts >= EQUAL
            || facts.most_in_chorus >= CHORUS
    })
}

fn short(n: u64) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

impl Bots {
    /// The score of a community.
    pub async fn community_score(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<BotScore, BotsError> {
        actor.require(Permission::ViewActivity, community)?;
        let mut found = self.scores_of_all(&[community]).await?;
        found.remove(&community).ok_or(BotsError::NotFound)
    }

    /// The score of a community, ten seconds old at most: for a page that shows it beside other things. Whoever asks while it is
    /// reckoned waits for the same.
    pub async fn recent_score(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<BotScore, BotsError> {
        actor.require(Permission::ViewActivity, community)?;
        let found = self.recent.try_get_with(community, async {
            let mut found = self.scores_of_all(&[community]).await?;
            found.remove(&community).ok_or(BotsError::NotFound)
        });
        found.await.map_err(|failed| match &*failed {
            BotsError::Storage(error) => BotsError::Storage(Arc::clone(error)),
            _ => BotsError::NotFound,
        })
    }

    /// The scores of several communities, or why the actor may not know one.
    pub async fn community_scores(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
    ) -> Result<OfEach<BotScore>, BotsError> {
        let (allowed, denied) = actor.sort_out(Permission::ViewActivity, communities);
        let mut found: OfEach<_> = denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        for part in allowed.chunks(TOGETHER_MAX) {
            let scores = self.scores_of_all(part).await?;
            found.extend(scores.into_iter().map(|(id, score)| (id, Ok(score))));
        }
        Ok(found)
    }

    async fn scores_of_all(
        &self,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, BotScore>, StoreError> {
        let conn = self.db.read();
        let now = self.clock.now();
        let pulses = activity::pulses(conn, communities, now.day()).await?;
        let settings = tables::setting::of(conn, communities).await?;
        let setting = |id: &CommunityId| (*id, settings.get(id).copied().unwrap_or_default());
        let settings: Vec<(CommunityId, Setting)> = communities.iter().map(setting).collect();
        let likely = |(id, setting): &(CommunityId, Setting)| (*id, setting.likely);
        let likely: Vec<(CommunityId, Probability)> = settings.iter().map(likely).collect();
        let alerted = tables::case::open_from(conn, &likely).await?;
        let doubted = doubt::doubted(conn, &settings, DOUBTED_MAX).await?;
        let doubted: Vec<_> = doubted
            .iter()
            .map(|case| (case.community, case.account))
            .collect();
        let wrote = activity::wrote(conn, &doubted, now.day().plus(-DAYS)).await?;
        let told = identity::hearing_of_moderation(conn, communities).await?;
        let looked_at = tables::score::looked_at(conn, communities).await?;
        let since = now.minus(LATELY);
        let mut today: HashMap<CommunityId, (u32, u32)> = HashMap::new();
        for ((community, _), row) in
            table::active_since(conn, communities, since, LOOKED_AT_MAX).await?
        {
            let (active, conspicuous) = today.entry(community).or_default();
            *active += 1;
            *conspicuous +=
                u32::from(row.score.exemption.is_none() && is_conspicuous(&row.state, since));
        }
        let score = |id: &CommunityId| {
            let pulse = pulses.get(id).copied().unwrap_or_default();
            let (active_today, conspicuous) = today.get(id).copied().unwrap_or_default();
            let counts = CommunityCounts {
                active_members: pulse.active,
                // Where nobody was scored and nobody has a case, nobody looked.
                alerted_members: looked_at
                    .contains(id)
                    .then(|| short(alerted.get(id).copied().unwrap_or_default())),
                health: pulse.health,
                engagement: pulse.engagement,
                messages: pulse.messages,
                // None was ever told: is there anybody to tell?
                violations: pulse.moderations.or(told.contains(id).then_some(0)),
                active_today,
                conspicuous_today: Some(conspicuous),
            };
            let score = BotScore {
                score: rules::community_score(&counts),
                counts,
                bots: wrote
                    .get(id)
                    .map_or_else(BotShare::default, |wrote| BotShare {
                        members: wrote.people,
                        messages: wrote.messages,
                    }),
                at: now,
            };
            (*id, score)
        };
        Ok(communities.iter().map(score).collect())
    }
}
