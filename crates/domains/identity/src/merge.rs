//! Making one person of two: who asked, who confirmed, and taking it back.
//!
//! Invariants: nothing moves before both sides confirmed, each with a young session or the password,
//! or by a proof that would sign them in; an administrator stands in for one side at most and never
//! for the one across from their own; of several confirmations at once exactly one applies the merge;
//! an undo within 30 days restores both.

pub(crate) mod memento;
mod moving;
mod preview;

use std::time::Duration;

use kernel::{Actor, CommunityId, MergeId, Permission, Secret, SessionId, Timestamp, UserId};
use serde_json::json;
use store::{DomainEvent, StoreError, Work, audit::Entry};

pub use moving::Follower;
pub use preview::{MergeCard, MergePreview, RoleJoined};

use crate::{
    Arrival, Identity, IdentityError, Notice, PERSON_MERGED, PERSON_UNMERGED,
    events::ROUTES,
    link::LINKS_MAX,
    notice,
    ownership::change_owners,
    store::{self as tables, merge as table},
};

/// How long a request waits for both sides.
const OPEN_FOR: Duration = Duration::from_secs(7 * 86_400);
/// How long a merge can be undone.
const UNDO_FOR: Duration = Duration::from_secs(30 * 86_400);

/// One of the two people of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeSide {
    /// Who stays, with everything of both.
    Kept,
    /// Whose row is emptied.
    Merged,
}

impl MergeSide {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Merged => "merged",
        }
    }

    /// The side of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Kept, Self::Merged]
            .into_iter()
            .find(|side| side.as_str() == name)
    }

    const fn other(self) -> Self {
        match self {
            Self::Kept => Self::Merged,
            Self::Merged => Self::Kept,
        }
    }
}

/// How a merge began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeOrigin {
    /// Somebody proved an account of the other one.
    Proof,
    /// An administrator named the two.
    Hand,
}

impl MergeOrigin {
    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Proof => 1,
            Self::Hand => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        [Self::Proof, Self::Hand]
            .into_iter()
            .find(|origin| origin.code() == code)
    }
}

/// Where a merge stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeState {
    /// Waits for a side.
    Requested,
    /// The two are one.
    Done,
    /// They were, and are two again.
    Undone,
    /// Somebody said no.
    Rejected,
    /// Nobody said yes in time.
    Expired,
}

impl MergeState {
    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Requested => 1,
            Self::Done => 2,
            Self::Undone => 3,
            Self::Rejected => 4,
            Self::Expired => 5,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        [
            Self::Requested,
            Self::Done,
            Self::Undone,
            Self::Rejected,
            Self::Expired,
        ]
        .into_iter()
        .find(|state| state.code() == code)
    }
}

/// That a side confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MergeConsent {
    /// Who did: the person, or an administrator for them.
    pub by: UserId,
    /// When.
    pub at: Timestamp,
}

/// A request to make one person of two, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// Its id.
    pub id: MergeId,
    /// Who stays.
    pub kept: UserId,
    /// Whose row is emptied.
    pub merged: UserId,
    /// How it began.
    pub origin: MergeOrigin,
    /// Where it stands.
    pub state: MergeState,
    /// Who asked.
    pub requested_by: UserId,
    /// When.
    pub requested_at: Timestamp,
    /// Until when both sides have to confirm.
    pub expires_at: Timestamp,
    /// Whether the kept side confirmed.
    pub kept_consent: Option<MergeConsent>,
    /// Whether the other side confirmed.
    pub merged_consent: Option<MergeConsent>,
    /// When it was done or rejected.
    pub settled_at: Option<Timestamp>,
}

impl Merge {
    /// Which side a person is on.
    pub fn side_of(&self, user: UserId) -> Option<MergeSide> {
        match user {
            user if user == self.kept => Some(MergeSide::Kept),
            user if user == self.merged => Some(MergeSide::Merged),
            _ => None,
        }
    }

    /// Who is on a side.
    pub const fn user(&self, side: MergeSide) -> UserId {
        match side {
            MergeSide::Kept => self.kept,
            MergeSide::Merged => self.merged,
        }
    }

    /// Whether a side confirmed.
    pub const fn consent(&self, side: MergeSide) -> Option<MergeConsent> {
        match side {
            MergeSide::Kept => self.kept_consent,
            MergeSide::Merged => self.merged_consent,
        }
    }

