//! `/me/bots`: where one's own accounts were called bots, and saying that it is wrong.
//!
//! Must never show an open case, who reported, or what a model said: whoever is one would learn how to hide it.

use std::sync::Arc;

use ::bots::{Appeal, AppealState, BotsError, OwnVerdict};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::{CommunityId, Timestamp};
use serde::Deserialize;

use crate::{
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The form.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    words: String,
}

/// An appeal as its author sees it.
struct Line {
    state: &'static str,
    mood: &'static str,
    words: String,
    made: When,
    answer: String,
    answered: Option<When>,
}

/// A decision as it is shown.
struct Row {
    case: i32,
    username: String,
    platform: &'static str,
    /// `None` = one that is not shown to oneself.
    community: Option<String>,
    decided: Option<When>,
    /// Whether it was not taken back.
    stands: bool,
    appeals: Vec<Line>,
    /// Whether an appeal waits for its answer.
    is_waiting: bool,
    typed: String,
    mistakes: Mistakes,
}

#[derive(Template)]
#[template(path = "bots_verdicts.html")]
struct Page {
    shell: Shell,
    rows: Vec<Row>,
}

/// What came back with mistakes: of which case, what was typed, what is wrong.
type Back = Option<(i32, String, Mistakes)>;

impl Line {
    fn of(appeal: Appeal, now: Timestamp) -> Self {
        Self {
            state: label(appeal.state),
            mood: mood(appeal.state),
            words: appeal.words,
            made: display::when(now, appeal.made_at),
            answer: appeal.answer,
            answered: appeal.answered_at.map(|at| display::when(now, at)),
        }
    }
}

/// The state of an appeal in a word.
pub(super) const fn label(state: AppealState) -> &'static str {
    match state {
        AppealState::Open => "Open",
        AppealState::Granted => "Granted",
        AppealState::Refused => "Refused",
        AppealState::Ended => "Over: the decision was taken back",
    }
}

/// The colour of its tag.
pub(super) const fn mood(state: AppealState) -> &'static str {
    match state {
        AppealState::Open | AppealState::Ended => "",
        AppealState::Granted => " good",
        AppealState::Refused => " bad",
    }
}

impl Row {
    fn of(verdict: OwnVerdict, community: Option<String>, now: Timestamp) -> Self {
        let is_open = |appeal: &Appeal| appeal.state == AppealState::Open;
        Self {
            case: verdict.case,
            username: verdict.username,
            platform: verdict.platform.label(),
            community,
            decided: verdict.decided_at.map(|at| display::when(now, at)),
            stands: verdict.stands,
            is_waiting: verdict.appeals.iter().any(is_open),
            appeals: verdict
                .appeals
                .into_iter()
                .map(|appeal| Line::of(appeal, now))
                .collect(),
            typed: String::new(),
            mistakes: Mistakes::default(),
        }
    }
}

/// `GET /me/bots`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &viewer, None).await
}

/// `POST /me/bots/{case}/appeal`
pub(crate) async fn appeal(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(case): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let case: i32 = case.parse().ok().ok_or_else(PageError::not_found)?;
    let words = typed.words.replace("\r\n", "\n");
    let made = face.app.bots.appeal(&viewer.actor, case, &words).await;
    let message = match made {
        Ok(_) => return Ok(Redirect::to("/me/bots?done=appealed").into_response()),
        Err(
            BotsError::Invalid { message, .. }
            | BotsError::TooOften(message)
            | BotsError::Conflict(message),
        ) => message,
        Err(error) => return Err(error.into()),
    };
    let back = (case, typed.words, Mistakes::one("", &message));
    show(&face, &viewer, Some(back)).await
}

/// Whether one of the viewer's own accounts is called a bot and they have said nothing against it yet.
pub(crate) async fn may_appeal(face: &Face, viewer: &Viewer) -> Result<bool, PageError> {
    let found = face.app.bots.own_verdicts(&viewer.actor).await?;
    let is_silent = |verdict: &OwnVerdict| {
        let since = |appeal: &Appeal| Some(appeal.made_at) >= verdict.decided_at;
        verdict.stands && !verdict.appeals.iter().any(since)
    };
    Ok(found.iter().any(is_silent))
}

async fn show(face: &Face, viewer: &Viewer, back: Back) -> Result<Response, PageError> {
    let found = face.app.bots.own_verdicts(&viewer.actor).await?;
    let ids: Vec<CommunityId> = found.iter().map(|verdict| verdict.community).collect();
    let identity = &face.app.identity;
    let communities = identity.communities_of(&viewer.actor, &ids).await?;
    let now = face.app.clock.now();
    let mut rows: Vec<Row> = found
        .into_iter()
        .map(|verdict| {
            let community = communities.get(&verdict.community);
            Row::of(verdict, community.map(|one| one.name.clone()), now)
        })
        .collect();
    let mut status = Mistakes::default().status();
    if let Some((case, typed, mistakes)) = back {
        status = mistakes.status();
        if let Some(row) = rows.iter_mut().find(|row| row.case == case) {
            (row.typed, row.mistakes) = (typed, mistakes);
        }
    }
    let place = Place {
        title: "Called a bot",
        section: Section::None,
        community: None,
    };
    let shell = Shell::new(face, viewer, place).await?;
    let page = Page { shell, rows };
    Ok((status, layout::page(&page)?).into_response())
}
