//! Answers that a face keeps for a while: the cache, and the generation of what an answer may show. Here,
//! because faces know neither engines nor the database.
//!
//! Must never decide whose answer it is: the key says so, and the face makes it.

use std::time::Duration;

use bytes::Bytes;
use kernel::{Actor, CommunityId};
use store::Shown;

use crate::{App, AppError};

impl App {
    /// The generation of everything an actor may be shown that is about a community: a number that
    /// grows with every change of it, whichever process makes the change. Read it before anything else and
    /// keep the answer under it.
    pub async fn generation_for(&self, who: &Actor) -> Result<i64, AppError> {
        let shown: Vec<CommunityId>;
        let shown = match who {
            // Whoever belongs to a community sees changes of it; what others see of it is raised as
            // concerning everything.
            Actor::User {
                roles,
                is_instance_admin: false,
                ..
            } => {
                shown = roles.keys().copied().collect();
                Shown::Communities(&shown)
            }
            Actor::User { .. } | Actor::System(_) | Actor::Anonymous => Shown::Everything,
        };
        Ok(self.db.generation(shown).await?)
    }

    /// An answer that was kept.
    pub async fn kept_answer(&self, key: &str) -> Option<Bytes> {
        self.cache.get(key).await
    }

    /// Keeps an answer.
    pub async fn keep_answer(&self, key: &str, answer: Bytes, ttl: Duration) {
        self.cache.put(key, answer, ttl).await;
    }
}
