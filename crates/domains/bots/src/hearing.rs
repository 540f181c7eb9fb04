//! Messages, heard one after the other: each in the scene of its community, each observed in the state of its account.
//! Between them whoever joined, followed or raided.
//! The follower and whoever makes everything anew do it here, so that both come to the same.
//!
//! Must never write: it says what is to be written.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ::store::StoreError;
use activity::{Arrival, Arrived, JOIN_LASTS, Said};
use kernel::{AccountId, CommunityId, EventId, MessageId, Timestamp};
use sea_orm::ConnectionTrait;

use crate::{
    burst::{Arrivals, Burst, Coming},
    due,
    features::{BadState, Message, Scene, State},
    memory::{Learned, Memory},
    phishing::Listening,
    store::{
        link,
        scene::{self, Mark},
        score::{self, Scored},
        state::{self, Seat},
    },
};

/// A community while its messages are heard.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) scene: Scene,
    seen: MessageId,
    pub(crate) is_rebuilding: bool,
    pub(crate) arrivals: Arrivals,
    /// What began with these messages, and when.
    pub(crate) bursts: Vec<(Burst, Timestamp)>,
    /// Where the states of the community were when they were read.
    mark: Mark,
    is_heard: bool,
}

/// An account while its messages are heard.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    pub(crate) state: State,
    pub(crate) row: state::Row,
    is_changed: bool,
    /// Whether one of the messages linked to a listed domain.
    is_linked: bool,
    is_scored: bool,
}

/// What is heard at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heard<'a> {
    /// In the order in which they were recorded.
    pub(crate) messages: &'a [Said],
    /// By time.
    pub(crate) arrived: &'a [Arrived],
    /// The last event before those that was gone through.
    pub(crate) after: EventId,
}

/// Everything that some messages touch.
#[derive(Debug, Default)]
pub(crate) struct Hearing {
    places: BTreeMap<CommunityId, Place>,
    kept: BTreeMap<Seat, Kept>,
    /// Who followed or joined and said nothing yet: they came then, and until when that counts.
    came: BTreeMap<Seat, Timestamp>,
    /// Who was heard of in a community for the first time.
    newcomers: BTreeSet<Seat>,
    listening: Listening,
    /// How often listed domains were linked to, and when last.
    links: BTreeMap<(Seat, String), (u32, Timestamp)>,
    /// Communities with a stored state that did not read, and why: everything of them is to be made anew.
    pub(crate) broken: Broken,
}

/// What did not read, by community; of several reasons the worst.
#[derive(Debug, Default)]
pub(crate) struct Broken(BTreeMap<CommunityId, BadState>);

impl Broken {
    /// Something of a community did not read.
    pub(crate) fn add(&mut self, community: CommunityId, bad: BadState) {
        let known = self.0.entry(community).or_insert(bad);
        *known = bad.max(*known);
    }

    fn is_of(&self, community: CommunityId) -> bool {
        self.0.contains_key(&community)
    }

    /// Each community with why.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (CommunityId, BadState)> {
        self.0.iter().map(|(community, bad)| (*community, *bad))
    }
}

impl Place {
    fn read(row: Option<scene::Row>, bad: impl FnOnce(BadState)) -> Self {
        let Some(row) = row else {
            return Self {
                scene: Scene::new(),
                seen: MessageId(0),
                is_rebuilding: false,
                arrivals: Arrivals::default(),
                bursts: Vec::new(),
                mark: Mark::NONE,
                is_heard: false,
            };
        };
        let scene = if row.scene.is_empty() {
            Scene::new()
        } else {
            Scene::from_bytes(&row.scene).unwrap_or_else(|why| {
                bad(why);
                Scene::new()
            })
        };
        Self {
            scene,
            seen: row.seen,
            is_rebuilding: row.is_rebuilding,
            arrivals: Arrivals::from_text(&row.arrivals),
            bursts: Vec::new(),
            mark: row.mark(),
            is_heard: false,
        }
    }
}

impl Place {
    /// After how many messages an account is scored first.
    fn first(&self, kept: &Kept) -> u32 {
        let at = kept.row.last_at;
        let first = kept.state.first_at().unwrap_or(at);
        if self.arrivals.is_burst(at) && self.arrivals.came_with_it(first) {
            due::FIRST_IN_BURST
        } else {
            due::FIRST
        }
    }
}

