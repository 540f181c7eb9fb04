//! What a community says about entries of lists: a table on the page of settings, a form to add one, and taking one
//! back.

use std::sync::Arc;

use ::bots::{BotsError, Correction, Listable, Ruling};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::{Permission, Platform, Timestamp};
use serde::Deserialize;

use crate::{
    bots::settings::{self, Shown},
    community,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    router::Face,
    viewer::SignedIn,
};

/// What stands in the field of the platform for a domain.
const DOMAIN: &str = "domain";

/// The form, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    /// A platform, or `domain`.
    pub(crate) platform: String,
    pub(crate) name: String,
    /// Empty = take it back.
    pub(crate) ruling: String,
    #[serde(default)]
    pub(crate) reason: String,
}

impl Typed {
    fn what(&self) -> Result<Listable, PageError> {
        let name = self.name.clone();
        if self.platform == DOMAIN {
            return Ok(Listable::Domain(name));
        }
        let named = Platform::ALL
            .into_iter()
            .find(|platform| platform.as_str() == self.platform);
        let platform = named.ok_or_else(|| PageError::bad_input("There is no such platform."))?;
        Ok(Listable::Account(platform, name))
    }

    fn ruling(&self) -> Result<Option<Ruling>, PageError> {
        match self.ruling.as_str() {
            "" => Ok(None),
            name => Ruling::from_name(name)
                .map(Some)
                .ok_or_else(|| PageError::bad_input("There is no such correction.")),
        }
    }
}

/// A correction as it is shown.
pub(crate) struct Row {
    pub(crate) name: String,
    /// The value of the field.
    pub(crate) platform: &'static str,
    pub(crate) platform_label: &'static str,
    pub(crate) ruling: &'static str,
    pub(crate) mood: &'static str,
    pub(crate) reason: String,
    pub(crate) at: When,
}

impl Row {
    pub(crate) fn of(correction: Correction, now: Timestamp) -> Self {
        let platform = correction.what.platform();
        Self {
            name: correction.what.value().to_owned(),
            platform: platform.map_or(DOMAIN, Platform::as_str),
            platform_label: platform.map_or("Domain", Platform::label),
            ruling: label(correction.ruling),
            mood: match correction.ruling {
                Ruling::Right => " bad",
                Ruling::Wrong => " good",
                Ruling::Service => "",
            },
            reason: correction.reason,
            at: display::when(now, correction.decided_at),
        }
    }
}

/// A choice of a field.
pub(crate) struct Choice {
    pub(crate) value: &'static str,
    pub(crate) label: &'static str,
    pub(crate) is_chosen: bool,
}

/// What the field of the platform offers.
pub(crate) fn platforms(typed: &Typed) -> Vec<Choice> {
    let places = Platform::ALL
        .into_iter()
        .map(|platform| (platform.as_str(), platform.label()));
    places
        .chain([(DOMAIN, "A domain")])
        .map(|(value, label)| Choice {
            value,
            label,
            is_chosen: typed.platform == value,
        })
        .collect()
}

/// What the field of the ruling offers.
pub(crate) fn rulings(typed: &Typed) -> Vec<Choice> {
    Ruling::ALL
        .into_iter()
        .map(|ruling| Choice {
            value: ruling.as_str(),
            label: label(ruling),
            is_chosen: typed.ruling == ruling.as_str(),
        })
        .collect()
}

const fn label(ruling: Ruling) -> &'static str {
    match ruling {
        Ruling::Right => "unwanted",
        Ruling::Wrong => "not unwanted",
        Ruling::Service => "a bot we use",
    }
}

/// `POST /c/{slug}/bots/corrections`
pub(crate) async fn say(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let (what, ruling) = (typed.what()?, typed.ruling()?);
    let said = face
        .app
        .bots
        .correct(&viewer.actor, community.id, &what, ruling, &typed.reason)
        .await;
    let mistakes = match said {
        Ok(()) => {
            let done = match ruling {
                Some(_) => "corrected",
                None => "uncorrected",
            };
            let home = settings::home(&community.slug);
            let to = format!("{home}?done={done}#corrections");
            return Ok(Redirect::to(&to).into_response());
        }
        Err(BotsError::Invalid { field, message }) => Mistakes::one(field, &message),
        Err(BotsError::Conflict(message)) => Mistakes::one("", &message),
        Err(error) => return Err(error.into()),
    };
    let shown = Shown {
        correction: typed,
        correction_mistakes: mistakes,
        ..Shown::default()
    };
    settings::show(&face, &viewer, &community, None, shown).await
}
