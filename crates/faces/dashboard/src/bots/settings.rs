//! What a community decides about the detection of bots: thresholds, dry run, whom it leaves alone; below it the lists
//! and the corrections. Moderators read it, whoever manages the community changes it.

use std::sync::Arc;

use ::bots::{BotsError, Level, ModeratorChannel, Probability, Setting};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{Permission, Role};
use serde::Deserialize;

use crate::{
    bots::{corrections, errors, lists, percent},
    community,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    paging,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Corrections on a page.
const ROWS: u32 = 50;

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    after: Option<String>,
}

/// The form, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    likely: String,
    possible: String,
    /// Sent only when it is ticked.
    is_dry_run: Option<String>,
    /// Empty = a role protects nobody.
    #[serde(default)]
    exempt_role: String,
    #[serde(default)]
    trusted_days: String,
    #[serde(default)]
    trusted_score: String,
}

impl From<&Setting> for Typed {
    fn from(setting: &Setting) -> Self {
        let number = |number: Option<u32>| number.map_or_else(String::new, |n| n.to_string());
        Self {
            likely: percent::shown(setting.likely),
            possible: percent::shown(setting.possible),
            is_dry_run: setting.is_dry_run.then(|| "on".to_owned()),
            exempt_role: setting.exempt_role.map_or("", Role::as_str).to_owned(),
            trusted_days: number(setting.trusted_days),
            trusted_score: number(setting.trusted_score),
        }
    }
}

impl Typed {
    /// What is wanted; the field and the words if something typed is none.
    fn setting(&self) -> Result<Setting, (&'static str, &'static str)> {
        Ok(Setting {
            likely: threshold("likely", &self.likely)?,
            possible: threshold("possible", &self.possible)?,
            is_dry_run: self.is_dry_run.is_some(),
            exempt_role: match self.exempt_role.as_str() {
                "" => None,
                name => {
                    let role = name.parse().ok();
                    Some(role.ok_or(("exempt_role", "choose one of the roles, or nobody"))?)
                }
            },
            trusted_days: whole("trusted_days", &self.trusted_days)?,
            trusted_score: whole("trusted_score", &self.trusted_score)?,
        })
    }
}

/// A threshold as it is typed. Less than one percent is none: whoever types 0.7 means 70.
fn threshold(field: &'static str, text: &str) -> Result<Probability, (&'static str, &'static str)> {
    percent::read(text)
        .filter(|probability| *probability >= Probability::percent(1))
        .ok_or((field, percent::WRONG))
}

fn whole(field: &'static str, typed: &str) -> Result<Option<u32>, (&'static str, &'static str)> {
    match typed.trim() {
        "" => Ok(None),
        typed => typed
            .parse()
            .ok()
            .map(Some)
            .ok_or((field, "enter a whole number, or nothing")),
    }
}

/// What came back with mistakes.
#[derive(Default)]
pub(crate) struct Shown {
    /// The form of the settings; `None` = as they are.
    pub(crate) setting: Option<Typed>,
    pub(crate) mistakes: Mistakes,
    pub(crate) correction: corrections::Typed,
    pub(crate) correction_mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "bots_settings.html")]
struct Page {
    shell: Shell,
    slug: String,
    mistakes: Mistakes,
    typed: Typed,
    roles: Vec<corrections::Choice>,
    setting: Setting,
    /// Where moderators are told of new cases.
    told: Option<ToldIn>,
    /// The mistakes to expect at the thresholds of now.
    errors: Vec<errors::Row>,
    /// Where that is known from.
    errors_note: String,
    /// The threshold that was chosen for who judges, in percent, unless it is the one of now.
    best: Option<String>,
    may_manage: bool,
    lists: Vec<lists::Row>,
    may_correct: bool,
    correction: corrections::Typed,
    correction_mistakes: Mistakes,
    platforms: Vec<corrections::Choice>,
    rulings: Vec<corrections::Choice>,
    corrections: Vec<corrections::Row>,
    is_later: bool,
    first_href: String,
    next_href: Option<String>,
}

/// Where moderators are told, and of whom.
struct ToldIn {
    channel: String,
    whom: &'static str,
}

impl From<ModeratorChannel> for ToldIn {
    fn from(chosen: ModeratorChannel) -> Self {
        Self {
            channel: chosen.channel.name,
            whom: match chosen.least {
                Level::Likely => "likely bots",
                Level::Possible | Level::Unlikely => "likely and possible bots",
            },
        }
    }
}

/// The page's address.
pub(crate) fn home(slug: &str) -> String {
    format!("/c/{slug}/bots/settings")
}

/// `GET /c/{slug}/bots/settings`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let after = wanted.after.as_deref();
    show(&face, &viewer, &community, after, Shown::default()).await
}