impl Hearing {
    /// Reads what some messages touch, of accounts that are remembered only how they were scored. Those of a community that is being made
    /// anew are left to whoever does it, unless that is who asks.
    pub(crate) async fn of(
        conn: &impl ConnectionTrait,
        heard: Heard<'_>,
        rebuilds: Option<CommunityId>,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut hearing = Self::default();
        let seats = || {
            let spoke = heard.messages.iter().map(|m| (m.community, m.account));
            spoke.chain(heard.arrived.iter().map(|a| (a.community, a.account)))
        };
        let communities: BTreeSet<CommunityId> = seats().map(|seat| seat.0).collect();
        let mut rows = scene::of(conn, &communities.iter().copied().collect::<Vec<_>>()).await?;
        for community in &communities {
            let bad = |why| hearing.broken.add(*community, why);
            let place = Place::read(rows.remove(community), bad);
            if !place.is_rebuilding || rebuilds == Some(*community) {
                hearing.places.insert(*community, place);
            }
        }
        let here = |said: &&Said| hearing.places.contains_key(&said.community);
        let texts = heard.messages.iter().filter(here);
        let texts = texts.map(|said| (said.community, said.text.as_str()));
        hearing.listening = Listening::of(conn, texts, now).await?;
        let seats: BTreeSet<Seat> = seats()
            .filter(|seat| hearing.places.contains_key(&seat.0))
            .collect();
        let unknown = if rebuilds.is_none() {
            hearing.remember(conn, memory, &seats).await?
        } else {
            seats.clone()
        };
        hearing.read(conn, &unknown).await?;
        if rebuilds.is_none() {
            count(seats.len(), unknown.len());
        }
        if rebuilds.is_none() {
            let new = seats.iter();
            let new = new.filter(|seat| !hearing.kept.contains_key(seat));
            let (_, new) = apart(new);
            hearing.came = activity::came(conn, &new, heard.after).await?;
        }
        Ok(hearing)
    }

    /// Takes what is remembered of accounts and reads only how they were scored; answers of whom nothing is.
    async fn remember(
        &mut self,
        conn: &impl ConnectionTrait,
        memory: &Memory,
        seats: &BTreeSet<Seat>,
    ) -> Result<BTreeSet<Seat>, StoreError> {
        let mut unknown = BTreeSet::new();
        for seat in seats {
            let mark = self.places.get(&seat.0).map(|place| place.mark);
            let known = match mark {
                Some(mark) => memory.state(*seat, mark).await,
                None => None,
            };
            let Some(state) = known else {
                unknown.insert(*seat);
                continue;
            };
            let row = state::Row {
                n_messages: state.total(),
                last_at: state.last_at().unwrap_or_default(),
                ..state::Row::default()
            };
            let state = Arc::unwrap_or_clone(state);
            let kept = Kept {
                state,
                row,
                ..Kept::default()
            };
            self.kept.insert(*seat, kept);
        }
        let remembered: Vec<Seat> = self.kept.keys().copied().collect();
        for (seat, score) in score::of(conn, &remembered).await? {
            if let Some(kept) = self.kept.get_mut(&seat) {
                kept.row.score = score;
            }
        }
        Ok(unknown)
    }

    /// Reads what is stored of accounts.
    async fn read(
        &mut self,
        conn: &impl ConnectionTrait,
        seats: &BTreeSet<Seat>,
    ) -> Result<(), StoreError> {
        let (here, accounts) = apart(seats);
        for (seat, row) in state::of(conn, &here, &accounts).await? {
            // Also what was not asked for comes: of each account what is known in all of the communities.
            if !seats.contains(&seat) {
                continue;
            }
            let state = if row.state.is_empty() {
                State::new()
            } else {
                State::from_bytes(&row.state).unwrap_or_else(|why| {
                    self.broken.add(seat.0, why);
                    State::new()
                })
            };
            let kept = Kept {
                state,
                row,
                ..Kept::default()
            };
            self.kept.insert(seat, kept);
        }
        Ok(())
    }

