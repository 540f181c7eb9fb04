//! What a person does to a webhook: makes, changes, pauses, removes it, and gives it another secret.
//! Every change is audited, without addresses and secrets.

use std::time::Duration;

use ::store::{StoreError, Work, audit::Entry, job, seal::Place};
use kernel::{Actor, CommunityId, Permission, Secret, Timestamp, WebhookId};
use serde_json::{Value, json};

use crate::{
    Webhook, WebhookError, WebhookState, Webhooks, catalogue, endpoint::may_manage, job_for,
    secret, store as tables,
};

/// How many webhooks a community may have.
pub const WEBHOOKS_MAX: usize = 10;
/// How long the secret before signs too after a rotation.
pub const ROTATION: Duration = Duration::from_hours(24);
/// The longest description, in characters.
const DESCRIPTION_MAX: usize = 200;

/// A webhook to make.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NewWebhook {
    /// Where events go.
    pub url: String,
    /// What it is for; at most 200 characters, may be empty.
    pub description: String,
    /// The kinds of events it wants; empty = all.
    pub kinds: Vec<String>,
}

impl std::fmt::Debug for NewWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewWebhook").finish_non_exhaustive()
    }
}

/// New values for what can be changed; `None` = as it is.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct WebhookChange {
    /// Where events go.
    pub url: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The kinds of events it wants; empty = all.
    pub kinds: Option<Vec<String>>,
}

impl std::fmt::Debug for WebhookChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookChange").finish_non_exhaustive()
    }
}

/// A webhook with its secret, which is shown this once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeWebhook {
    /// The webhook.
    pub webhook: Webhook,
    /// What signs its messages.
    pub secret: Secret<String>,
}

fn check_description(text: &str) -> Result<String, WebhookError> {
    let text = text.trim();
    if text.chars().count() > DESCRIPTION_MAX || text.chars().any(char::is_control) {
        return Err(WebhookError::invalid(
            "description",
            format!("use at most {DESCRIPTION_MAX} characters on one line"),
        ));
    }
    Ok(text.to_owned())
}

fn check_kinds(kinds: &[String]) -> Result<Vec<String>, WebhookError> {
    if let Some(unknown) = kinds.iter().find(|kind| !catalogue::is_offered(kind)) {
        let shown: String = unknown.chars().take(50).collect();
        return Err(WebhookError::invalid(
            "kinds",
            format!("there are no events of the kind `{shown}`"),
        ));
    }
    let mut kinds = kinds.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    Ok(kinds)
}

/// The place of a secret.
pub(crate) fn place(id: WebhookId, community: CommunityId, column: &'static str) -> Place {
    Place {
        table: "webhook",
        column,
        row: id.0.into(),
        community,
    }
}

/// The column of the secret, and of the one before.
pub(crate) const SECRET: &str = "secret_sealed";
pub(crate) const OLD_SECRET: &str = "old_secret_sealed";

pub(crate) fn entry(action: &'static str, webhook: &Webhook, detail: Value) -> Entry {
    Entry {
        action,
        object: format!("webhook:{}", webhook.id),
        community: Some(webhook.community),
        detail,
    }
}

fn described(webhook: &Webhook) -> Value {
    json!({ "site": webhook.site(), "kinds": webhook.kinds, "description": webhook.description })
}

/// Refuses an address that another webhook of the community has.
async fn check_single(
    work: &Work,
    community: CommunityId,
    own: Option<WebhookId>,
    url: &str,
) -> Result<usize, WebhookError> {
    let all = tables::webhook::of_community(work.conn(), community).await?;
    if all
        .iter()
        .any(|other| other.url == url && Some(other.id) != own)
    {
        return Err(WebhookError::Conflict(
            "this community has a webhook with this address already: change that one".to_owned(),
        ));
    }
    Ok(all.len())
}

impl Webhooks {
    fn check_url(&self, url: &str) -> Result<String, WebhookError> {
        self.caller
            .check(url.trim())
            .map_err(|message| WebhookError::invalid("url", message))
    }

