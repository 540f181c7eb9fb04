//! A training and a case followed live: told at the beginning, and then whenever something of them changed.
//!
//! Must never be told to somebody whose right to see it is gone: that is looked up before each one.

use std::time::Duration;

use bots::{Bots, Case, Training};
use engines::bus::Subscription;
use identity::Identity;
use kernel::{Actor, CommunityId, Permission};

use crate::{
    App, AppError,
    bot_feed::{drain, heard},
};

/// What is followed is read at most this often, however many notices come.
const PAUSE: Duration = Duration::from_millis(300);
/// Without a notice it is read again after so long: a notice can be lost, and nobody tells when a look at a case is over.
const UNTOLD: Duration = Duration::from_secs(20);

/// Somebody who waits for changes.
struct Watch {
    bots: Bots,
    identity: Identity,
    actor: Actor,
    heard: Option<Subscription>,
}

impl Watch {
    async fn new(app: &App, actor: &Actor, topic: &str) -> Self {
        Self {
            bots: app.bots.clone(),
            identity: app.identity.clone(),
            actor: actor.clone(),
            heard: app.bus.subscribe(topic).await.ok(),
        }
    }

    /// Waits until there may be something new, and looks up who waits; answers whether they may do anything still.
    async fn wait(&mut self) -> Result<bool, AppError> {
        tokio::time::sleep(PAUSE).await;
        tokio::select! {
            () = heard(&mut self.heard) => {}
            () = tokio::time::sleep(UNTOLD) => {}
        }
        drain(&mut self.heard).await;
        let actor = self.identity.refresh(&self.actor).await?;
        let is_there = actor.is_some();
        if let Some(actor) = actor {
            self.actor = actor;
        }
        Ok(is_there)
    }
}

/// What was told of something that is followed: at first as it is, then whenever it is otherwise.
struct Told<T> {
    last: T,
    is_told: bool,
}

impl<T: Clone + PartialEq> Told<T> {
    const fn new(first: T) -> Self {
        Self {
            last: first,
            is_told: false,
        }
    }

    /// What is told first, once.
    fn first(&mut self) -> Option<T> {
        let is_told = std::mem::replace(&mut self.is_told, true);
        (!is_told).then(|| self.last.clone())
    }

    /// How it is now, if that is not what was told last.
    fn news(&mut self, now: T) -> Option<T> {
        if now == self.last {
            return None;
        }
        self.last = now.clone();
        Some(now)
    }
}

/// One training as it goes on.
pub struct TrainingFeed {
    watch: Watch,
    id: i32,
    told: Told<Training>,
}

impl std::fmt::Debug for TrainingFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrainingFeed")
            .field("training", &self.id)
            .finish_non_exhaustive()
    }
}

/// One case, and who looks at it.
pub struct CaseFeed {
    watch: Watch,
    community: CommunityId,
    id: i32,
    told: Told<Case>,
}

impl std::fmt::Debug for CaseFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CaseFeed")
            .field("community", &self.community)
            .field("case", &self.id)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Follows a training: told at once, and then whenever it is further, until it is over.
    pub async fn follow_training(&self, actor: &Actor, id: i32) -> Result<TrainingFeed, AppError> {
        actor.require_instance(Permission::OperateInstance)?;
        // Heard first: what changes while the first is read is told after it.
        let watch = Watch::new(self, actor, &bots::training_topic()).await;
        let found = self.bots.training(actor, id).await?;
        let training = found.ok_or(AppError::NotFound)?;
        Ok(TrainingFeed {
            watch,
            id,
            told: Told::new(training),
        })
    }

    /// Follows a case: told at once, and then whenever somebody looks at it, looks away or decides, or there is new evidence.
    pub async fn follow_case(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
    ) -> Result<CaseFeed, AppError> {
        actor.require(Permission::ViewMembers, community)?;
        let watch = Watch::new(self, actor, &bots::cases_topic(community)).await;
        let mut found = self.bots.cases_by_id(actor, community, &[id]).await?;
        let case = found.remove(&id).ok_or(AppError::NotFound)?;
        Ok(CaseFeed {
            watch,
            community,
            id,
            told: Told::new(case),
        })
    }
}

impl TrainingFeed {
    /// Waits until there is something to tell. `None` once it is over and told, or the listener's right to know is gone.
    pub async fn next(&mut self) -> Option<Result<Training, AppError>> {
        if let Some(first) = self.told.first() {
            return Some(Ok(first));
        }
        while !self.told.last.state.is_over() {
            let news = match self.now().await.transpose()? {
                Ok(now) => self.told.news(now).map(Ok),
                Err(error) => Some(Err(error)),
            };
            if news.is_some() {
                return news;
            }
        }
        None
    }

    /// How it is after the next notice; `None` if the listener may not know.
    async fn now(&mut self) -> Result<Option<Training>, AppError> {
        let watch = &mut self.watch;
        let may = watch.wait().await?
            && watch
                .actor
                .require_instance(Permission::OperateInstance)
                .is_ok();
        if !may {
            return Ok(None);
        }
        Ok(watch.bots.training(&watch.actor, self.id).await?)
    }
}

impl CaseFeed {
    /// The community.
    pub const fn community(&self) -> CommunityId {
        self.community
    }

    /// Waits until there is something to tell. `None` when the case is gone, or the listener's right to know is.
    pub async fn next(&mut self) -> Option<Result<Case, AppError>> {
        if let Some(first) = self.told.first() {
            return Some(Ok(first));
        }
        loop {
            let news = match self.now().await.transpose()? {
                Ok(now) => self.told.news(now).map(Ok),
                Err(error) => Some(Err(error)),
            };
            if news.is_some() {
                return news;
            }
        }
    }

    /// How it is after the next notice; `None` if the listener may not know.
    async fn now(&mut self) -> Result<Option<Case>, AppError> {
        let (community, watch) = (self.community, &mut self.watch);
        let may = watch.wait().await?
            && watch
                .actor
                .require(Permission::ViewMembers, community)
                .is_ok();
        if !may {
            return Ok(None);
        }
        let found = watch
            .bots
            .cases_by_id(&watch.actor, community, &[self.id])
            .await?;
        Ok(found.into_values().next())
    }
}