    /// Somebody joined or followed, or sent their viewers.
    fn meet(&mut self, arrived: &Arrived) {
        let seat = (arrived.community, arrived.account);
        let is_known = self.kept.contains_key(&seat) || has_come(&self.came, seat, arrived.at);
        let Some(place) = self.places.get_mut(&seat.0) else {
            return;
        };
        if place.is_rebuilding {
            return;
        }
        place.is_heard = true;
        let burst = match arrived.how {
            Arrival::Raid { viewers } => place.arrivals.raid(arrived.at, viewers),
            Arrival::Follow | Arrival::Join if is_known => None,
            Arrival::Follow => place.arrivals.come(arrived.at, Coming::Followed),
            Arrival::Join => place.arrivals.come(arrived.at, Coming::Joined),
        };
        if !is_known && !matches!(arrived.how, Arrival::Raid { .. }) {
            self.newcomers.insert(seat);
        }
        let until = match arrived.how {
            Arrival::Raid { .. } => None,
            Arrival::Follow => Some(Timestamp(i64::MAX)),
            Arrival::Join => Some(arrived.at.plus(JOIN_LASTS)),
        };
        if let Some(until) = until {
            let known = self.came.entry(seat).or_insert(until);
            *known = until.max(*known);
        }
        place.bursts.extend(burst.map(|burst| (burst, arrived.at)));
    }

    /// Hears messages, in the order in which they were recorded, and between them by time whoever arrived.
    pub(crate) fn hear(&mut self, heard: Heard<'_>) {
        let mut arrived = heard.arrived.iter().peekable();
        for said in heard.messages {
            while let Some(arrived) = arrived.next_if(|arrived| arrived.at <= said.sent_at) {
                self.meet(arrived);
            }
            let Some(place) = self.places.get_mut(&said.community) else {
                continue;
            };
            if said.id <= place.seen {
                continue;
            }
            place.seen = said.id;
            place.is_heard = true;
            let message = Message {
                text: &said.text,
                sent_at: said.sent_at,
                channel: unsigned(said.channel),
                n_mentions: said.n_mentions,
                n_embeds: said.n_embeds,
                is_reply: said.is_reply,
            };
            let digest = place.scene.hear(unsigned(said.account.0), &message);
            let seat = (said.community, said.account);
            let is_new = !self.kept.contains_key(&seat);
            let has_come = has_come(&self.came, seat, said.sent_at);
            let kept = self.kept.entry(seat).or_default();
            kept.state.observe(&digest);
            kept.is_changed = true;
            for domain in self.listening.domains(said.community, &said.text) {
                let key = (seat, domain.to_owned());
                let (n, last_at) = self.links.entry(key).or_insert((0, said.sent_at));
                *n += 1;
                *last_at = said.sent_at.max(*last_at);
                kept.is_linked = true;
            }
            if place.is_rebuilding {
                continue;
            }
            if is_new {
                self.newcomers.insert(seat);
            }
            if is_new && !has_come {
                let burst = place.arrivals.come(said.sent_at, Coming::Spoke);
                place
                    .bursts
                    .extend(burst.map(|burst| (burst, said.sent_at)));
            } else {
                place.arrivals.pass(said.sent_at);
            }
        }
        for arrived in arrived {
            self.meet(arrived);
        }
        for kept in self.kept.values_mut().filter(|kept| kept.is_changed) {
            kept.row.n_messages = kept.state.total();
            kept.row.last_at = kept.state.last_at().unwrap_or_default();
        }
    }

    /// The accounts that are to be scored now.
    pub(crate) fn due(&self) -> Vec<Seat> {
        let is_due = |(seat, kept): &(&Seat, &Kept)| {
            let Some(place) = self.places.get(&seat.0) else {
                return false;
            };
            let n = kept.row.n_messages;
            let first = place.first(kept);
            let is_bursting = kept.state.is_bursting();
            kept.is_linked
                || kept.is_changed && due::is_due(n, kept.row.score.n, first, is_bursting)
        };
        self.kept
            .iter()
            .filter(is_due)
            .map(|(seat, _)| *seat)
            .collect()
    }

    /// Who was heard of for the first time, in communities that are not made anew.
    pub(crate) const fn newcomers(&self) -> &BTreeSet<Seat> {
        &self.newcomers
    }

    /// Whether there is too little of an account to score it: only what it linked to, and what lists say, is looked at.
    pub(crate) fn is_early(&self, seat: Seat) -> bool {
        let place = self.places.get(&seat.0);
        let kept = place.zip(self.kept.get(&seat));
        kept.is_some_and(|(place, kept)| {
            kept.row.score.n == 0 && kept.row.n_messages < place.first(kept)
        })
    }

