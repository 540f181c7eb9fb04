//! The score of a whole community, 100 being clean, with what was counted for it.
//!
//! Must never tell who was counted: everybody of the community sees it.

use kernel::{Actor, CommunityId, Permission, Timestamp};

use crate::{
    Bots, BotsError,
    features::State,
    rules::{self, CommunityCounts, CommunityScore},
    store::{self as tables, state as table},
};

/// What somebody who was active lately is looked at for.
const LATELY: std::time::Duration = std::time::Duration::from_secs(86_400);
/// Most accounts that are looked at.
const LOOKED_AT_MAX: u32 = 5_000;
/// Messages within a minute that are conspicuous, and equal texts within half an hour.
const BURST: usize = 11;
const EQUAL: usize = 3;
const ECHOES: usize = 2;

/// The score of a community with what was counted.
#[derive(Clone, PartialEq, Debug)]
pub struct BotScore {
    /// The score, its grade and its parts.
    pub score: CommunityScore,
    /// What was counted.
    pub counts: CommunityCounts,
    /// When.
    pub at: Timestamp,
}

fn is_conspicuous(state: &[u8]) -> bool {
    // One that does not read is being made anew.
    let facts = State::from_bytes(state).map(|state| state.facts());
    facts.is_ok_and(|facts| {
        facts.most_in_a_minute >= BURST
            || facts.most_equal_texts >= EQUAL
            || facts.n_echoes >= ECHOES
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
        let conn = self.db.read();
        let now = self.clock.now();
        let pulse = activity::pulse(conn, community, now.day()).await?;
        let setting = tables::setting::one(conn, community).await?;
        let alerted = tables::case::open_from(conn, community, setting.likely).await?;
        let active = table::active_since(conn, community, now.minus(LATELY), LOOKED_AT_MAX).await?;
        let seen = active
            .iter()
            .filter(|(_, row)| row.score.exemption.is_none());
        let conspicuous = seen.filter(|(_, row)| is_conspicuous(&row.state)).count();
        let counts = CommunityCounts {
            active_members: pulse.active,
            alerted_members: Some(short(alerted)),
            health: pulse.health,
            engagement: pulse.engagement,
            messages: pulse.messages,
            violations: Some(pulse.moderations),
            active_today: u32::try_from(active.len()).unwrap_or(u32::MAX),
            conspicuous_today: Some(u32::try_from(conspicuous).unwrap_or(u32::MAX)),
        };
        Ok(BotScore {
            score: rules::community_score(&counts),
            counts,
            at: now,
        })
    }
}
