//! What is usual among the members of each community, made anew by night from everybody's states.
//!
//! Must never be made of a few loud ones: each member counts once.

use ::store::StoreError;
use kernel::{AccountId, CommunityId};

use crate::{
    Bots,
    features::{Account, Community, ENOUGH_MESSAGES, Norms, State, Vector},
    follower::FOLLOWER,
    store::{
        scene::{self, NormsRow},
        state,
    },
};

/// States read at once.
const PAGE: u32 = 1_000;
/// Most members that norms are made of; more say nothing new about a median.
const MEMBERS_MAX: usize = 20_000;
/// Of how many days the messages are counted.
const DAYS: i64 = 30;

impl Bots {
    /// Makes the norms of a community anew; not while its states are being made anew. For the job of the night.
    pub async fn renew_norms(&self, community: CommunityId) -> Result<(), StoreError> {
        let conn = self.db.read();
        let scenes = scene::of(conn, &[community]).await?;
        let Some(here) = scenes.get(&community).filter(|row| !row.is_rebuilding) else {
            return Ok(());
        };
        let here = Community {
            hours: here.hours(),
            ..Community::default()
        };
        let mut vectors: Vec<Vector> = Vec::new();
        let mut last = AccountId(0);
        while vectors.len() < MEMBERS_MAX {
            let rows = state::after(conn, community, last, ENOUGH_MESSAGES, PAGE).await?;
            let Some((seat, _)) = rows.last() else {
                break;
            };
            last = seat.1;
            let states = rows
                .iter()
                .filter_map(|(_, row)| State::from_bytes(&row.state).ok());
            vectors.extend(states.map(|state| {
                let now = state.last_at().unwrap_or_default();
                state.vector(now, &Account::default(), &here)
            }));
        }
        let pulses = activity::pulses(conn, &[community], self.clock.now().day()).await?;
        let pulse = pulses.get(&community).copied().unwrap_or_default();
        let row = NormsRow {
            norms: Norms::of(&vectors).to_text(),
            members: pulse.active,
            per_day_milli: i64::from(pulse.messages) * 1_000 / DAYS,
            made_at: self.clock.now(),
        };
        let work = self.begin(&FOLLOWER).await?;
        scene::put_norms(work.conn(), community, &row).await?;
        work.commit().await
    }
}