    /// Writes what was linked to, so that scoring finds it.
    pub(crate) async fn write_links(
        &mut self,
        conn: &impl ConnectionTrait,
    ) -> Result<(), StoreError> {
        let links = std::mem::take(&mut self.links);
        if links.is_empty() {
            return Ok(());
        }
        link::add(conn, &links).await
    }

    pub(crate) fn place(&self, community: CommunityId) -> Option<&Place> {
        self.places.get(&community)
    }

    pub(crate) fn places(&self) -> impl Iterator<Item = (CommunityId, &Place)> {
        self.places.iter().map(|(id, place)| (*id, place))
    }

    pub(crate) fn kept(&self, seat: Seat) -> Option<&Kept> {
        self.kept.get(&seat)
    }

    pub(crate) fn set_score(&mut self, seat: Seat, score: Scored) {
        if let Some(kept) = self.kept.get_mut(&seat) {
            kept.row.score = score;
            kept.is_scored = true;
        }
    }

    /// The community that is made anew is whole again.
    pub(crate) fn end_rebuilding(&mut self) {
        for place in self.places.values_mut() {
            place.is_rebuilding = false;
        }
    }

    /// Writes what was heard; answers what may be remembered of it once it is committed.
    pub(crate) async fn write(self, conn: &impl ConnectionTrait) -> Result<Learned, StoreError> {
        let renewed = self.kept.iter().filter(|(_, kept)| kept.is_scored);
        let scores: Vec<(Seat, Scored)> = renewed
            .map(|(seat, kept)| (*seat, kept.row.score))
            .collect();
        let changed = self.kept.iter().filter(|(_, kept)| kept.is_changed);
        let rows = changed.map(|(seat, kept)| {
            let row = state::Row {
                state: kept.state.to_bytes(),
                ..kept.row
            };
            (*seat, row)
        });
        state::put(conn, rows).await?;
        score::put(conn, scores).await?;
        // What did not read is begun anew here, whatever is stored.
        let reads = |community: &CommunityId| !self.broken.is_of(*community);
        let marks = self.places.iter().map(|(community, place)| {
            let written = if place.is_heard {
                place.mark.next(place.seen)
            } else {
                place.mark
            };
            (*community, (place.mark, written))
        });
        let kept = self.kept.into_iter();
        let states = kept.map(|(seat, kept)| (seat, kept.state));
        let learned = Learned {
            marks: marks.filter(|(community, _)| reads(community)).collect(),
            states: states.filter(|(seat, _)| reads(&seat.0)).collect(),
        };
        let heard = self.places.into_iter().filter(|(_, place)| place.is_heard);
        let rows = heard.map(|(community, place)| {
            let row = scene::Row {
                scene: place.scene.to_bytes(),
                seen: place.seen,
                is_rebuilding: place.is_rebuilding,
                arrivals: place.arrivals.to_text(),
                turn: place.mark.turn,
            };
            (community, row)
        });
        scene::put(conn, rows).await?;
        Ok(learned)
    }
}

/// Of how many accounts what is known was looked up, and of how many of them in the database.
fn count(all: usize, stored: usize) {
    for (from, n) in [
        ("remembered", all.saturating_sub(stored)),
        ("stored", stored),
    ] {
        let n = u64::try_from(n).unwrap_or(u64::MAX);
        metrics::counter!("waddlebot_bots_states_total", "from" => from).increment(n);
    }
}

/// The communities and the accounts of seats, each once.
fn apart<'a>(seats: impl IntoIterator<Item = &'a Seat>) -> (Vec<CommunityId>, Vec<AccountId>) {
    let (here, accounts): (BTreeSet<_>, BTreeSet<_>) = seats.into_iter().copied().unzip();
    (here.into_iter().collect(), accounts.into_iter().collect())
}

/// Whether somebody came before, by what they did without a word.
fn has_come(came: &BTreeMap<Seat, Timestamp>, seat: Seat, at: Timestamp) -> bool {
    came.get(&seat).is_some_and(|until| *until >= at)
}

fn unsigned(id: i64) -> u64 {
    id.unsigned_abs()
}