/// `POST /c/{slug}/bots/settings`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let mistakes = match typed.setting() {
        Err((field, words)) => Mistakes::one(field, words),
        Ok(setting) => {
            let bots = &face.app.bots;
            let changed = bots.change_setting(&viewer.actor, community.id, &setting);
            match changed.await {
                Ok(()) => {
                    let to = format!("{}?done=bots-setting", home(&community.slug));
                    return Ok(Redirect::to(&to).into_response());
                }
                Err(BotsError::Invalid { field, message }) => Mistakes::one(field, &message),
                Err(error) => return Err(error.into()),
            }
        }
    };
    let shown = Shown {
        setting: Some(typed),
        mistakes,
        ..Shown::default()
    };
    show(&face, &viewer, &community, None, shown).await
}

/// The page, with what came back with mistakes.
pub(crate) async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    after: Option<&str>,
    shown: Shown,
) -> Result<Response, PageError> {
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let asked = paging::asked(after, ROWS)?;
    let setting = bots.setting(actor, community.id).await?;
    let expected = bots
        .expected_errors(actor, community.id, setting.likely, setting.possible)
        .await?;
    let lists = bots.lists(actor, community.id).await?;
    let told = bots.channel(actor, community.id).await?;
    let found = bots.corrections(actor, community.id, &asked).await?;
    let now = face.app.clock.now();
    let may = |permission| actor.require(permission, community.id).is_ok();
    let place = Place {
        title: "Settings of the detection",
        section: Section::Bots,
        community: Some(community),
    };
    let first_href = home(&community.slug);
    let typed = shown.setting.unwrap_or_else(|| Typed::from(&setting));
    let status = if shown.mistakes.is_empty() {
        shown.correction_mistakes.status()
    } else {
        shown.mistakes.status()
    };
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        mistakes: shown.mistakes,
        roles: roles(&typed),
        typed,
        errors: errors::rows(&setting, &expected),
        errors_note: errors::note(&expected),
        best: errors::best(&setting, &expected),
        setting,
        told: told.map(ToldIn::from),
        may_manage: may(Permission::ManageCommunity),
        lists: lists.into_iter().map(lists::Row::from).collect(),
        may_correct: may(Permission::ModerateMembers),
        platforms: corrections::platforms(&shown.correction),
        rulings: corrections::rulings(&shown.correction),
        correction: shown.correction,
        correction_mistakes: shown.correction_mistakes,
        is_later: asked.cursor().is_some(),
        next_href: paging::next_href(&first_href, found.next.as_ref()),
        first_href,
        corrections: found
            .items
            .into_iter()
            .map(|one| corrections::Row::of(one, now))
            .collect(),
    };
    Ok((status, layout::page(&page)?).into_response())
}

/// Whom a role can protect, the strongest first.
fn roles(typed: &Typed) -> Vec<corrections::Choice> {
    let all = Role::ALL.into_iter().rev();
    all.filter(|role| *role != Role::Banned)
        .map(|role| (role.as_str(), role.as_str()))
        .chain([("", "nobody")])
        .map(|(value, label)| corrections::Choice {
            value,
            label,
            is_chosen: typed.exempt_role == value,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use ::bots::{Probability, Setting};

    use super::Typed;

    #[test]
    fn what_is_shown_is_what_is_read() {
        let setting = Setting::default();
        assert_eq!(Typed::from(&setting).setting(), Ok(setting));
        let without = Setting {
            exempt_role: None,
            trusted_days: None,
            trusted_score: None,
            is_dry_run: true,
            ..setting
        };
        assert_eq!(Typed::from(&without).setting(), Ok(without));
        let exact = Setting {
            likely: Probability::of(0.875),
            ..setting
        };
        assert_eq!(
            Typed::from(&exact).setting(),
            Ok(exact),
            "nothing is rounded away"
        );
    }

    #[test]
    fn what_is_no_number_names_its_field() {
        let of = |change: fn(&mut Typed)| {
            let mut typed = Typed::from(&Setting::default());
            change(&mut typed);
            typed.setting().err().map(|(field, _)| field)
        };
        assert_eq!(of(|typed| typed.likely = "0.7".to_owned()), Some("likely"));
        assert_eq!(of(|typed| typed.likely = "101".to_owned()), Some("likely"));
        assert_eq!(of(|typed| typed.likely = " 70 % ".to_owned()), None);
        assert_eq!(of(|typed| typed.likely = "62,5".to_owned()), None);
        assert_eq!(
            of(|typed| typed.possible = "0".to_owned()),
            Some("possible")
        );
        assert_eq!(
            of(|typed| typed.trusted_days = "many".to_owned()),
            Some("trusted_days")
        );
        assert_eq!(
            of(|typed| typed.exempt_role = "king".to_owned()),
            Some("exempt_role")
        );
    }
}
