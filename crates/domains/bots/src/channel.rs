//! The channel in which a community's moderators are told of new cases and of crowds, and of which cases they were not yet.
//!
//! Invariants: of each opening of a case they are told at most once, when it first reaches the level that was asked for; after
//! a post the next one about cases waits, so that a wave is one post and not hundreds; in a dry run nobody is told. Nobody
//! is told of who was drawn by chance, or whom the model does not know.
//!
//! Must never post: what is to be said is handed out, in the transaction of whoever says it.

use std::time::Duration;

use ::store::{DomainEvent, StoreError, Work, audit::Entry, job::NewJob};
use kernel::{Actor, ChannelChoice, CommunityId, Permission, ServerId};
use serde_json::{Value, json};

use crate::{
    Bots, BotsError, Case, Level, Probability, Reason, Setting,
    case::{Evidence, accuses},
    store::{self as tables, case as cases, channel as table},
};

/// The job that tells of cases that wait. It has no input, and may run whenever somebody likes.
pub const TELL_JOB: &str = "bots.tell";
/// The job that tells of one crowd. Its payload is that of the event.
pub const TELL_BURST_JOB: &str = "bots.tell_burst";
/// After a post, cases are gathered for so long.
const GATHER: Duration = Duration::from_secs(600);
/// Communities that are told in one run.
const CHANNELS_MAX: i64 = 1_000;
/// Cases that are told of in one post; more wait for the next.
const CASES_MAX: i64 = 1_000;
/// Cases that a post names.
const NAMED: usize = 3;
/// Reasons that a post about one case gives.
const CAUSES: usize = 2;
/// The longest id and the longest name of a channel, in characters.
const TEXT_MAX: usize = 200;

/// The channel in which moderators are told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModeratorChannel {
    /// On which of the community's servers.
    pub server: ServerId,
    /// In which of its channels.
    pub channel: ChannelChoice,
    /// They are told from this level on; never [`Level::Unlikely`].
    pub least: Level,
}

/// A crowd that came, as it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CrowdTold {
    /// Where.
    pub community: CommunityId,
    /// What came: `newcomers`, `follows`, `joins` or `raid`.
    pub crowd: String,
    /// How many within ten minutes; of a raid its viewers.
    pub newcomers: u64,
    /// How many usually come.
    pub usual: u64,
}

/// Cases of which moderators are to be told.
#[derive(Clone, PartialEq, Debug)]
pub struct Untold {
    /// Where.
    pub channel: ModeratorChannel,
    /// How many; at least 1, at most 1,000.
    pub n: usize,
    /// The surest of them, at most three. Of an account that was erased just now nothing is left.
    pub cases: Vec<Case>,
    /// What counted most, in sentences, where it is one case: at most two.
    pub why: Vec<String>,
}

impl ModeratorChannel {
    fn check(&self) -> Result<(), BotsError> {
        let fits = |text: &str| {
            let n = text.chars().count();
            (1..=TEXT_MAX).contains(&n) && !text.chars().any(char::is_control)
        };
        if !fits(&self.channel.id) || !fits(&self.channel.name) {
            return Err(BotsError::invalid("channel", "this is no channel"));
        }
        if self.least == Level::Unlikely {
            return Err(BotsError::invalid("least", "use likely or possible"));
        }
        Ok(())
    }

    fn described(&self) -> Value {
        json!({
            "server": self.server.0, "channel": self.channel.id, "name": self.channel.name,
            "least": self.least.as_str(),
        })
    }
}

impl CrowdTold {
    /// Reads what the event of a crowd says; `None` for anything else.
    pub fn read(payload: &Value) -> Option<Self> {
        let number = |key: &str| payload.get(key).and_then(Value::as_u64);
        Some(Self {
            community: CommunityId(i32::try_from(number("community")?).ok()?),
            crowd: payload.get("crowd")?.as_str()?.to_owned(),
            newcomers: number("newcomers")?,
            usual: number("usual")?,
        })
    }
}

/// Whether somebody is to be told of a case that was so sure and is so sure now; `before` of one that is open anew is `None`.
fn reaches(setting: &Setting, least: Level, before: Option<Probability>, now: Probability) -> bool {
    setting.level(now) >= least && before.is_none_or(|before| setting.level(before) < least)
}

