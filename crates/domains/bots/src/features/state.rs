//! What is known of one account in one community: its last fifty messages as digests and a tile for each of its last
//! thirty days. Streaming and recomputing from stored messages are the same code.
//!
//! Invariant: the order in which messages are observed does not matter, only which were. Bounded: [`MOST_BYTES`].
//! Must never read a clock, or keep a text.

use kernel::{Day, Timestamp};

use super::digest::{Bytes, DIGEST_BYTES, Digest, Trait};

/// Messages of which the digest is kept.
pub const RING: usize = 50;

/// Days of which a tile is kept.
pub const DAYS: usize = 30;

/// The stored form begins with it; another one is not read.
const VERSION: u16 = 2;

const HEAD_BYTES: usize = 24;
const TILE_BYTES: usize = 32;

/// The longest stored form.
pub const MOST_BYTES: usize = HEAD_BYTES + RING * DIGEST_BYTES + DAYS * TILE_BYTES;

/// One day of an account, mergeable: sums and marks only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Tile {
    pub(super) day: Day,
    pub(super) messages: u32,
    pub(super) chars: u32,
    pub(super) links: u32,
    pub(super) spoken_to: u32,
    pub(super) commands: u32,
    pub(super) cards: u32,
    /// Bit `h`: something was said in the hour `h` (UTC).
    pub(super) hours: u32,
}

impl Tile {
    fn add(&mut self, digest: &Digest) {
        self.messages = self.messages.saturating_add(1);
        self.chars = self.chars.saturating_add(u32::from(digest.chars));
        self.links = self.links.saturating_add(u32::from(digest.links.min(1)));
        let spoken_to = digest.mentions > 0 || digest.is(Trait::Reply);
        self.spoken_to = self.spoken_to.saturating_add(u32::from(spoken_to));
        self.commands = self
            .commands
            .saturating_add(u32::from(digest.is(Trait::Command)));
        self.cards = self.cards.saturating_add(u32::from(digest.is_card()));
        self.hours |= 1 << u32::from(digest.at.hour()).min(23);
    }

    fn merge(&mut self, other: &Self) {
        self.messages = self.messages.saturating_add(other.messages);
        self.chars = self.chars.saturating_add(other.chars);
        self.links = self.links.saturating_add(other.links);
        self.spoken_to = self.spoken_to.saturating_add(other.spoken_to);
        self.commands = self.commands.saturating_add(other.commands);
        self.cards = self.cards.saturating_add(other.cards);
        self.hours |= other.hours;
    }
}

/// What is known of one account in one community.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct State {
    /// Ascending in time; what is older than the last [`RING`] is gone.
    pub(super) ring: Vec<Digest>,
    /// Ascending in time; what is older than the last [`DAYS`] days of activity is gone.
    pub(super) tiles: Vec<Tile>,
    pub(super) total: u32,
    pub(super) first: Option<Timestamp>,
    pub(super) last: Option<Timestamp>,
}

/// Why stored bytes are not read. Either way what they held is made again from messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum BadState {
    /// An earlier version of the program wrote them.
    #[error("an earlier version of the program stored the features of an account")]
    Earlier,
    /// They are not what this version or an earlier one writes.
    #[error("the stored features of an account are damaged, or of a later version of the program")]
    Damaged,
}

/// Takes the version that a stored form begins with.
pub(super) fn check_version(bytes: &mut Bytes<'_>, version: u16) -> Result<(), BadState> {
    match bytes.short() {
        Some(found) if found == version => Ok(()),
        Some(found) if found < version => Err(BadState::Earlier),
        _ => Err(BadState::Damaged),
    }
}

impl State {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a message. Each message is to be observed once.
    pub fn observe(&mut self, digest: &Digest) {
        self.total = self.total.saturating_add(1);
        self.first = Some(self.first.map_or(digest.at, |first| first.min(digest.at)));
        self.last = Some(self.last.map_or(digest.at, |last| last.max(digest.at)));
        let place = self.ring.partition_point(|kept| kept <= digest);
        self.ring.insert(place, *digest);
        if self.ring.len() > RING {
            self.ring.remove(0);
        }
        self.tile(digest.at.day(), |tile| tile.add(digest));
    }

