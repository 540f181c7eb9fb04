//! A community's score followed live: told once at the beginning and then whenever it changed.
//!
//! Must never be told to somebody whose right to see it is gone: that is looked up before each one.

use std::{sync::Arc, time::Duration};

use bots::{BotScore, Bots};
use engines::bus::Subscription;
use identity::Identity;
use kernel::{Actor, Clock, CommunityId, Permission, Timestamp};

use crate::{App, AppError};

/// A score is reckoned at most this often for one listener, however much is said.
const PAUSE: Duration = Duration::from_secs(2);

/// Scores of one community as they change.
pub struct BotScoreFeed {
    bots: Bots,
    identity: Identity,
    clock: Arc<dyn Clock>,
    community: CommunityId,
    actor: Actor,
    /// Of accounts that were scored, and of cases that were opened or decided; `None` once nothing comes any more.
    scored: Option<Subscription>,
    cases: Option<Subscription>,
    told: Option<BotScore>,
    reckoned_at: Option<Timestamp>,
}

impl std::fmt::Debug for BotScoreFeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BotScoreFeed")
            .field("community", &self.community)
            .finish_non_exhaustive()
    }
}

/// Waits for a notice; for ever where none can come.
async fn heard(subscription: &mut Option<Subscription>) {
    if let Some(open) = subscription
        && open.recv().await.is_some()
    {
        return;
    }
    *subscription = None;
    std::future::pending::<()>().await;
}

/// Takes what waits: it is all answered at once.
async fn drain(subscription: &mut Option<Subscription>) {
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

impl App {
    /// Follows the score of a community: told at once, and then whenever it changed.
    pub async fn follow_bot_score(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<BotScoreFeed, AppError> {
        actor.require(Permission::ViewActivity, community)?;
        let scored = self.bus.subscribe(&bots::scores_topic(community)).await;
        let cases = self.bus.subscribe(&bots::cases_topic(community)).await;
        Ok(BotScoreFeed {
            bots: self.bots.clone(),
            identity: self.identity.clone(),
            clock: Arc::clone(&self.clock),
            community,
            actor: actor.clone(),
            scored: scored.ok(),
            cases: cases.ok(),
            told: None,
            reckoned_at: None,
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
        loop {
            if self.told.is_some() {
                tokio::select! {
                    () = heard(&mut self.scored) => {}
                    () = heard(&mut self.cases) => {}
                }
                let since = self
                    .reckoned_at
                    .map_or(PAUSE, |at| self.clock.now().since(at));
                tokio::time::sleep(PAUSE.saturating_sub(since)).await;
                drain(&mut self.scored).await;
                drain(&mut self.cases).await;
                self.actor = match self.identity.refresh(&self.actor).await {
                    Ok(Some(actor)) => actor,
                    Ok(None) => return None,
                    Err(error) => return Some(Err(error.into())),
                };
            }
            if self
                .actor
                .require(Permission::ViewActivity, self.community)
                .is_err()
            {
                return None;
            }
            self.reckoned_at = Some(self.clock.now());
            let score = match self.bots.community_score(&self.actor, self.community).await {
                Ok(score) => score,
                Err(error) => return Some(Err(error.into())),
            };
            let is_news = self
                .told
                .as_ref()
                .is_none_or(|told| told.score != score.score);
            if is_news {
                self.told = Some(score.clone());
                return Some(Ok(score));
            }
        }
    }
}
