//! A community's score followed live: told once at the beginning and then whenever it changed. It is reckoned once for all
//! who follow the same community in this process.
//!
//! Must never be told to somebody whose right to see it is gone: that is looked up before each one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bots::{BotScore, Bots};
use engines::bus::Subscription;
use identity::Identity;
use kernel::{Actor, Clock, CommunityId, Permission, Timestamp};
use tokio::sync::watch;
use tracing::warn;

use crate::{App, AppError};

/// A score is reckoned at most this often, however much is said.
const PAUSE: Duration = Duration::from_secs(2);
/// What reckons for all who listen; whether each may is asked for itself.
const WHO: Actor = Actor::System("bots.feed");

/// What was reckoned last; `None` = nothing since somebody listens.
type Latest = Option<BotScore>;

/// Who reckons for which community. An entry is there as long as its task runs, which ends when nobody listens.
#[derive(Clone, Default)]
pub(crate) struct Reckoners(Arc<Mutex<HashMap<CommunityId, Arc<watch::Sender<Latest>>>>>);

impl Reckoners {
    /// What is reckoned for a community from now on.
    async fn join(&self, app: &App, community: CommunityId) -> watch::Receiver<Latest> {
        if let Some(sender) = self.all().get(&community) {
            return sender.subscribe();
        }
        // It hears before anybody listens to it, so that nothing falls in between.
        let reckoner = Reckoner::new(app, community).await;
        let mut all = self.all();
        if let Some(sender) = all.get(&community) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(None);
        let sender = Arc::new(sender);
        all.insert(community, Arc::clone(&sender));
        tokio::spawn(reckoner.run(sender, self.clone()));
        receiver
    }

    /// Takes a community's reckoner out if nobody listens to it; answers whether it did.
    fn leave(&self, community: CommunityId, sender: &watch::Sender<Latest>) -> bool {
        let mut all = self.all();
        let is_left = sender.receiver_count() == 0;
        if is_left {
            all.remove(&community);
        }
        is_left
    }

    fn all(&self) -> MutexGuard<'_, HashMap<CommunityId, Arc<watch::Sender<Latest>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reckons the score of one community for all who listen.
struct Reckoner {
    bots: Bots,
    clock: Arc<dyn Clock>,
    community: CommunityId,
    /// Of accounts that were scored, and of cases that were opened or decided; `None` once nothing comes any more.
    scored: Option<Subscription>,
    cases: Option<Subscription>,
    reckoned_at: Option<Timestamp>,
}

impl Reckoner {
    async fn new(app: &App, community: CommunityId) -> Self {
        let bus = &app.bus;
        Self {
            bots: app.bots.clone(),
            clock: Arc::clone(&app.clock),
            community,
            scored: bus.subscribe(&bots::scores_topic(community)).await.ok(),
            cases: bus.subscribe(&bots::cases_topic(community)).await.ok(),
            reckoned_at: None,
        }
    }

    /// Until nobody listens.
    async fn run(mut self, sender: Arc<watch::Sender<Latest>>, all: Reckoners) {
        loop {
            tokio::select! {
                () = sender.closed() => {
                    if all.leave(self.community, &sender) {
                        return;
                    }
                    continue;
                }
                () = heard(&mut self.scored) => {}
                () = heard(&mut self.cases) => {}
            }
            let since = self
                .reckoned_at
                .map_or(PAUSE, |at| self.clock.now().since(at));
            tokio::time::sleep(PAUSE.saturating_sub(since)).await;
            // What came meanwhile is answered by what is reckoned now.
            drain(&mut self.scored).await;
            drain(&mut self.cases).await;
            self.reckoned_at = Some(self.clock.now());
            match self.bots.community_score(&WHO, self.community).await {
                Ok(score) => {
                    sender.send_replace(Some(score));
                }
                Err(error) => {
                    warn!(community.id = %self.community, error = %error, "the score of a community that is followed could not be reckoned");
                }
            }
        }
    }
}

/// Waits for a notice; for ever where none can come.
pub(crate) async fn heard(subscription: &mut Option<Subscription>) {
    if let Some(open) = subscription
        && open.recv().await.is_some()
    {
        return;
    }
    *subscription = None;
    std::future::pending::<()>().await;
}

/// Takes what waits.
pub(crate) async fn drain(subscription: &mut Option<Subscription>) {
    let Some(open) = subscription else {
        return;
    };
    loop {
        let heard = tokio::select! {
            biased;
            heard = open.recv() => heard,
            () = std::future::ready(()) => None,
        };
        if heard.is_none() {
            return;
        }
    }
}

/// Whether two scores tell the same, whenever they were reckoned.
fn says_the_same(one: &BotScore, other: &BotScore) -> bool {
    let at = other.at;
    BotScore { at, ..one.clone() } == *other
}

/// Scores of one community as they change.
pub struct BotScoreFeed {
    identity: Identity,
    community: CommunityId,
    actor: Actor,
    latest: watch::Receiver<Latest>,
    /// What is told first.
    first: Option<BotScore>,
    told: BotScore,
}

impl std::fmt::Debug for BotScoreFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BotScoreFeed")
            .field("community", &self.community)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Follows the score of a community: told at once, and then whenever it changed.
    pub async fn follow_bot_score(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<BotScoreFeed, AppError> {
        actor.require(Permission::ViewActivity, community)?;
        // Joined first: what changes while the first is reckoned is told after it.
        let latest = self.reckoners.join(self, community).await;
        let score = self.bots.community_score(actor, community).await?;
        Ok(BotScoreFeed {
            identity: self.identity.clone(),
            community,
            actor: actor.clone(),
            latest,
            first: Some(score.clone()),
            told: score,
        })
    }
}

impl BotScoreFeed {
    /// The community.
    pub const fn community(&self) -> CommunityId {
        self.community
    }

    /// Waits until there is something to tell. `None` when the listener's right to know is gone.
    pub async fn next(&mut self) -> Option<Result<BotScore, AppError>> {
        if let Some(first) = self.first.take() {
            return Some(Ok(first));
        }
        loop {
            self.latest.changed().await.ok()?;
            let latest = self.latest.borrow_and_update().clone();
            let Some(score) = latest.filter(|latest| !says_the_same(latest, &self.told)) else {
                continue;
            };
            self.actor = match self.identity.refresh(&self.actor).await {
                Ok(actor) => actor?,
                Err(error) => return Some(Err(error.into())),
            };
            self.actor
                .require(Permission::ViewActivity, self.community)
                .ok()?;
            self.told = score.clone();
            return Some(Ok(score));
        }
    }
}
