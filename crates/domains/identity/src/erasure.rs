//! Erasing a person: asked for, taken back within two weeks, then done in steps that may be repeated.
//! First nobody is known by their accounts any more and nobody gets in as them; then each domain
//! erases what it keeps; at last what is left of them here goes. A tombstone for each account keeps
//! history that is imported later from bringing back what was said before.
//!
//! Must never put a name, an address or a platform's id into a log, an audit entry or an error.

use std::time::Duration;

use ::store::{DomainEvent, Work, audit::Entry, personal::Subject};
use kernel::{Actor, Role, Secret, SessionId, Timestamp, UserId};

use crate::{
    Identity, IdentityError, Notice, PERSON_ERASED, SeenAccount, Unlinked,
    events::ROUTES,
    notice,
    ownership::change_owners,
    personal,
    store::{self as tables, erasure as table},
    throttle::Subject as Throttled,
};

/// How long one can change one's mind.
const GRACE: Duration = Duration::from_secs(14 * 86_400);

/// Erasures done in one run.
const AT_ONCE: i64 = 50;

/// Somebody's wish to be erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Erasure {
    /// Who.
    pub user: UserId,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it is done, unless it is taken back.
    pub due_at: Timestamp,
}

impl Identity {
    /// Asks to be erased, in two weeks; needs a young session or the password. Asking again changes
    /// nothing. Refused for the only owner of a community and the only administrator, in words that
    /// say what to do first.
    pub async fn request_erasure(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
    ) -> Result<Erasure, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, password).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        if !tables::user::lock(work.conn(), user).await? {
            return Err(IdentityError::NotFound);
        }
        if let Some(held) = table::of_user(work.conn(), user).await? {
            return Ok(held);
        }
        needed(&work, user).await?;
        let erasure = Erasure {
            user,
            requested_at: work.now(),
            due_at: work.now().plus(GRACE),
        };
        table::insert(work.conn(), &erasure).await?;
        work.audit(entry("user.erasure.request", user));
        let told = Notice::ErasureAsked(erasure.due_at);
        notice::tell(&mut work, user, &told).await?;
        work.commit().await?;
        Ok(erasure)
    }

    /// One's own wish to be erased, if there is one.
    pub async fn erasure(&self, actor: &Actor) -> Result<Option<Erasure>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(table::of_user(self.db.read(), user).await?)
    }

    /// Takes one's wish back.
    pub async fn cancel_erasure(&self, actor: &Actor) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        if !table::delete(work.conn(), user).await? {
            return Err(IdentityError::NotFound);
        }
        work.audit(entry("user.erasure.cancel", user));
        notice::tell(&mut work, user, &Notice::ErasureTakenBack).await?;
        Ok(work.commit().await?)
    }

    /// Who is to be erased by now. For the job.
    pub async fn due_erasures(&self) -> Result<Vec<UserId>, IdentityError> {
        Ok(table::due(self.db.read(), self.clock.now(), AT_ONCE).await?)
    }

    /// The first step: nobody gets in as them any more, their accounts are nobody's, tombstones
    /// stand. Answers everything their rows are found by, and the tokens that are to be given back.
    /// `None` if it was taken back meanwhile. For the job.
    pub async fn begin_erasing(
        &self,
        user: UserId,
    ) -> Result<Option<(Subject, Vec<Unlinked>)>, IdentityError> {
        let who = Actor::System("erasure");
        let mut work = self.db.begin(&who, self.clock.now()).await?;
        change_owners(&work).await?;
        tables::user::lock(work.conn(), user).await?;
        let is_due = table::of_user(work.conn(), user).await?;
        if is_due.is_none_or(|erasure| erasure.due_at > work.now()) {
            return Ok(None);
        }
        needed(&work, user).await?;
        let Some(subject) = personal::subject(work.conn(), user).await? else {
            return Ok(None);
        };
        let mut tokens = Vec::new();
        for link in tables::link::of_user(work.conn(), user).await? {
            let sealed = tables::link::sealed(work.conn(), link.id).await?;
            let opened = sealed.map(|sealed| sealed.open(&self.tokens())).transpose();
            tokens.push(Unlinked {
                told_roles: tables::linked_role::was_told(work.conn(), link.id).await?,
                provider: link.provider,
                tokens: opened.ok().flatten().flatten(),
            });
            tables::link::delete(work.conn(), link.id).await?;
        }
        tables::session::delete_others(work.conn(), user, SessionId(0)).await?;
        tables::api_key::delete_all(work.conn(), user).await?;
        table::delete_secrets(work.conn(), user).await?;
        self.bury(&work, &subject.platform_ids).await?;
        // So that whoever was told about them can forget them too.
        let places = self.places(&work, user).await?.into_iter();
        let events = places.map(|community| DomainEvent {
            kind: PERSON_ERASED,
            community: Some(community),
            payload: serde_json::json!({ "community": community.0, "user": user.0 }),
        });
        work.emit_all(events.collect(), ROUTES).await?;
        work.commit().await?;
        Ok(Some((subject, tokens)))
    }

    /// The last step, after every domain did its own: what is left of the person. The row stays with
    /// its id, because the audit log and counts name it. For the job.
    pub async fn finish_erasing(&self, subject: &Subject) -> Result<(), IdentityError> {
        let who = Actor::System("erasure");
        let mut work = self.db.begin(&who, self.clock.now()).await?;
        let user = subject.user;
        change_owners(&work).await?;
        tables::user::lock(work.conn(), user).await?;
        for (platform, id) in &subject.platform_ids {
            table::end_connections(work.conn(), *platform, id, work.now()).await?;
        }
        if let Some(email) = &subject.email {
            table::delete_codes_to(work.conn(), email).await?;
        }
        let mut keys = vec![Throttled::user(user)];
        for (platform, id) in &subject.platform_ids {
            keys.push(Throttled::account(&SeenAccount {
                platform: *platform,
                platform_user_id: id.clone(),
                username: String::new(),
                is_bot: false,
                account_created_at: None,
            }));
        }
        keys.extend(subject.email.as_deref().map(Throttled::email));
        Self::attempt_succeeded(&work, &keys).await?;
        table::delete_person(work.conn(), user).await?;
        work.audit(entry("user.erasure.done", user));
        Ok(work.commit().await?)
    }
}

fn entry(action: &'static str, user: UserId) -> Entry {
    Entry {
        action,
        object: format!("user:{user}"),
        community: None,
        detail: serde_json::json!({}),
    }
}

/// Refuses for whom a community or the instance cannot do without.
async fn needed(work: &Work, user: UserId) -> Result<(), IdentityError> {
    let mut roles = tables::community::roles_of(work.conn(), user).await?;
    // In one order for all, so that two who ask at once wait for each other instead of for ever.
    roles.sort_unstable();
    for (community, role) in roles {
        if role != Role::Owner {
            continue;
        }
        // As where roles are changed: one change of a community's roles at a time.
        tables::community::lock(work.conn(), community).await?;
        if tables::community::count_owners(work.conn(), community).await? <= 1 {
            let found = tables::community::by_id(work.conn(), community).await?;
            let name = found.map_or_else(String::new, |community| community.name);
            return Err(IdentityError::Conflict(format!(
                "you are the only owner of «{name}»: make somebody else an owner there first"
            )));
        }
    }
    let person = tables::user::by_id(work.conn(), user).await?;
    if person.is_some_and(|person| person.is_instance_admin)
        && tables::user::count_instance_admins(work.conn()).await? <= 1
    {
        return Err(IdentityError::Conflict(
            "you are the only administrator of this instance: make another one first with `waddlebot admin create`".to_owned(),
        ));
    }
    Ok(())
}