/// A case came to more evidence: has it told where that is asked for. `before` is how sure the program was of one that is
/// open already.
pub(crate) async fn hear(
    work: &mut Work,
    setting: &Setting,
    evidence: &Evidence,
    (case, before): (i32, Option<Probability>),
) -> Result<(), StoreError> {
    if setting.is_dry_run
        || !accuses(&evidence.reasons)
        // Whatever the channel asks for: less than this opens nothing.
        || !reaches(setting, Level::Possible, None, evidence.probability)
    {
        return Ok(());
    }
    let Some(row) = table::of(work.conn(), evidence.community).await? else {
        return Ok(());
    };
    let waits = reaches(setting, row.channel.least, before, evidence.probability)
        && table::wait(work.conn(), case).await?;
    // Later ones are gathered by the clock.
    if waits && work.now().since(row.told_at) >= GATHER {
        let job = NewJob::new(TELL_JOB, json!({})).unique(TELL_JOB);
        work.enqueue(job).await?;
    }
    Ok(())
}

/// A community tells of more from now on, or of anything at all: has it told of the open cases that reach what was asked for and of
/// which nobody was told.
pub(crate) async fn catch_up(
    work: &mut Work,
    community: CommunityId,
    setting: &Setting,
) -> Result<(), StoreError> {
    if setting.is_dry_run {
        return Ok(());
    }
    let Some(row) = table::of(work.conn(), community).await? else {
        return Ok(());
    };
    let least = match row.channel.least {
        Level::Likely => setting.likely,
        Level::Possible | Level::Unlikely => setting.possible,
    };
    if table::all_wait(work.conn(), community, least).await? > 0 {
        let job = NewJob::new(TELL_JOB, json!({})).unique(TELL_JOB);
        work.enqueue(job).await?;
    }
    Ok(())
}

/// Has crowds told where that is asked for.
pub(crate) async fn hear_crowds(work: &mut Work, events: &[DomainEvent]) -> Result<(), StoreError> {
    for event in events {
        let Some(community) = event.community else {
            continue;
        };
        if table::of(work.conn(), community).await?.is_none() {
            continue;
        }
        let setting = tables::setting::one(work.conn(), community).await?;
        if !setting.is_dry_run {
            let job = NewJob::new(TELL_BURST_JOB, event.payload.clone()).community(community);
            work.enqueue(job).await?;
        }
    }
    Ok(())
}

impl Bots {
    /// Where a community's moderators are told of new cases; `None` = nowhere.
    pub async fn channel(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Option<ModeratorChannel>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let row = table::of(self.db.read(), community).await?;
        Ok(row.map(|row| row.channel))
    }

    /// Chooses where moderators are told; `None` = nowhere. Answers whether it is another place than before. Whether the
    /// server and the channel are the community's is for the caller to know.
    pub async fn choose_channel(
        &self,
        actor: &Actor,
        community: CommunityId,
        wanted: Option<&ModeratorChannel>,
    ) -> Result<bool, BotsError> {
        actor.require(Permission::ManageCommunity, community)?;
        if let Some(wanted) = wanted {
            wanted.check()?;
        }
        let mut work = self.begin(actor).await?;
        tables::lock(&work, community).await?;
        let before = table::of(work.conn(), community).await?;
        let before = before.map(|row| row.channel);
        if before.as_ref() == wanted {
            return Ok(false);
        }
        match wanted {
            Some(wanted) => table::put(work.conn(), community, wanted, work.now())
                .await
                .map_err(crate::unknown_community)?,
            None => table::remove(work.conn(), community).await?,
        }
        let described =
            |channel: Option<&ModeratorChannel>| channel.map(ModeratorChannel::described);
        work.audit(Entry {
            action: "bots.channel",
            object: format!("community:{community}"),
            community: Some(community),
            detail: json!({ "before": described(before.as_ref()), "after": described(wanted) }),
        });
        work.commit().await?;
        let place = |channel: &ModeratorChannel| (channel.server, channel.channel.id.clone());
        Ok(before.as_ref().map(place) != wanted.map(place))
    }

    /// The channels in which there is something to say now.
    pub async fn channels_to_tell(
        &self,
    ) -> Result<Vec<(CommunityId, ModeratorChannel)>, BotsError> {
        let before = self.clock.now().minus(GATHER);
        let rows = table::due(self.db.read(), before, CHANNELS_MAX).await?;
        let channels = rows.into_iter();
        Ok(channels.map(|row| (row.community, row.channel)).collect())
    }

