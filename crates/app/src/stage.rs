//! A stage: simulated platforms on which one may speak as a simulated member, to try the program
//! without an account anywhere. Only the demo has one; what is said there takes the way of all chat:
//! platform, adapter, pipeline.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Actor, CommunityId, Permission, Platform};

use crate::{App, AppError};

/// The longest text one may say, in characters: what fits into one message everywhere.
pub const TEXT_MAX: usize = 450;

/// A room of a simulated platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Room {
    /// Its name in forms.
    pub key: String,
    /// Where it is.
    pub platform: Platform,
    /// The server's name, as people see it.
    pub server: String,
    /// The room's name.
    pub channel: String,
}

/// Somebody one may speak as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Player {
    /// Their name in forms.
    pub key: String,
    /// The name people see.
    pub name: String,
    /// What they are on the platform, in a word; empty for anybody.
    pub part: String,
}

/// The rooms and players of a community.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Company {
    /// Where one may speak.
    pub rooms: Vec<Room>,
    /// As whom.
    pub players: Vec<Player>,
}

/// Simulated platforms that can be spoken on.
#[async_trait]
pub trait Stage: Send + Sync {
    /// The rooms and players of a community; empty for one that is not simulated.
    fn company(&self, community: CommunityId) -> Company;

    /// Says something; `false` if there is no such room or player.
    async fn speak(&self, community: CommunityId, room: &str, player: &str, text: &str) -> bool;
}

impl App {
    /// Puts a stage up. The first one stays.
    pub fn raise_stage(&self, stage: Arc<dyn Stage>) {
        if self.stage.set(stage).is_err() {
            tracing::warn!("there is a stage already");
        }
    }

    /// Where and as whom one may speak in a simulated community; `None` where nothing is simulated.
    pub fn company(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Option<Company>, AppError> {
        actor.require(Permission::ViewActivity, community)?;
        let company = self.stage.get().map(|stage| stage.company(community));
        Ok(company.filter(|company| !company.rooms.is_empty() && !company.players.is_empty()))
    }

    /// Says something as a simulated member.
    pub async fn speak(
        &self,
        actor: &Actor,
        community: CommunityId,
        room: &str,
        player: &str,
        text: &str,
    ) -> Result<(), AppError> {
        actor.require(Permission::ViewActivity, community)?;
        let stage = self.stage.get().ok_or(AppError::NotFound)?;
        let text = text.trim();
        if text.is_empty() || text.chars().count() > TEXT_MAX || text.chars().any(char::is_control)
        {
            return Err(AppError::Conflict(format!(
                "say one line of 1 to {TEXT_MAX} characters"
            )));
        }
        if stage.speak(community, room, player, text).await {
            return Ok(());
        }
        Err(AppError::NotFound)
    }
}
