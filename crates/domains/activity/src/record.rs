//! Recording a batch of events in one transaction: dedupe, resolve, insert, roll up. An event whose
//! (platform, id) is stored already changes nothing.

use std::collections::{BTreeMap, HashMap, HashSet};

use identity::{Identity, LiveRules, Renamed, SeenAccount};
use kernel::{ChatEvent, CommunityId, EventKind, MessageId, Platform, Source, Timestamp, UserId};
use store::{DomainEvent, Reach, StoreError, Work};

use crate::{
    MEMBER_JOINED, Presence,
    live::chat_topic,
    reputation,
    rollup::Deltas,
    store::{self as tables, record::Opened},
};

/// An event and the community it belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Where it counts.
    pub community: CommunityId,
    /// What happened.
    pub event: ChatEvent,
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Stored and counted; messages have an id.
    Recorded(Option<MessageId>),
    /// Stored earlier; nothing changed.
    Duplicate,
    /// A live event older than the community keeps messages: it could have been counted and
    /// removed before, so it is left out. Also what somebody did who was erased since.
    TooOld,
}

/// A channel's natural key.
pub(crate) type ChannelKey = (i32, i16, String);

/// Records a batch in the caller's transaction; answers each event's fate, in order. The caller
/// commits. At most a few thousand events per call: all rows of the batch are held in memory.
pub async fn record(
    work: &mut Work,
    identity: &Identity,
    batch: &[Incoming],
) -> Result<Vec<Fate>, StoreError> {
    // What is counted of messages may be shown some seconds late: nobody waits for one more.
    work.reaches(Reach::Nothing);
    identity::hold_owners(work).await?;
    let mut fates = vec![Fate::Duplicate; batch.len()];
    let rules = live_rules(work, batch).await?;
    let fresh = first_of_each(work, identity, batch, &rules, &mut fates).await?;
    let newest = newest_of_each(&fresh);
    let found = identity::resolve(work, &accounts(&newest)).await?;
    rename(work, &newest, &found.renamed).await?;
    let people = found.people;
    let channels = tables::record::channels(work.conn(), &channel_names(&fresh)).await?;

    let mut messages = Vec::new();
    let mut others = Vec::new();
    for (index, incoming) in &fresh {
        let event = &incoming.event;
        let who = people
            .get(&(event.platform, event.account.platform_user_id.clone()))
            .copied()
            .ok_or_else(|| {
                StoreError::Data("an account of the batch was not resolved".to_owned())
            })?;
        let channel = channels
            .get(&channel_key(incoming))
            .copied()
            .ok_or_else(|| {
                StoreError::Data("a channel of the batch was not resolved".to_owned())
            })?;
        let row = tables::record::NewRow {
            index: *index,
            incoming,
            who,
            channel,
        };
        match &event.kind {
            EventKind::Message(message) => messages.push((row, message)),
            _ => others.push(row),
        }
    }

    let stored_messages = tables::record::insert_messages(work.conn(), &messages).await?;
    let stored_events = tables::record::insert_events(work.conn(), &others).await?;
    let mut deltas = Deltas::default();
    let mut earned = Vec::new();
    let mut woken = HashSet::new();
    let mut seen = Seen::new();
    for (row, _) in &messages {
        if let Some(id) = stored_messages.get(&key(&row.incoming.event)) {
            set(&mut fates, row.index, Fate::Recorded(Some(MessageId(*id))));
            deltas.add(row.incoming.community, &row.incoming.event, row.who);
            earned.extend(reputation::change(row.incoming, row.who, &rules));
            see(&mut seen, row);
            if row.incoming.event.source == Source::Live {
                woken.insert(row.incoming.community);
            }
        }
    }
    for row in &others {
        if stored_events.contains(&key(&row.incoming.event)) {
            set(&mut fates, row.index, Fate::Recorded(None));
            deltas.add(row.incoming.community, &row.incoming.event, row.who);
            earned.extend(reputation::change(row.incoming, row.who, &rules));
            see(&mut seen, row);
        }
    }
    let opened = tables::record::add_days(work.conn(), &deltas).await?;
    let newcomers = newcomers(work, &seen, &deltas, &opened).await?;
    tables::record::apply(work.conn(), &deltas).await?;
    tables::record::count_days(work.conn(), &deltas, &opened).await?;
    identity::apply(work, &earned).await?;
    for community in woken {
        work.notify(chat_topic(community), "");
    }
    work.emit_all(newcomers, &[]).await?;
    Ok(fates)
}