    /// Adds what is known of another account that is the same person's.
    pub fn merge(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        self.first = match (self.first, other.first) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        self.last = self.last.max(other.last);
        self.ring.extend_from_slice(&other.ring);
        self.ring.sort_unstable();
        let surplus = self.ring.len().saturating_sub(RING);
        self.ring.drain(..surplus);
        for tile in &other.tiles {
            self.tile(tile.day, |kept| kept.merge(tile));
        }
    }

    /// Messages observed in all.
    pub const fn total(&self) -> u32 {
        self.total
    }

    /// When the earliest observed message was sent.
    pub const fn first_at(&self) -> Option<Timestamp> {
        self.first
    }

    /// When the latest observed message was sent.
    pub const fn last_at(&self) -> Option<Timestamp> {
        self.last
    }

    fn tile(&mut self, day: Day, change: impl FnOnce(&mut Tile)) {
        let place = self.tiles.partition_point(|tile| tile.day < day);
        if self.tiles.get(place).is_none_or(|tile| tile.day != day) {
            let tile = Tile {
                day,
                ..Tile::default()
            };
            self.tiles.insert(place, tile);
        }
        if let Some(tile) = self.tiles.get_mut(place) {
            change(tile);
        }
        // By the newest day and not by number, so that the order of observing does not matter.
        let newest = self.tiles.last().map_or(0, |tile| tile.day.0);
        let oldest = newest.saturating_sub(i32::try_from(DAYS - 1).unwrap_or(i32::MAX));
        self.tiles.retain(|tile| tile.day.0 >= oldest);
    }

    /// How long the stored form is; about as much as the state takes in memory.
    pub const fn stored_bytes(&self) -> usize {
        HEAD_BYTES + self.ring.len() * DIGEST_BYTES + self.tiles.len() * TILE_BYTES
    }

    /// The stored form: versioned, at most [`MOST_BYTES`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.stored_bytes());
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.push(super::numbers::byte(self.ring.len()));
        out.push(super::numbers::byte(self.tiles.len()));
        out.extend_from_slice(&self.total.to_le_bytes());
        for instant in [self.first, self.last] {
            let instant = instant.unwrap_or(Timestamp(i64::MIN));
            out.extend_from_slice(&instant.0.to_le_bytes());
        }
        for digest in &self.ring {
            digest.write(&mut out);
        }
        for tile in &self.tiles {
            out.extend_from_slice(&tile.day.0.to_le_bytes());
            for sum in [
                tile.messages,
                tile.chars,
                tile.links,
                tile.spoken_to,
                tile.commands,
                tile.cards,
                tile.hours,
            ] {
                out.extend_from_slice(&sum.to_le_bytes());
            }
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`BadState`] if the bytes are damaged or of another version: then the state is made again from messages.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadState> {
        let mut bytes = Bytes(bytes);
        check_version(&mut bytes, VERSION)?;
        Self::parse(&mut bytes).ok_or(BadState::Damaged)
    }

    fn parse(bytes: &mut Bytes<'_>) -> Option<Self> {
        let [n_ring, n_tiles] = bytes.take()?;
        let total = bytes.word()?;
        let known = |instant: Timestamp| (instant.0 != i64::MIN).then_some(instant);
        let first = known(bytes.instant()?);
        let last = known(bytes.instant()?);
        if usize::from(n_ring) > RING || usize::from(n_tiles) > DAYS {
            return None;
        }
        let mut ring = Vec::with_capacity(usize::from(n_ring) + 1);
        for _ in 0..n_ring {
            ring.push(Digest::read(bytes)?);
        }
        let mut tiles = Vec::with_capacity(usize::from(n_tiles) + 1);
        for _ in 0..n_tiles {
            tiles.push(Tile {
                day: Day(i32::from_le_bytes(bytes.take()?)),
                messages: bytes.word()?,
                chars: bytes.word()?,
                links: bytes.word()?,
                spoken_to: bytes.word()?,
                commands: bytes.word()?,
                cards: bytes.word()?,
                hours: bytes.word()?,
            });
        }
        bytes.0.is_empty().then_some(Self {
            ring,
            tiles,
            total,
            first,
            last,
        })
    }
}
