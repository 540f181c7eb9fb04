//! What a community decided about the detection: from when on somebody is a suspect, and who is left alone.

use ::bots::{Probability, Setting};
use async_graphql::{Context, InputObject, MaybeUndefined, Result, SimpleObject};
use kernel::CommunityId;

use super::{
    channel::{self, BotModeratorChannel},
    failed,
};
use crate::schema::{
    error::{bad_input, viewer},
    scalar::Role,
};

/// What a community decided, or what holds where it did not.
#[derive(SimpleObject)]
pub(crate) struct BotSetting {
    /// From here on somebody is likely a bot, in percent.
    likely: f64,
    /// From here on somebody is possibly one, in percent.
    possible: f64,
    /// Whether suspects are only written down: nobody is told, nothing is sent.
    is_dry_run: bool,
    /// People with this role or a stronger one are left alone; null = a role protects nobody.
    exempt_role: Option<Role>,
    /// Regulars are left alone: who was first seen so many days ago, and …
    trusted_days: Option<i32>,
    /// … has so much reputation. One of the two alone does as well; with neither nobody is a regular.
    trusted_score: Option<i32>,
    /// Where moderators are told of new cases and of crowds; null = nowhere.
    moderator_channel: Option<BotModeratorChannel>,
}

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

impl BotSetting {
    fn new(setting: Setting, moderator_channel: Option<BotModeratorChannel>) -> Self {
        Self {
            moderator_channel,
            likely: setting.likely.as_percent(),
            possible: setting.possible.as_percent(),
            is_dry_run: setting.is_dry_run,
            exempt_role: setting.exempt_role.map(Role::from),
            trusted_days: setting.trusted_days.map(number),
            trusted_score: setting.trusted_score.map(number),
        }
    }
}

/// What is to change; what is left out stays.
#[derive(InputObject)]
pub(crate) struct BotSettingInput {
    /// From here on somebody is likely a bot, in percent: more than 0, at most 100.
    likely: Option<f64>,
    /// From here on somebody is possibly one, in percent; at most `likely`.
    possible: Option<f64>,
    /// Whether suspects are only written down.
    is_dry_run: Option<bool>,
    /// Who is left alone by role; null = a role protects nobody.
    exempt_role: MaybeUndefined<Role>,
    /// Since how many days a regular is known, at most 3650; null = however long.
    trusted_days: MaybeUndefined<i32>,
    /// How much reputation a regular has, 300 to 850; null = however much.
    trusted_score: MaybeUndefined<i32>,
}

/// Reads a threshold in percent.
pub(super) fn threshold(name: &str, percent: f64) -> Result<Probability> {
    Probability::from_percent(percent)
        .ok_or_else(|| bad_input(format!("`{name}` is 0 to 100 percent")))
}

fn changed(name: &str, wanted: MaybeUndefined<i32>, held: Option<u32>) -> Result<Option<u32>> {
    match wanted {
        MaybeUndefined::Undefined => Ok(held),
        MaybeUndefined::Null => Ok(None),
        MaybeUndefined::Value(value) => u32::try_from(value)
            .map(Some)
            .map_err(|_negative| bad_input(format!("`{name}` must not be negative"))),
    }
}

impl BotSettingInput {
    fn applied(self, held: Setting) -> Result<Setting> {
        let at = |name: &str, wanted: Option<f64>, held| {
            wanted.map_or(Ok(held), |percent| threshold(name, percent))
        };
        Ok(Setting {
            likely: at("likely", self.likely, held.likely)?,
            possible: at("possible", self.possible, held.possible)?,
            is_dry_run: self.is_dry_run.unwrap_or(held.is_dry_run),
            exempt_role: match self.exempt_role {
                MaybeUndefined::Undefined => held.exempt_role,
                MaybeUndefined::Null => None,
                MaybeUndefined::Value(role) => Some(role.into()),
            },
            trusted_days: changed("trustedDays", self.trusted_days, held.trusted_days)?,
            trusted_score: changed("trustedScore", self.trusted_score, held.trusted_score)?,
        })
    }
}

/// What a community decided.
pub(super) async fn of(ctx: &Context<'_>, community: CommunityId) -> Result<BotSetting> {
    let viewer = viewer(ctx)?;
    let bots = &viewer.app().bots;
    let found = bots.setting(viewer.actor(), community).await;
    let found = found.map_err(failed(viewer))?;
    Ok(BotSetting::new(found, channel::of(ctx, community).await?))
}

/// Decides, and answers what holds then.
pub(super) async fn change(
    ctx: &Context<'_>,
    community: CommunityId,
    input: BotSettingInput,
) -> Result<BotSetting> {
    let viewer = viewer(ctx)?;
    viewer.signed_in()?;
    let bots = &viewer.app().bots;
    let held = bots.setting(viewer.actor(), community).await;
    let wanted = input.applied(held.map_err(failed(viewer))?)?;
    let done = bots
        .change_setting(viewer.actor(), community, &wanted)
        .await;
    done.map_err(failed(viewer))?;
    of(ctx, community).await
}
