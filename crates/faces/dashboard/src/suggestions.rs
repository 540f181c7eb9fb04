//! Who may be one person: a community's list for its moderators, the same on a member's page, on one's
//! own page of merges and on that of administrators; and saying that two are not one, or taking that
//! back. Nothing here merges anybody.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{AccountPair, OwnSuggestion, Party, Suggestion};
use kernel::{AccountId, Permission, Timestamp, UserId};
use serde::Deserialize;

use crate::{
    community,
    display::{self, When},
    error::PageError,
    layout::{self, Place, Section, Shell},
    paging, return_to,
    router::Face,
    viewer::SignedIn,
};

/// Rows on a page.
const ROWS: u32 = 50;
/// From here on it is called likely, in percent.
const LIKELY_FROM: u8 = 70;

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    show: String,
    after: Option<String>,
}

/// The form that says what one thinks of a pair.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Saying {
    low: String,
    high: String,
    /// `unlike`, or `undo` for taking it back.
    say: String,
    /// The member whose page the form is on, if it is on one.
    #[serde(default)]
    member: String,
}

impl Saying {
    fn pair(&self) -> Result<AccountPair, PageError> {
        let account = |text: &str| text.parse::<AccountId>().ok();
        let pair = account(&self.low).zip(account(&self.high));
        let (low, high) = pair.ok_or_else(PageError::not_found)?;
        Ok(AccountPair::new(low, high))
    }

    fn is_unlike(&self) -> Result<bool, PageError> {
        match self.say.as_str() {
            "unlike" => Ok(true),
            "undo" => Ok(false),
            _ => Err(PageError::not_found()),
        }
    }
}

/// One of the two accounts of a row.
pub(crate) struct Name {
    pub(crate) user: UserId,
    pub(crate) platform: &'static str,
    pub(crate) platform_class: &'static str,
    pub(crate) username: String,
}

impl Name {
    fn of(party: &Party) -> Self {
        Self {
            user: party.user,
            platform: party.platform.label(),
            platform_class: party.platform.as_str(),
            username: party.username.clone(),
        }
    }
}

/// A pair as it is shown.
pub(crate) struct Row {
    pub(crate) low: AccountId,
    pub(crate) high: AccountId,
    pub(crate) one: Name,
    pub(crate) other: Name,
    pub(crate) percent: u8,
    pub(crate) word: &'static str,
    pub(crate) signs: Vec<&'static str>,
    pub(crate) found: When,
    /// Since when it is said that they are not one.
    pub(crate) unlike: Option<When>,
    /// Who would be kept and who would move over, if one of the two signs in.
    pub(crate) merge: Option<(UserId, UserId)>,
}

impl Row {
    /// A pair with the accounts in order of id.
    pub(crate) fn of(suggestion: &Suggestion, now: Timestamp) -> Self {
        Self::between(suggestion, (&suggestion.low, &suggestion.high), now)
    }

    /// A pair with a person's own account first.
    pub(crate) fn from(suggestion: &Suggestion, user: UserId, now: Timestamp) -> Option<Self> {
        let sides = suggestion.sides(user)?;
        Some(Self::between(suggestion, sides, now))
    }

    fn between(suggestion: &Suggestion, (one, other): (&Party, &Party), now: Timestamp) -> Self {
        Self {
            low: suggestion.low.account,
            high: suggestion.high.account,
            one: Name::of(one),
            other: Name::of(other),
            percent: suggestion.confidence,
            word: if suggestion.confidence >= LIKELY_FROM {
                "likely"
            } else {
                "possible"
            },
            signs: suggestion
                .signs
                .iter()
                .map(|sign| sign.sentence())
                .collect(),
            found: display::when(now, suggestion.found_at),
            unlike: suggestion.unlike.map(|said| display::when(now, said.at)),
            // Who signs in is kept; of two the one who was here first.
            merge: match (suggestion.low.is_claimed, suggestion.high.is_claimed) {
                (true, _) => Some((suggestion.low.user, suggestion.high.user)),
                (false, true) => Some((suggestion.high.user, suggestion.low.user)),
                (false, false) => None,
            },
        }
    }
}

/// An account that may be the viewer's.
pub(crate) struct Own {
    pub(crate) low: AccountId,
    pub(crate) high: AccountId,
    pub(crate) platform: &'static str,
    pub(crate) username: String,
    pub(crate) like_platform: &'static str,
    pub(crate) like_username: String,
    pub(crate) signs: Vec<&'static str>,
    pub(crate) is_dismissed: bool,
}

impl From<OwnSuggestion> for Own {
    fn from(own: OwnSuggestion) -> Self {
        Self {
            low: own.pair.low(),
            high: own.pair.high(),
            platform: own.platform.label(),
            username: own.username,
            like_platform: own.own_platform.label(),
            like_username: own.own_username,
            signs: own.signs.iter().map(|sign| sign.sentence()).collect(),
            is_dismissed: own.is_dismissed,
        }
    }
}

#[derive(Template)]
#[template(path = "suggestions.html")]
struct Page {
    shell: Shell,
    slug: String,
    rows: Vec<Row>,
    /// Whether those are shown of which it was said that they are none.
    is_dismissed: bool,
    is_later: bool,
    may_judge: bool,
    first_href: String,
    next_href: Option<String>,
}

/// `GET /c/{slug}/members/suggestions`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let asked = paging::asked(wanted.after.as_deref(), ROWS)?;
    let is_dismissed = wanted.show == "dismissed";
    let found = face
        .app
        .identity
        .suggestions(&viewer.actor, community.id, is_dismissed, &asked)
        .await?;
    let base = list_of(&community.slug);
    let first_href = if is_dismissed {
        return_to::with(&base, "show", "dismissed")
    } else {
        base
    };
    let now = face.app.clock.now();
    let place = Place {
        title: "Perhaps the same person",
        section: Section::Members,
        community: Some(&community),
    };
    let may_judge = viewer
        .actor
        .require(Permission::ModerateMembers, community.id)
        .is_ok();
    layout::page(&Page {
        shell: Shell::new(&face, &viewer, place).await?,
        is_dismissed,
        is_later: asked.cursor().is_some(),
        may_judge,
        next_href: paging::next_href(&first_href, found.next.as_ref()),
        first_href,
        rows: found.items.iter().map(|one| Row::of(one, now)).collect(),
        slug: community.slug,
    })
}

fn list_of(slug: &str) -> String {
    format!("/c/{slug}/members/suggestions")
}

/// `POST /c/{slug}/members/suggestions`
pub(crate) async fn say(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Saying>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let (identity, actor) = (&face.app.identity, &viewer.actor);
    let pair = typed.pair()?;
    let done = if typed.is_unlike()? {
        identity
            .dismiss_suggestion(actor, community.id, pair)
            .await?;
        "unlike"
    } else {
        identity
            .restore_suggestion(actor, community.id, pair)
            .await?;
        "perhaps"
    };
    let to = community::member_or(&community.slug, &typed.member, list_of);
    Ok(Redirect::to(&return_to::with(&to, "done", done)).into_response())
}

/// `POST /me/merge/suggestions`
pub(crate) async fn say_own(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Form(typed): Form<Saying>,
) -> Result<Response, PageError> {
    let (identity, actor) = (&face.app.identity, &viewer.actor);
    let pair = typed.pair()?;
    let done = if typed.is_unlike()? {
        identity.dismiss_own_suggestion(actor, pair).await?;
        "not-me"
    } else {
        identity.restore_own_suggestion(actor, pair).await?;
        "perhaps"
    };
    Ok(Redirect::to(&format!("/me/merge?done={done}")).into_response())
}