    /// What is to be said in a community's channel, of which nobody has to be told any more once `work` commits; `None` if
    /// there is nothing, somebody else says it, or it is not time yet.
    pub async fn take_untold(
        &self,
        work: &mut Work,
        community: CommunityId,
    ) -> Result<Option<Untold>, BotsError> {
        let before = work.now().minus(GATHER);
        if !table::take_turn(work, community, before).await? {
            return Ok(None);
        }
        let Some(row) = table::of(work.conn(), community).await? else {
            return Ok(None);
        };
        let ids = table::take(work, community, CASES_MAX).await?;
        let first: Vec<i32> = ids.iter().copied().take(NAMED).collect();
        let mut rows = cases::by_ids(work.conn(), community, &first).await?;
        rows.sort_by_key(|row| (std::cmp::Reverse(row.probability), row.id));
        let why = match (ids.len(), rows.first()) {
            (1, Some(row)) => causes(work, row).await?,
            _ => Vec::new(),
        };
        let cases = self.whole(rows).await?;
        Ok((!ids.is_empty()).then_some(Untold {
            channel: row.channel,
            n: ids.len(),
            cases,
            why,
        }))
    }

    /// Where a community's moderators are to be told of a crowd; `None` if nowhere, or it only watches.
    pub async fn channel_for_crowds(
        &self,
        community: CommunityId,
    ) -> Result<Option<ModeratorChannel>, BotsError> {
        let conn = self.db.read();
        if tables::setting::one(conn, community).await?.is_dry_run {
            return Ok(None);
        }
        Ok(table::of(conn, community).await?.map(|row| row.channel))
    }
}

/// What counted most for a case, in sentences.
async fn causes(work: &Work, row: &cases::Row) -> Result<Vec<String>, StoreError> {
    let mut why = Vec::new();
    for (reason, words) in [
        (Reason::List, "it is on a list of known bots"),
        (
            Reason::Phishing,
            "it linked to a domain that is on a list of phishing",
        ),
        (Reason::Reports, "members reported it"),
    ] {
        if row.reasons.contains(&reason) {
            why.push(words.to_owned());
        }
    }
    let seat = (row.community, row.account);
    let found = tables::prediction::of_account(work.conn(), seat, 1).await?;
    let causes = found.into_iter().flat_map(|one| one.why);
    why.extend(
        causes
            .filter(|cause| cause.share > 0.0)
            .map(|cause| cause.sentence),
    );
    why.truncate(CAUSES);
    Ok(why)
}

#[cfg(test)]
mod tests {
    use super::{CrowdTold, ModeratorChannel, reaches};
    use crate::{Level, Probability, Setting};
    use kernel::{ChannelChoice, CommunityId, ServerId};
    use serde_json::json;

    #[test]
    fn a_case_is_told_of_when_it_is_opened_or_first_reaches_the_level() {
        let of = |least, before: Option<u32>, now| {
            reaches(
                &Setting::default(),
                least,
                before.map(Probability::percent),
                Probability::percent(now),
            )
        };
        assert!(of(Level::Likely, None, 70) && !of(Level::Likely, None, 69));
        assert!(of(Level::Possible, None, 50) && !of(Level::Possible, None, 49));
        assert!(of(Level::Likely, Some(69), 70) && !of(Level::Likely, Some(70), 99));
        assert!(!of(Level::Possible, Some(55), 99), "possible was told");
    }

    #[test]
    fn a_channel_has_a_name_and_a_level_that_is_worth_a_look() {
        let of = |id: &str, name: &str, least| {
            let channel = ModeratorChannel {
                server: ServerId(1),
                channel: ChannelChoice {
                    id: id.to_owned(),
                    name: name.to_owned(),
                },
                least,
            };
            channel.check().is_ok()
        };
        assert!(of("11", "mods", Level::Likely) && of("11", "mods", Level::Possible));
        assert!(!of("11", "mods", Level::Unlikely));
        assert!(!of("", "mods", Level::Likely) && !of("11", "a\nb", Level::Likely));
        assert!(!of(&"1".repeat(201), "mods", Level::Likely));
    }

    #[test]
    fn a_crowd_reads_whole_or_not_at_all() {
        let whole = json!({ "community": 3, "crowd": "raid", "newcomers": 40, "usual": 2 });
        let crowd = CrowdTold {
            community: CommunityId(3),
            crowd: "raid".to_owned(),
            newcomers: 40,
            usual: 2,
        };
        assert_eq!(CrowdTold::read(&whole), Some(crowd));
        assert_eq!(CrowdTold::read(&json!({ "community": 3 })), None);
    }
}