    /// Until when it can be undone; `None` if it is not done.
    pub fn undo_until(&self) -> Option<Timestamp> {
        let done = (self.state == MergeState::Done).then_some(self.settled_at)?;
        done.map(|at| at.plus(UNDO_FOR))
    }

    /// As it stands at an instant: what nobody confirmed in time has expired.
    fn seen_at(mut self, now: Timestamp) -> Self {
        if self.state == MergeState::Requested && now >= self.expires_at {
            self.state = MergeState::Expired;
        }
        self
    }

    fn payload(&self, community: Option<CommunityId>) -> serde_json::Value {
        match community {
            Some(community) => json!({
                "community": community.0, "kept": self.kept.0, "merged": self.merged.0,
            }),
            None => json!({ "kept": self.kept.0, "merged": self.merged.0 }),
        }
    }
}

fn settled() -> IdentityError {
    IdentityError::Conflict(
        "this merge is not waiting any more: look at the list for what became of it".to_owned(),
    )
}

impl Identity {
    /// Writes down that somebody proved an account of somebody else, and answers the error that
    /// leads there. `way_in`: the account signs the other one in, which is their confirmation,
    /// unless it was only typed in chat.
    pub(crate) async fn ask_to_merge(
        &self,
        mut work: Work,
        kept: UserId,
        merged: UserId,
        way_in: Option<&Arrival>,
    ) -> Result<IdentityError, IdentityError> {
        let id = self
            .open_request(&mut work, (kept, merged), MergeOrigin::Proof, kept)
            .await?;
        let is_own = table::by_id(work.conn(), id)
            .await?
            .is_some_and(|merge| merge.kept == kept);
        // Where a second factor is on, a provider alone signs nobody in.
        let has_second = tables::totp::on_since(work.conn(), merged).await?.is_some();
        if is_own && !has_second && way_in.is_some_and(Arrival::is_from_provider) {
            let now = work.now();
            table::consent(work.conn(), id, MergeSide::Merged, merged, now).await?;
        }
        work.commit().await?;
        Ok(IdentityError::MergeNeeded(id))
    }

    /// The open request of two people, made if there is none. Both are locked by the caller.
    async fn open_request(
        &self,
        work: &mut Work,
        (kept, merged): (UserId, UserId),
        origin: MergeOrigin,
        by: UserId,
    ) -> Result<MergeId, IdentityError> {
        let now = work.now();
        if let Some(open) = table::open(work.conn(), kept, merged).await? {
            if now < open.expires_at {
                return Ok(open.id);
            }
            table::settle(work.conn(), open.id, MergeState::Expired, now).await?;
        }
        check(work, kept, merged).await?;
        let new = table::New {
            kept,
            merged,
            origin,
            by,
            expires_at: now.plus(OPEN_FOR),
        };
        let id = table::insert(work.conn(), &new, now).await?;
        work.audit(Entry {
            action: "merge.request",
            object: format!("user:{kept}"),
            community: None,
            detail: json!({ "merge": id.0, "merged": merged.0 }),
        });
        for side in [kept, merged] {
            notice::tell(work, side, &Notice::MergeAsked).await?;
        }
        Ok(id)
    }