/// Who was seen live in which community, and on which platform first.
type Seen = BTreeMap<(CommunityId, UserId), Platform>;

fn see(seen: &mut Seen, row: &tables::record::NewRow<'_>) {
    let event = &row.incoming.event;
    if event.source == Source::Live && !event.account.is_bot {
        seen.entry((row.incoming.community, row.who.user))
            .or_insert(event.platform);
    }
}

/// What is told of those who were never seen in their community before this batch. Nobody is asked about
/// who said something on a day on which they had spoken already.
async fn newcomers(
    work: &Work,
    seen: &Seen,
    deltas: &Deltas,
    opened: &Opened,
) -> Result<Vec<DomainEvent>, StoreError> {
    let days = deltas.days.iter().filter(|(key, _)| !opened.contains(*key));
    let mut known: HashSet<(CommunityId, UserId)> = days
        .map(|((community, _, _), day)| (CommunityId(*community), UserId(day.user)))
        .collect();
    let asked = seen.keys().filter(|seat| !known.contains(*seat));
    let seats: Vec<(CommunityId, UserId)> = asked.copied().collect();
    let found = tables::member::among(work.conn(), &seats).await?;
    known.extend(found.into_iter().map(Presence::seat));
    let new = seen.iter().filter(|(seat, _)| !known.contains(seat));
    Ok(new
        .map(|((community, user), platform)| DomainEvent {
            kind: MEMBER_JOINED,
            community: Some(*community),
            payload: serde_json::json!({
                "community": community.0, "user": user.0, "platform": platform.as_str(),
            }),
        })
        .collect())
}

/// The natural key of an event.
fn key(event: &ChatEvent) -> (i16, String) {
    (event.platform.code(), event.event_id.clone())
}

fn set(fates: &mut [Fate], index: usize, fate: Fate) {
    if let Some(place) = fates.get_mut(index) {
        *place = fate;
    }
}

/// The events worth inserting, with their place in the batch: the first of each key, and none that
/// is older than its community keeps live messages.
async fn first_of_each<'a>(
    work: &Work,
    identity: &Identity,
    batch: &'a [Incoming],
    rules: &HashMap<CommunityId, LiveRules>,
    fates: &mut [Fate],
) -> Result<Vec<(usize, &'a Incoming)>, StoreError> {
    let oldest = oldest_allowed(work, rules);
    let erased = erased(work, identity, batch).await?;
    let mut seen: HashSet<(Platform, bool, &str)> = HashSet::with_capacity(batch.len());
    let mut fresh = Vec::with_capacity(batch.len());
    for (index, incoming) in batch.iter().enumerate() {
        let event = &incoming.event;
        let is_message = matches!(event.kind, EventKind::Message(_));
        if event.source == Source::Live
            && oldest
                .get(&incoming.community)
                .is_some_and(|o| event.sent_at < *o)
            || erased
                .get(&(event.platform, event.account.platform_user_id.clone()))
                .is_some_and(|at| event.sent_at <= *at)
        {
            set(fates, index, Fate::TooOld);
        } else if seen.insert((event.platform, is_message, event.event_id.as_str())) {
            fresh.push((index, incoming));
        }
    }
    Ok(fresh)
}

/// The accounts of a batch that were erased, and when.
async fn erased(
    work: &Work,
    identity: &Identity,
    batch: &[Incoming],
) -> Result<HashMap<(Platform, String), Timestamp>, StoreError> {
    let mut accounts: Vec<(Platform, String)> = batch
        .iter()
        .map(|i| (i.event.platform, i.event.account.platform_user_id.clone()))
        .collect();
    accounts.sort_unstable();
    accounts.dedup();
    let found = identity::erased(work, identity, &accounts).await?;
    Ok(found.into_iter().collect())
}

