//! One use of a command: who, where, what was typed; and what can come of it.

use std::{future::Future, pin::Pin, sync::Arc};

use activity::ActivityError;
use app::App;
use bots::BotsError;
use community::{CommandSetting, CommunityError, CustomCommand};
use identity::{IdentityError, SeenAccount};
use kernel::{Actor, CommunityId, Platform, Role};

use crate::reply::Reply;

/// Everything a command may look at. What it does, it does as `actor`.
pub(crate) struct Call {
    /// The services.
    pub(crate) app: Arc<App>,
    /// Who asks, with at least the role the platform vouches for.
    pub(crate) actor: Actor,
    /// Their role here.
    pub(crate) role: Role,
    /// Where.
    pub(crate) community: CommunityId,
    /// On which platform.
    pub(crate) platform: Platform,
    /// The account that asks, for which the platform vouches.
    pub(crate) account: SeenAccount,
    /// The name of who asks, as people see it.
    pub(crate) user: String,
    /// The channel, as people see it.
    pub(crate) channel: String,
    /// What follows the command's name.
    pub(crate) line: String,
    /// What stands before a command's name here.
    pub(crate) prefix: String,
}

/// Why there is no ordinary reply.
#[derive(Debug)]
pub(crate) enum Problem {
    /// What to tell who asked, in one line.
    Say(String),
    /// A fault of ours: they are told to try again, the log is told why.
    Fault(Box<dyn std::error::Error + Send + Sync>),
}

/// What running a command gives.
pub(crate) type Answer<'a> = Pin<Box<dyn Future<Output = Result<Reply, Problem>> + Send + 'a>>;

impl Problem {
    pub(crate) fn say<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Say(text.into()))
    }
}

impl From<CommunityError> for Problem {
    fn from(error: CommunityError) -> Self {
        match error {
            CommunityError::Storage(_) => Self::Fault(Box::new(error)),
            told => Self::Say(told.to_string()),
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::Storage(_) => Self::Fault(Box::new(error)),
            told => Self::Say(told.to_string()),
        }
    }
}

impl From<ActivityError> for Problem {
    fn from(error: ActivityError) -> Self {
        match error {
            ActivityError::Storage(_) | ActivityError::Identity(_) => Self::Fault(Box::new(error)),
            told => Self::Say(told.to_string()),
        }
    }
}

impl From<BotsError> for Problem {
    fn from(error: BotsError) -> Self {
        match error {
            BotsError::Storage(_) | BotsError::Files(_) => Self::Fault(Box::new(error)),
            BotsError::NotFound => Self::Say("nobody here is called that".to_owned()),
            told => Self::Say(told.to_string()),
        }
    }
}

impl Call {
    /// A command's name as it is typed here.
    pub(crate) fn typed(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A name as somebody typed it, without the prefix.
    pub(crate) fn bare<'a>(&self, typed: &'a str) -> &'a str {
        typed
            .strip_prefix(self.prefix.as_str())
            .or_else(|| typed.strip_prefix('/'))
            .unwrap_or(typed)
    }

    /// The program's commands that who asks may use here.
    pub(crate) async fn open_built_in(&self) -> Result<Vec<CommandSetting>, Problem> {
        let mut all = self
            .app
            .commands
            .command_settings(&self.actor, self.community)
            .await?;
        all.retain(|setting| setting.is_enabled && self.role >= setting.minimum_role());
        Ok(all)
    }

    /// The community's own commands that who asks may use.
    pub(crate) async fn open_custom(&self) -> Result<Vec<CustomCommand>, Problem> {
        let mut all = self
            .app
            .commands
            .custom_commands(&self.actor, self.community)
            .await?;
        all.retain(|command| command.is_enabled && self.role >= command.minimum_role);
        Ok(all)
    }
}