    /// Asks for a merge by naming the two; `kept` stays. Both sides still have to confirm.
    pub async fn request_merge(
        &self,
        actor: &Actor,
        kept: UserId,
        merged: UserId,
    ) -> Result<MergeId, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let by = actor.user_id().ok_or(IdentityError::NotFound)?;
        if kept == merged {
            return Err(IdentityError::invalid(
                "merged",
                "name two different people",
            ));
        }
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        if !tables::user::lock_both(work.conn(), kept, merged).await? {
            return Err(IdentityError::NotFound);
        }
        let stays = tables::user::by_id(work.conn(), kept).await?;
        if !stays.is_some_and(|stays| stays.claimed) {
            return Err(IdentityError::invalid(
                "kept",
                "nobody signs in as this person: keep the other one",
            ));
        }
        let id = self
            .open_request(&mut work, (kept, merged), MergeOrigin::Hand, by)
            .await?;
        work.commit().await?;
        Ok(id)
    }

    /// The merges one takes part in, newest first, at most 100.
    pub async fn merges(&self, actor: &Actor) -> Result<Vec<Merge>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let now = self.clock.now();
        let all = table::of_user(self.db.read(), user).await?;
        Ok(all.into_iter().map(|merge| merge.seen_at(now)).collect())
    }

    /// Everybody's merges, newest first, at most 200.
    pub async fn all_merges(&self, actor: &Actor) -> Result<Vec<Merge>, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let now = self.clock.now();
        let all = table::all(self.db.read()).await?;
        Ok(all.into_iter().map(|merge| merge.seen_at(now)).collect())
    }

    /// A merge that the actor takes part in, or any for an administrator.
    async fn visible(&self, actor: &Actor, id: MergeId) -> Result<Merge, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let merge = table::by_id(self.db.read(), id).await?;
        let merge = merge.ok_or(IdentityError::NotFound)?;
        if merge.side_of(user).is_none() && !actor.is_instance_admin() {
            return Err(IdentityError::NotFound);
        }
        Ok(merge.seen_at(self.clock.now()))
    }

    /// What a merge would do, for its two sides and administrators. What somebody has is told the
    /// other side only after they confirmed or asked themselves.
    pub async fn merge_preview(
        &self,
        actor: &Actor,
        id: MergeId,
    ) -> Result<MergePreview, IdentityError> {
        self.preview(actor, id).await
    }

    /// Confirms a side: one's own, or as an administrator one of two others. Needs a young session or
    /// the password. Applies the merge once both sides did.
    pub async fn confirm_merge(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        id: MergeId,
        side: MergeSide,
    ) -> Result<Merge, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let merge = self.visible(actor, id).await?;
        self.confirm(user, session, password).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        change_owners(&work).await?;
        tables::user::lock_both(work.conn(), merge.kept, merge.merged).await?;
        let merge = table::by_id(work.conn(), id).await?;
        let merge = merge.ok_or(IdentityError::NotFound)?.seen_at(now);
        if merge.state != MergeState::Requested {
            return Err(settled());
        }
        may_confirm(&merge, user, side)?;
        if !table::consent(work.conn(), id, side, user, now).await? {
            return Err(IdentityError::Conflict(
                "this side has confirmed already: the other one still has to".to_owned(),
            ));
        }
        work.audit(Entry {
            action: "merge.confirm",
            object: format!("user:{}", merge.user(side)),
            community: None,
            detail: json!({ "merge": id.0, "side": side.as_str() }),
        });
        if merge.consent(side.other()).is_some() {
            self.apply(&mut work, &merge).await?;
        }
        let merge = table::by_id(work.conn(), id).await?;
        work.commit().await?;
        merge.ok_or(IdentityError::NotFound)
    }

    /// Makes one of the two, in the caller's unit of work, which holds their locks.
    async fn apply(&self, work: &mut Work, merge: &Merge) -> Result<(), IdentityError> {
        let now = work.now();
        check(work, merge.kept, merge.merged).await?;
        if !table::settle(work.conn(), merge.id, MergeState::Done, now).await? {
            return Err(settled());
        }
        table::reject_of(work.conn(), merge.merged, now).await?;
        // As long as each has their own.
        let goes = tables::email::verified_address(work.conn(), merge.merged).await?;
        tables::user::claim(work.conn(), merge.kept, now).await?;
        let places = self.places(work, merge.merged).await?;
        let mementos = self.take_over(work, merge.merged, merge.kept).await?;
        tables::moving::unclaim(work.conn(), merge.merged).await?;
        for (domain, memento) in &mementos {
            table::put_memento(work.conn(), merge.id, domain, memento).await?;
        }
        self.roles_changed(work, merge.kept).await?;
        work.audit(Entry {
            action: "merge.apply",
            object: format!("user:{}", merge.kept),
            community: None,
            detail: json!({ "merge": merge.id.0, "merged": merge.merged.0 }),
        });
        let until = now.plus(UNDO_FOR);
        notice::tell(work, merge.kept, &Notice::MergeKept(until)).await?;
        if let Some(address) = goes {
            let told = Notice::MergeMerged(until);
            notice::tell_at(work, merge.kept, &address, &told).await?;
        }
        Ok(work
            .emit_all(told(PERSON_MERGED, merge, places), ROUTES)
            .await?)
    }

    /// Says no to a merge that waits: either side, or an administrator.
    pub async fn reject_merge(&self, actor: &Actor, id: MergeId) -> Result<(), IdentityError> {
        let merge = self.visible(actor, id).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        if !table::settle(work.conn(), id, MergeState::Rejected, now).await? {
            return Err(settled());
        }
        work.audit(Entry {
            action: "merge.reject",
            object: format!("user:{}", merge.kept),
            community: None,
            detail: json!({ "merge": id.0, "merged": merge.merged.0 }),
        });
        Ok(work.commit().await?)
    }

    /// Makes two people again of a merge that was done within 30 days: the kept person, or an
    /// administrator; needs a young session or the password. Sessions and API keys stay ended.
    pub async fn undo_merge(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        id: MergeId,
    ) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let merge = self.visible(actor, id).await?;
        if merge.kept != user && !actor.is_instance_admin() {
            return Err(IdentityError::NotFound);
        }
        self.confirm(user, session, password).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        change_owners(&work).await?;
        tables::user::lock_both(work.conn(), merge.kept, merge.merged).await?;
        let is_late = merge.undo_until().is_none_or(|until| now >= until);
        if is_late || !table::undo(work.conn(), id, now).await? {
            return Err(IdentityError::Conflict(
                "this merge cannot be undone: it is not done, or it was done more than 30 days ago"
                    .to_owned(),
            ));
        }
        if table::is_followed(work.conn(), &merge).await? {
            return Err(IdentityError::Conflict(
                "somebody of the two was merged again later: undo that first".to_owned(),
            ));
        }
        self.give_back(&mut work, id, merge.merged, merge.kept)
            .await?;
        for user in [merge.kept, merge.merged] {
            self.roles_changed(&mut work, user).await?;
            notice::tell(&mut work, user, &Notice::MergeUndone).await?;
        }
        work.audit(Entry {
            action: "merge.undo",
            object: format!("user:{}", merge.kept),
            community: None,
            detail: json!({ "merge": id.0, "merged": merge.merged.0 }),
        });
        let places = self.places(&work, merge.merged).await?;
        work.emit_all(told(PERSON_UNMERGED, &merge, places), ROUTES)
            .await?;
        Ok(work.commit().await?)
    }

    /// Requests that ran out, and mementos that are of no use any more.
    pub(crate) async fn sweep_merges(work: &Work) -> Result<u64, StoreError> {
        let now = work.now();
        table::sweep(work.conn(), now, now.minus(UNDO_FOR)).await
    }
}

