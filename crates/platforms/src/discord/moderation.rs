//! Roles, time-outs, kicks and bans. Source: Discord «Guild». Must never silence for longer than the
//! 28 days that Discord allows.

use std::time::Duration;

use serde_json::json;
use twilight_http::routing::Route;

use super::{
    ApiError, Discord,
    api::Ask,
    id::{iso, number},
};

/// Discord's longest time-out: 28 days, less a minute for clocks that differ.
const TIMEOUT_MAX: Duration = Duration::from_secs(28 * 86_400 - 60);
/// Discord deletes at most a week of messages with a ban.
const DELETE_MAX: Duration = Duration::from_secs(7 * 86_400);

impl Discord {
    /// Gives somebody a role; having it already is fine.
    pub async fn give_role(
        &self,
        guild: &str,
        user: &str,
        role: &str,
        reason: &str,
    ) -> Result<(), ApiError> {
        let route = Route::AddMemberRole {
            guild_id: number(guild)?,
            role_id: number(role)?,
            user_id: number(user)?,
        };
        self.api
            .ask(Ask::new(&route).because(reason))
            .await
            .map(|_| ())
    }

    /// Takes a role from somebody; not having it is fine.
    pub async fn take_role(
        &self,
        guild: &str,
        user: &str,
        role: &str,
        reason: &str,
    ) -> Result<(), ApiError> {
        let route = Route::RemoveMemberRole {
            guild_id: number(guild)?,
            role_id: number(role)?,
            user_id: number(user)?,
        };
        self.api
            .ask(Ask::new(&route).because(reason))
            .await
            .map(|_| ())
    }

    /// Silences somebody, at most for 28 days; `None` lets them speak again.
    pub async fn timeout(
        &self,
        guild: &str,
        user: &str,
        lasts: Option<Duration>,
        reason: &str,
    ) -> Result<(), ApiError> {
        let route = Route::UpdateMember {
            guild_id: number(guild)?,
            user_id: number(user)?,
        };
        let until = lasts.map(|lasts| iso(self.clock.now().plus(lasts.min(TIMEOUT_MAX))));
        let body = json!({ "communication_disabled_until": until });
        self.api
            .ask(Ask::new(&route).json(&body).because(reason))
            .await
            .map(|_| ())
    }

    /// Removes somebody, who may come back; not being there is fine.
    pub async fn kick(&self, guild: &str, user: &str, reason: &str) -> Result<(), ApiError> {
        let route = Route::RemoveMember {
            guild_id: number(guild)?,
            user_id: number(user)?,
        };
        match self.api.ask(Ask::new(&route).because(reason)).await {
            Err(error) if error.code() == Some(10_007) => Ok(()),
            other => other.map(|_| ()),
        }
    }

    /// Bans somebody and deletes what they said lately, at most of a week.
    pub async fn ban(
        &self,
        guild: &str,
        user: &str,
        delete: Duration,
        reason: &str,
    ) -> Result<(), ApiError> {
        let route = Route::CreateBan {
            guild_id: number(guild)?,
            user_id: number(user)?,
        };
        let body = json!({ "delete_message_seconds": delete.min(DELETE_MAX).as_secs() });
        self.api
            .ask(Ask::new(&route).json(&body).because(reason))
            .await
            .map(|_| ())
    }

    /// Lifts a ban; none is fine.
    pub async fn unban(&self, guild: &str, user: &str, reason: &str) -> Result<(), ApiError> {
        let route = Route::DeleteBan {
            guild_id: number(guild)?,
            user_id: number(user)?,
        };
        match self.api.ask(Ask::new(&route).because(reason)).await {
            Err(error) if error.code() == Some(10_026) => Ok(()),
            other => other.map(|_| ()),
        }
    }
}
