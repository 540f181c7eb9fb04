//! `/c/{slug}/bots/appeals`: what people say against being called bots, and the moderators' answers. Who may answer is
//! decided by the service.

use std::{collections::HashMap, sync::Arc};

use ::bots::{Appeal, AppealState, BotsError, Case};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{Permission, Timestamp, UserId};
use serde::Deserialize;

use super::verdicts::{label, mood};
use crate::{
    community,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    paging, return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Rows on a page.
const ROWS: u32 = 50;

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    after: Option<String>,
}

/// The form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answering {
    /// `granted` or `refused`.
    state: String,
    #[serde(default)]
    words: String,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct Row {
    id: i32,
    case: i32,
    /// Whose account, what it is called and where; `None` after it was erased.
    account: Option<(UserId, String, &'static str)>,
    words: String,
    made: When,
    state: &'static str,
    mood: &'static str,
    is_open: bool,
    may_refuse: bool,
    answer: String,
    answered: Option<When>,
    typed: String,
}

impl Row {
    fn of(appeal: Appeal, cases: &HashMap<i32, Case>, now: Timestamp) -> Self {
        let case = cases.get(&appeal.case);
        let account = case.and_then(|case| case.account.as_ref());
        Self {
            id: appeal.id,
            case: appeal.case,
            account: account.map(|account| {
                let platform = account.platform.label();
                (account.user, account.username.clone(), platform)
            }),
            words: appeal.words,
            made: display::when(now, appeal.made_at),
            state: label(appeal.state),
            mood: mood(appeal.state),
            is_open: appeal.state == AppealState::Open,
            may_refuse: appeal.may_refuse,
            answer: appeal.answer,
            answered: appeal.answered_at.map(|at| display::when(now, at)),
            typed: String::new(),
        }
    }
}

#[derive(Template)]
#[template(path = "bots_appeals.html")]
struct Page {
    shell: Shell,
    slug: String,
    mistakes: Mistakes,
    states: Vec<Choice>,
    is_open: bool,
    is_later: bool,
    may_judge: bool,
    rows: Vec<Row>,
    first_href: String,
    next_href: Option<String>,
}

/// What came back with mistakes: of which appeal, what was typed, what is wrong.
type Back = Option<(i32, String, Mistakes)>;

fn list_of(slug: &str) -> String {
    format!("/c/{slug}/bots/appeals")
}

/// `GET /c/{slug}/bots/appeals`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    show(&face, &viewer, &community, &wanted, None).await
}

/// `POST /c/{slug}/bots/appeals/{id}`
pub(crate) async fn answer(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Answering>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ModerateMembers).await?;
    let id: i32 = id.parse().ok().ok_or_else(PageError::not_found)?;
    let (state, done) = match AppealState::from_name(&typed.state) {
        Some(AppealState::Granted) => (AppealState::Granted, "appeal-granted"),
        Some(AppealState::Refused) => (AppealState::Refused, "appeal-refused"),
        Some(AppealState::Open | AppealState::Ended) | None => return Err(PageError::not_found()),
    };
    let words = typed.words.replace("\r\n", "\n");
    let said = face
        .app
        .bots
        .answer_appeal(&viewer.actor, community.id, id, state, &words)
        .await;
    let mistakes = match said {
        Ok(()) => {
            let to = return_to::with(&list_of(&community.slug), "done", done);
            return Ok(Redirect::to(&to).into_response());
        }
        Err(BotsError::Invalid { message, .. } | BotsError::Conflict(message)) => {
            Mistakes::one("", &message)
        }
        Err(error) => return Err(error.into()),
    };
    let back = Some((id, typed.words, mistakes));
    show(&face, &viewer, &community, &Wanted::default(), back).await
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    wanted: &Wanted,
    back: Back,
) -> Result<Response, PageError> {
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let state = match wanted.state.as_str() {
        "" => AppealState::Open,
        name => AppealState::from_name(name)
            .ok_or_else(|| PageError::bad_input("There is no such state of an appeal."))?,
    };
    let asked = paging::asked(wanted.after.as_deref(), ROWS)?;
    let found = bots.appeals(actor, community.id, state, &asked).await?;
    let ids: Vec<i32> = found.items.iter().map(|appeal| appeal.case).collect();
    let cases = bots.cases_by_id(actor, community.id, &ids).await?;
    let now = face.app.clock.now();
    let mut rows: Vec<Row> = found
        .items
        .into_iter()
        .map(|appeal| Row::of(appeal, &cases, now))
        .collect();
    let mut mistakes = Mistakes::default();
    if let Some((id, typed, problem)) = back {
        mistakes = problem;
        if let Some(row) = rows.iter_mut().find(|row| row.id == id) {
            row.typed = typed;
        }
    }
    let base = list_of(&community.slug);
    let first_href = match state {
        AppealState::Open => base,
        state => return_to::with(&base, "state", state.as_str()),
    };
    let place = Place {
        title: "Appeals",
        section: Section::Bots,
        community: Some(community),
    };
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        mistakes,
        states: AppealState::ALL
            .into_iter()
            .map(|one| Choice {
                value: one.as_str(),
                label: label(one),
                is_chosen: one == state,
            })
            .collect(),
        is_open: state == AppealState::Open,
        is_later: asked.cursor().is_some(),
        may_judge: actor
            .require(Permission::ModerateMembers, community.id)
            .is_ok(),
        next_href: paging::next_href(&first_href, found.next.as_ref()),
        first_href,
        rows,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