/// What is told of a merge: once for all, and once for each community in which the merged person was
/// known.
fn told(
    kind: &'static str,
    merge: &Merge,
    places: impl IntoIterator<Item = CommunityId>,
) -> Vec<DomainEvent> {
    let event = |community: Option<CommunityId>| DomainEvent {
        kind,
        community,
        payload: merge.payload(community),
    };
    let here = places.into_iter().map(|place| event(Some(place)));
    std::iter::once(event(None)).chain(here).collect()
}

/// Whether a person may confirm a side.
fn may_confirm(merge: &Merge, user: UserId, side: MergeSide) -> Result<(), IdentityError> {
    match merge.side_of(user) {
        Some(own) if own == side => Ok(()),
        Some(_) => Err(IdentityError::Conflict(
            "the other side confirms for itself: sign in with it and confirm there".to_owned(),
        )),
        // An administrator who is neither.
        None => {
            let other = side.other();
            let stood_in = merge
                .consent(other)
                .is_some_and(|consent| consent.by != merge.user(other));
            if stood_in {
                return Err(IdentityError::Conflict(
                    "an administrator confirmed for the other side already: this side confirms for itself".to_owned(),
                ));
            }
            Ok(())
        }
    }
}

/// Refuses two people whose merge would give somebody more than they had, or lose something.
async fn check(work: &Work, kept: UserId, merged: UserId) -> Result<(), IdentityError> {
    let conn = work.conn();
    let refuse = |words: &str| Err(IdentityError::Conflict(words.to_owned()));
    let people = (
        tables::user::by_id(conn, kept).await?,
        tables::user::by_id(conn, merged).await?,
    );
    let (Some(stays), Some(goes)) = people else {
        return Err(IdentityError::NotFound);
    };
    if goes.is_instance_admin && !stays.is_instance_admin {
        return refuse(
            "this account belongs to somebody else here who is an administrator of this instance: if that is you, sign in as the administrator and link your account from there",
        );
    }
    let links = tables::link::of_user(conn, kept).await?.len()
        + tables::link::of_user(conn, merged).await?.len();
    if links > LINKS_MAX {
        return refuse(
            "together the two have more linked accounts than one may: unlink some first",
        );
    }
    if table::is_leaving(conn, kept, merged).await? {
        return refuse("the deletion of one of the two was asked for: take that back first");
    }
    Ok(())
}
