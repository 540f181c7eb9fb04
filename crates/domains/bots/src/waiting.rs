//! What waits for a community's moderators: cases of likely bots that are open, appeals that nobody answered, and whether a
//! crowd of newcomers came lately. It is asked for by every page, so it must stay one statement.

use kernel::{Actor, CommunityId, Permission, Timestamp};

use crate::{Bots, BotsError, burst::Arrivals, store::waiting as table};

/// For how many seconds a crowd is told after it was last seen.
const TOLD_SECS: i64 = 86_400;

/// What waits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Waiting {
    /// Open cases of likely bots, by the community's threshold of now.
    pub likely: u64,
    /// Appeals that nobody answered.
    pub appeals: u64,
    /// The last crowd of newcomers, if one was seen within a day.
    pub crowd: Option<Crowded>,
}

/// A crowd of newcomers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Crowded {
    /// When it was last seen: when the last newcomer came while there were many.
    pub last_at: Timestamp,
    /// Whether newcomers are looked at sooner because of it.
    pub is_on: bool,
}

/// The last crowd that arrivals tell of, if it was within a day.
fn crowd(arrivals: &str, now: Timestamp) -> Option<Crowded> {
    let arrivals = Arrivals::from_text(arrivals);
    let last_at = arrivals.last_crowd()?;
    let is_told = now.secs().saturating_sub(last_at.secs()) < TOLD_SECS;
    is_told.then(|| Crowded {
        last_at,
        is_on: arrivals.is_burst(now),
    })
}

impl Bots {
    /// What waits for the moderators of a community.
    pub async fn waiting(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Waiting, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let row = table::of(self.db.read(), community).await?;
        Ok(Waiting {
            likely: row.likely,
            appeals: row.appeals,
            crowd: crowd(&row.arrivals, self.clock.now()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Crowded, crowd};
    use kernel::Timestamp;

    #[test]
    fn a_crowd_is_told_for_a_day_and_goes_on_for_an_hour() {
        // Newcomers are looked at sooner until 103600, so that the last came at 100000.
        let text = "166 45 0.3 200 103600 0 45";
        let at = Timestamp::from_secs;
        let of = |now: i64| crowd(text, at(now)).map(|found| (found.last_at, found.is_on));
        assert_eq!(of(100_000), Some((at(100_000), true)));
        assert_eq!(of(103_600), Some((at(100_000), false)));
        assert_eq!(of(186_399), Some((at(100_000), false)));
        assert_eq!(of(186_400), None);
        let none: Option<Crowded> = None;
        assert_eq!(crowd("166 3 0.3 200 0 0 0", at(100)), none, "none yet");
        assert_eq!(crowd("", at(100)), none, "nothing is known");
    }
}