/// What is to be known of the communities in which something happened live.
async fn live_rules(
    work: &Work,
    batch: &[Incoming],
) -> Result<HashMap<CommunityId, LiveRules>, StoreError> {
    let mut live: Vec<CommunityId> = batch
        .iter()
        .filter(|i| i.event.source == Source::Live)
        .map(|i| i.community)
        .collect();
    live.sort_unstable();
    live.dedup();
    if live.is_empty() {
        return Ok(HashMap::new());
    }
    identity::live_rules(work.conn(), &live).await
}

/// Before when live messages are not kept.
fn oldest_allowed(
    work: &Work,
    rules: &HashMap<CommunityId, LiveRules>,
) -> HashMap<CommunityId, Timestamp> {
    let cutoff = |days: u32| {
        work.now()
            .minus(std::time::Duration::from_secs(u64::from(days) * 86_400))
    };
    let oldest = rules.iter();
    oldest
        .map(|(community, rules)| (*community, cutoff(rules.retention_days)))
        .collect()
}

/// The newest event of each account, in the order in which the accounts came.
fn newest_of_each<'a>(fresh: &[(usize, &'a Incoming)]) -> Vec<&'a Incoming> {
    let mut place: HashMap<(Platform, &str), usize> = HashMap::new();
    let mut newest: Vec<&Incoming> = Vec::new();
    for (_, incoming) in fresh {
        let event = &incoming.event;
        let id = (event.platform, event.account.platform_user_id.as_str());
        match place.get(&id).and_then(|index| newest.get_mut(*index)) {
            Some(known) if known.event.sent_at > event.sent_at => {}
            Some(known) => *known = incoming,
            None => {
                place.insert(id, newest.len());
                newest.push(incoming);
            }
        }
    }
    newest
}

fn accounts(newest: &[&Incoming]) -> Vec<SeenAccount> {
    newest
        .iter()
        .map(|incoming| SeenAccount {
            platform: incoming.event.platform,
            platform_user_id: incoming.event.account.platform_user_id.clone(),
            username: incoming.event.account.username.clone(),
            is_bot: incoming.event.account.is_bot,
            account_created_at: incoming.event.account.created_at,
        })
        .collect()
}

/// Gives accounts their newer names. History that is imported late does not bring back a name that
/// the community has since seen replaced.
async fn rename(work: &Work, newest: &[&Incoming], renamed: &[Renamed]) -> Result<(), StoreError> {
    if renamed.is_empty() {
        return Ok(());
    }
    let by_account: HashMap<(Platform, &str), &Incoming> = newest
        .iter()
        .map(|i| {
            (
                (i.event.platform, i.event.account.platform_user_id.as_str()),
                *i,
            )
        })
        .collect();
    for renamed in renamed {
        let id = (renamed.platform, renamed.platform_user_id.as_str());
        let Some(incoming) = by_account.get(&id) else {
            continue;
        };
        let user = renamed.who.user;
        let last = tables::member::last_seen(work.conn(), incoming.community, user).await?;
        if last.is_none_or(|last| last <= incoming.event.sent_at) {
            identity::rename(work, renamed).await?;
        }
    }
    Ok(())
}

fn channel_key(incoming: &Incoming) -> ChannelKey {
    (
        incoming.community.0,
        incoming.event.platform.code(),
        incoming.event.origin.channel.clone(),
    )
}

fn channel_names(fresh: &[(usize, &Incoming)]) -> HashMap<ChannelKey, String> {
    let mut names = HashMap::new();
    for (_, incoming) in fresh {
        let origin = &incoming.event.origin;
        let name = if origin.channel_name.is_empty() {
            &origin.channel
        } else {
            &origin.channel_name
        };
        names.insert(channel_key(incoming), name.clone());
    }
    names
}
