//! What a person sees of the messages on their way out. Shows no secret of an address, and the
//! words of a message only while they are still to be sent.

use std::collections::HashMap;

use kernel::{
    Actor, Address, CommunityId, Cursor, DeliveryId, Draft, Medium, Page, PageRequest, Permission,
    Timestamp,
};

use ::store::job::Priority;

use crate::{Deliveries, DeliveryError, store as tables};

/// Where a delivery is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits: for its time, its turn, or the next try.
    Pending,
    /// A call is under way.
    Sending,
    /// The platform took it.
    Sent,
    /// It was refused, or every try failed; says why.
    Failed,
    /// It was useless before it could be sent.
    Expired,
    /// The answer was lost: perhaps it arrived. Not tried again unless a person says so.
    Unknown,
    /// A person took it back before it was sent.
    Cancelled,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Sending,
        Self::Sent,
        Self::Failed,
        Self::Expired,
        Self::Unknown,
        Self::Cancelled,
    ];

    /// The number stored in the database, which statements spell out. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Pending => 0,
            Self::Sending => 1,
            Self::Sent => 2,
            Self::Failed => 3,
            Self::Expired => 4,
            Self::Unknown => 5,
            Self::Cancelled => 6,
        }
    }

    /// The state of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// Whether nothing more happens by itself.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Sending)
    }
}

/// How one try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptOutcome {
    /// The platform took it.
    Done,
    /// The platform asked to wait.
    RateLimited,
    /// Nothing is sent there at the moment.
    Closed,
    /// Certainly not done.
    Unavailable,
    /// Perhaps done: the answer was lost.
    Unknown,
    /// The platform refused it for good.
    Refused,
    /// The process ended during the call: perhaps done.
    CutOff,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 7] = [
        Self::Done,
        Self::RateLimited,
        Self::Closed,
        Self::Unavailable,
        Self::Unknown,
        Self::Refused,
        Self::CutOff,
    ];

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Done => 0,
            Self::RateLimited => 1,
            Self::Closed => 2,
            Self::Unavailable => 3,
            Self::Unknown => 4,
            Self::Refused => 5,
            Self::CutOff => 6,
        }
    }

    /// The outcome of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.code() == code)
    }

    /// The lower-case name, for people and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::RateLimited => "rate limited",
            Self::Closed => "closed",
            Self::Unavailable => "unavailable",
            Self::Unknown => "unknown",
            Self::Refused => "refused",
            Self::CutOff => "cut off",
        }
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptView {
    /// Which, from 1.
    pub n: u32,
    /// When the call began.
    pub begun_at: Timestamp,
    /// When it ended; `None` while it is under way.
    pub ended_at: Option<Timestamp>,
    /// How it ended.
    pub outcome: Option<AttemptOutcome>,
    /// Why, in the platform's words.
    pub error: Option<String>,
}

/// A delivery as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryView {
    /// Its id.
    pub id: DeliveryId,
    /// In whose name.
    pub community: CommunityId,
    /// How it travels.
    pub medium: Medium,
    /// Where to; the answer to an interaction shows its channel.
    pub address: Address,
    /// What it was posted under.
    pub key: String,
    /// The words, while they are still to be sent.
    pub draft: Option<Draft>,
    /// Where it is in its life.
    pub state: State,
    /// Who goes first.
    pub priority: Priority,
    /// Not before.
    pub due_at: Timestamp,
    /// Useless after.
    pub not_after: Option<Timestamp>,
    /// Calls made so far.
    pub attempts: u32,
    /// The platform's id of the message.
    pub message_id: Option<String>,
    /// Whether something was cut to fit.
    pub was_cut: bool,
    /// Whether the platform says that it arrived.
    pub is_confirmed: bool,
    /// Why it is not sent, in the platform's words.
    pub last_error: Option<String>,
    /// Who asked for it: `user:7`, `system:reminders`.
    pub requested_by: String,
    /// When it was posted.
    pub created_at: Timestamp,
    /// When it came to its end.
    pub finished_at: Option<Timestamp>,
    /// Its tries, newest first, at most 50; empty in lists.
    pub tries: Vec<AttemptView>,
}

/// Which deliveries to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryFilter {
    /// Only those in this state.
    pub state: Option<State>,
    /// Only those of this medium.
    pub medium: Option<Medium>,
}

impl Deliveries {
    /// A delivery with its tries; `None` if absent or not to be known of.
    pub async fn get(
        &self,
        actor: &Actor,
        id: DeliveryId,
    ) -> Result<Option<DeliveryView>, DeliveryError> {
        let Some(mut view) = tables::delivery::view(self.db.read(), id).await? else {
            return Ok(None);
        };
        if actor
            .require(Permission::ViewDeliveries, view.community)
            .is_err()
        {
            return Ok(None);
        }
        view.tries = tables::attempt::list(self.db.read(), id).await?;
        Ok(Some(view))
    }

    /// The tries of several deliveries, newest first, at most 50 of each; none of those that the actor may
    /// not know of.
    pub async fn tries_of(
        &self,
        actor: &Actor,
        ids: &[DeliveryId],
    ) -> Result<HashMap<DeliveryId, Vec<AttemptView>>, DeliveryError> {
        let mut known = tables::delivery::communities(self.db.read(), ids).await?;
        known.retain(|(_, id)| actor.require(Permission::ViewDeliveries, *id).is_ok());
        let ids: Vec<DeliveryId> = known.into_iter().map(|(id, _)| id).collect();
        Ok(tables::attempt::lists(self.db.read(), &ids).await?)
    }

    /// A community's deliveries, newest first.
    pub async fn list(
        &self,
        actor: &Actor,
        community: CommunityId,
        filter: DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<DeliveryView>, DeliveryError> {
        actor.require(Permission::ViewDeliveries, community)?;
        let before = page.cursor().map_or(i64::MAX, |cursor| cursor.id);
        let rows =
            tables::delivery::list(self.db.read(), community, filter, before, page.fetch()).await?;
        Ok(Page::from_rows(rows, page, |row: &DeliveryView| Cursor {
            key: String::new(),
            id: row.id.0,
        }))
    }
}