    /// Makes a webhook and its secret, which is never shown again. A community has at most
    /// [`WEBHOOKS_MAX`], each with an address of its own.
    pub async fn create(
        &self,
        actor: &Actor,
        community: CommunityId,
        new: &NewWebhook,
    ) -> Result<MadeWebhook, WebhookError> {
        actor.require(Permission::ManageCommunity, community)?;
        let description = check_description(&new.description)?;
        let kinds = check_kinds(&new.kinds)?;
        let url = self.check_url(&new.url)?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, community).await?;
        if check_single(&work, community, None, &url).await? >= WEBHOOKS_MAX {
            return Err(WebhookError::Conflict(format!(
                "a community has at most {WEBHOOKS_MAX} webhooks: remove one first"
            )));
        }
        let inserted = tables::webhook::insert(
            work.conn(),
            &tables::webhook::New {
                community,
                url,
                description,
                kinds,
                created_by: actor.user_id(),
                at: work.now(),
            },
        )
        .await;
        let id = match inserted {
            // The instance's own people may name a community that is not there.
            Err(StoreError::Refused(_)) => return Err(WebhookError::NotFound),
            other => other?,
        };
        let secret = secret::fresh(&*self.entropy);
        let sealed = self.seal(id, community, SECRET, &secret)?;
        tables::webhook::put_secret(work.conn(), id, &sealed).await?;
        let webhook = found(tables::webhook::by_id(work.conn(), id).await?)?;
        work.audit(entry("webhook.create", &webhook, described(&webhook)));
        work.commit().await?;
        Ok(MadeWebhook { webhook, secret })
    }

    /// Changes a webhook. Messages that wait go to the new address.
    pub async fn change(
        &self,
        actor: &Actor,
        id: WebhookId,
        change: &WebhookChange,
    ) -> Result<Webhook, WebhookError> {
        let before = found(self.webhook(actor, id).await?)?;
        let description = change.description.as_deref().map(check_description);
        let kinds = change.kinds.as_deref().map(check_kinds);
        let url = change.url.as_deref().map(|url| self.check_url(url));
        let (description, kinds, url) = (
            description.transpose()?,
            kinds.transpose()?,
            url.transpose()?,
        );
        let mut work = self.begin(actor).await?;
        tables::lock(&work, before.community).await?;
        let before = manageable(&work, actor, id).await?;
        let after = Webhook {
            url: url.unwrap_or_else(|| before.url.clone()),
            description: description.unwrap_or_else(|| before.description.clone()),
            kinds: kinds.unwrap_or_else(|| before.kinds.clone()),
            ..before.clone()
        };
        if after == before {
            return Ok(before);
        }
        check_single(&work, before.community, Some(id), &after.url).await?;
        tables::webhook::update(work.conn(), &after, work.now()).await?;
        let detail = json!({
            "before": described(&before), "after": described(&after),
            "has_new_address": before.url != after.url,
        });
        work.audit(entry("webhook.change", &before, detail));
        let after = found(tables::webhook::by_id(work.conn(), id).await?)?;
        work.commit().await?;
        Ok(after)
    }

    /// Gives a webhook another secret, which is shown this once; the one before signs too for
    /// [`ROTATION`], so that receivers can change over.
    pub async fn rotate(&self, actor: &Actor, id: WebhookId) -> Result<MadeWebhook, WebhookError> {
        let mut work = self.begin(actor).await?;
        let before = manageable(&work, actor, id).await?;
        let secrets = found(tables::webhook::lock_secrets(work.conn(), work.engine(), id).await?)?;
        let old = self
            .keys
            .open(&place(id, before.community, SECRET), &secrets.current)?;
        let old = self.seal(id, before.community, OLD_SECRET, &old)?;
        let secret = secret::fresh(&*self.entropy);
        let sealed = self.seal(id, before.community, SECRET, &secret)?;
        let until = work.now().plus(ROTATION);
        tables::webhook::rotate(work.conn(), id, &sealed, (&old, until), work.now()).await?;
        work.audit(entry("webhook.rotate", &before, json!({})));
        let webhook = found(tables::webhook::by_id(work.conn(), id).await?)?;
        work.commit().await?;
        Ok(MadeWebhook { webhook, secret })
    }

    /// Pauses a webhook: its events wait. Pausing one that does nothing changes nothing.
    pub async fn pause(&self, actor: &Actor, id: WebhookId) -> Result<Webhook, WebhookError> {
        self.switch(actor, id, WebhookState::Paused).await
    }

    /// Lets a paused or switched off webhook go on, and sends what waits.
    pub async fn resume(&self, actor: &Actor, id: WebhookId) -> Result<Webhook, WebhookError> {
        self.switch(actor, id, WebhookState::On).await
    }

    async fn switch(
        &self,
        actor: &Actor,
        id: WebhookId,
        to: WebhookState,
    ) -> Result<Webhook, WebhookError> {
        let mut work = self.begin(actor).await?;
        let before = manageable(&work, actor, id).await?;
        let changed = tables::webhook::switch(work.conn(), id, to, work.now()).await?;
        if !changed {
            return Ok(before);
        }
        if to == WebhookState::On {
            wake(&mut work, id, before.community).await?;
        }
        let action = match to {
            WebhookState::On => "webhook.resume",
            _ => "webhook.pause",
        };
        work.audit(entry(
            action,
            &before,
            json!({ "before": before.state.as_str() }),
        ));
        let after = found(tables::webhook::by_id(work.conn(), id).await?)?;
        work.commit().await?;
        Ok(after)
    }

    /// Removes a webhook: nothing is sent to it any more, and its messages go soon.
    pub async fn remove(&self, actor: &Actor, id: WebhookId) -> Result<(), WebhookError> {
        let mut work = self.begin(actor).await?;
        let before = manageable(&work, actor, id).await?;
        if !tables::webhook::remove(work.conn(), id, work.now()).await? {
            return Err(WebhookError::NotFound);
        }
        work.audit(entry("webhook.remove", &before, described(&before)));
        Ok(work.commit().await?)
    }

    /// A unit of work that changes nothing that kept answers show.
    pub(crate) async fn begin(&self, actor: &Actor) -> Result<Work, WebhookError> {
        let work = self.db.begin(actor, self.clock.now()).await?;
        Ok(work.reaching(::store::Reach::Nothing))
    }

    fn seal(
        &self,
        id: WebhookId,
        community: CommunityId,
        column: &'static str,
        secret: &Secret<String>,
    ) -> Result<String, WebhookError> {
        let place = place(id, community, column);
        Ok(self.keys.seal(&*self.entropy, &place, secret.expose())?)
    }

    /// The secrets that sign now: the current one, and the one before for a while.
    pub(crate) fn open(
        &self,
        webhook: &Webhook,
        secrets: &tables::webhook::Secrets,
        now: Timestamp,
    ) -> Result<Vec<Secret<String>>, WebhookError> {
        let at = |column| place(webhook.id, webhook.community, column);
        let mut open = vec![self.keys.open(&at(SECRET), &secrets.current)?];
        if let Some(old) = &secrets.old
            && webhook.old_secret_until.is_some_and(|until| now < until)
        {
            open.push(self.keys.open(&at(OLD_SECRET), old)?);
        }
        Ok(open)
    }
}

/// The most messages that are woken in the transaction that lets a webhook go on; the rest follows
/// with the recurring job.
const WOKEN_MAX: i64 = 5_000;

/// Enqueues the jobs of what waits.
async fn wake(work: &mut Work, id: WebhookId, community: CommunityId) -> Result<(), WebhookError> {
    let waiting = tables::message::waiting(work.conn(), id, WOKEN_MAX).await?;
    let now = work.now();
    let jobs = waiting
        .into_iter()
        .map(|(message, due_at)| job_for(message, id, community).due_at(due_at.max(now)));
    job::enqueue_many(work, jobs.collect()).await?;
    Ok(())
}

pub(crate) fn found<T>(row: Option<T>) -> Result<T, WebhookError> {
    row.ok_or(WebhookError::NotFound)
}

/// A webhook that the actor may change, read in the unit of work.
pub(crate) async fn manageable(
    work: &Work,
    actor: &Actor,
    id: WebhookId,
) -> Result<Webhook, WebhookError> {
    let webhook = tables::webhook::by_id(work.conn(), id).await?;
    found(webhook.filter(|webhook| may_manage(actor, webhook)))
}
