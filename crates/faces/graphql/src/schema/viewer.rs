//! Who asks, and what belongs to one request: its id, its loaders and its budget. Made anew for
//! every request, so that nothing read for one viewer is ever shown to another.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use app::{Allowance, App, Caller, Payer};
use async_graphql::{Context, Error, Result};
use identity::{ClientInfo, User};
use kernel::{Actor, ErrorCode, SessionId, random};

use super::{error, loaders::Loaders};
use crate::settings::Settings;

/// What a request cost its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Toll {
    /// Its cost.
    pub(crate) cost: u64,
    /// How the caller's allowance stands after it.
    pub(crate) allowance: Allowance,
}

/// The viewer of one request.
pub(crate) struct Viewer {
    app: Arc<App>,
    actor: Arc<Actor>,
    user: Option<User>,
    session: Option<SessionId>,
    client: ClientInfo,
    payer: Payer,
    toll: OnceLock<Toll>,
    request_id: String,
    loaders: Loaders,
    /// Values that the answer may still have.
    budget: AtomicUsize,
}

impl Viewer {
    /// The viewer of a new request.
    pub(crate) fn new(
        app: &Arc<App>,
        settings: &Settings,
        caller: Option<Caller>,
        client: ClientInfo,
    ) -> Self {
        let payer = Payer::of(caller.as_ref(), client.address);
        let (actor, user, session) = match caller {
            Some(caller) => (caller.actor, Some(caller.user), caller.session),
            None => (Actor::Anonymous, None, None),
        };
        let actor = Arc::new(actor);
        Self {
            loaders: Loaders::new(app, &actor),
            app: Arc::clone(app),
            actor,
            user,
            session,
            client,
            payer,
            toll: OnceLock::new(),
            request_id: random::hex(&random::bytes::<8>(&*app.entropy)),
            budget: AtomicUsize::new(settings.limits.values),
        }
    }

    /// The services.
    pub(crate) fn app(&self) -> &App {
        &self.app
    }

    /// For service calls.
    pub(crate) fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Who is signed in.
    pub(crate) const fn user(&self) -> Option<&User> {
        self.user.as_ref()
    }

    /// Who is signed in, or the error that asks to sign in.
    pub(crate) fn signed_in(&self) -> Result<&User> {
        self.user
            .as_ref()
            .ok_or_else(|| error::coded(ErrorCode::Unauthenticated, "sign in first"))
    }

    /// The session behind the request, or the error that asks for one: an API key proves nothing about
    /// who sits there now.
    pub(crate) fn session(&self) -> Result<SessionId> {
        self.signed_in()?;
        self.session.ok_or_else(|| {
            error::coded(
                ErrorCode::Forbidden,
                "this needs a session: sign in on the dashboard, an API key is not enough",
            )
        })
    }

    /// The session behind the request, if one is.
    pub(crate) const fn current(&self) -> Option<SessionId> {
        self.session
    }

    /// The client, for the history of proofs and consents.
    pub(crate) const fn client(&self) -> &ClientInfo {
        &self.client
    }

    /// Whose allowance the request is taken from.
    pub(crate) const fn payer(&self) -> &Payer {
        &self.payer
    }

    /// Remembers what the request cost.
    pub(crate) fn paid(&self, toll: Toll) {
        // A request pays once before it is executed.
        let _ = self.toll.set(toll);
    }

    /// What the request cost, once it is paid.
    pub(crate) fn toll(&self) -> Option<&Toll> {
        self.toll.get()
    }

    /// Lookups in batches.
    pub(crate) const fn loaders(&self) -> &Loaders {
        &self.loaders
    }

    /// Names this request in the log.
    pub(crate) fn request_id(&self) -> &str {
        &self.request_id
    }

    /// What a client sees of a fault of ours.
    pub(crate) fn internal_message(&self) -> String {
        format!(
            "something went wrong here; the log has it as request {}",
            self.request_id
        )
    }

    /// Takes `n` list items, each with as many values as the field has selections, from the
    /// request's budget.
    pub(crate) fn spend(&self, ctx: &Context<'_>, n_items: usize) -> Result<()> {
        let n_selected = ctx.field().selection_set().count().max(1);
        let n_values = n_items.saturating_mul(n_selected);
        let taken = self
            .budget
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(n_values)
            });
        taken.map(|_| ()).map_err(|_left| {
            let mut error =
                Error::new("the answer is too large: ask for a shorter period or fewer fields");
            error
                .extensions
                .get_or_insert_default()
                .set("code", "QUERY_TOO_COMPLEX");
            error
        })
    }
}
