//! What went wrong with detection: a model that got worse, features that could not be made, a score that took too long, a
//! training that failed, chat that is no longer what a model was made for. An alert stays until somebody has seen to it, or
//! what raised it is over; the same one is not raised twice.
//!
//! Must never name an account: it is about models and numbers.

use ::store::{StoreError, Work, audit::Entry};
use identity::Notice;
use kernel::{Actor, CommunityId, Permission, Timestamp, UserId};
use serde_json::{Value, json};

use crate::{Bots, BotsError, store::alert as table};

/// How many are listed.
const LISTED_MAX: i64 = 100;

/// What went wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum AlertKind {
    /// Reviews say that F1 fell by more than five percent.
    Precision,
    /// What was known of a community's accounts did not read any more, so that nobody there is scored until it is made anew; or, of the
    /// instance, messages have not been gone through for minutes.
    Extraction,
    /// One in a hundred scores took longer than half a second.
    Latency,
    /// A training failed.
    Training,
    /// Chat is no longer what the model was made for.
    Drift,
    /// A rollout was stopped.
    Rollout,
    /// The operator's tracking server does not know of a training.
    Tracking,
}

impl AlertKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Precision,
        Self::Extraction,
        Self::Latency,
        Self::Training,
        Self::Drift,
        Self::Rollout,
        Self::Tracking,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Precision => "precision",
            Self::Extraction => "extraction",
            Self::Latency => "latency",
            Self::Training => "training",
            Self::Drift => "drift",
            Self::Rollout => "rollout",
            Self::Tracking => "tracking",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Precision => 1,
            Self::Extraction => 2,
            Self::Latency => 3,
            Self::Training => 4,
            Self::Drift => 5,
            Self::Rollout => 6,
            Self::Tracking => 7,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Something that went wrong.
#[derive(Clone, PartialEq, Debug)]
pub struct Alert {
    /// Its id.
    pub id: i32,
    /// What.
    pub kind: AlertKind,
    /// The community it is about; `None` = the instance.
    pub community: Option<CommunityId>,
    /// The same in a sentence.
    pub words: String,
    /// The numbers that raised it, as a JSON object.
    pub numbers: Value,
    /// Since when.
    pub at: Timestamp,
    /// When it was over, or somebody had seen to it.
    pub cleared_at: Option<Timestamp>,
    /// Who; `None` = it was over by itself, or they were erased since.
    pub cleared_by: Option<UserId>,
}

/// The topic under which pages of alerts and trainings are woken.
pub fn training_topic() -> String {
    "bots:training".to_owned()
}

/// Raises an alert within a unit of work, unless it is there already. Whoever runs the instance reads it
/// in the log too, and is told by mail.
pub(crate) async fn raise(
    work: &mut Work,
    kind: AlertKind,
    community: Option<CommunityId>,
    words: &str,
    numbers: Value,
) -> Result<(), StoreError> {
    let new = table::raise(work.conn(), kind, community, words, &numbers, work.now()).await?;
    if let Some(id) = new {
        tracing::error!(
            alert.id = id,
            alert.kind = kind.as_str(),
            "bot detection: {words}"
        );
        work.audit(Entry {
            action: "bots.alert",
            object: format!("bot_alert:{id}"),
            community,
            detail: json!({ "kind": kind.as_str(), "words": words, "numbers": numbers }),
        });
        let what = format!("bots:{}", kind.as_str());
        identity::tell_admins(work, &Notice::DetectionAlert, &what).await?;
    }
    work.notify(training_topic(), "");
    Ok(())
}

impl Bots {
    /// What went wrong with detection: what is open first, then the newest, at most 100.
    pub async fn alerts(&self, actor: &Actor) -> Result<Vec<Alert>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(table::all(self.db.read(), LISTED_MAX).await?)
    }

    /// Says that an alert was seen to. Saying it again changes nothing.
    pub async fn clear_alert(&self, actor: &Actor, id: i32) -> Result<(), BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let mut work = self.begin(actor).await?;
        if !table::exists(work.conn(), id).await? {
            return Err(BotsError::NotFound);
        }
        if table::clear(work.conn(), id, actor.user_id(), work.now()).await? {
            work.audit(Entry {
                action: "bots.alert.clear",
                object: format!("bot_alert:{id}"),
                community: None,
                detail: json!({}),
            });
            work.notify(training_topic(), "");
            work.commit().await?;
        }
        Ok(())
    }
}
