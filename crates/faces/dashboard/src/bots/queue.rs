//! The review queue: a community's cases of one state, in the order of what a verdict would teach or of how
//! sure the program is. Looking at it changes nothing.

use std::{collections::HashMap, sync::Arc};

use ::bots::{Case, CaseOrder, CaseQuery, CaseState, Reason, Score};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use kernel::{Permission, Timestamp, UserId};
use serde::Deserialize;

use super::{Judged, Names, Someone, Sure, reasons_text, state_label};
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

/// The address's query.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    #[serde(default)]
    order: String,
    #[serde(default)]
    reason: String,
    after: Option<String>,
    /// The case that was decided last, if that can be taken back here.
    last: Option<i32>,
    /// The case whose account was called a bot that is used here, if that can be taken back here.
    used: Option<i32>,
}

/// A tab: a state or an order.
struct Tab {
    label: &'static str,
    count: Option<String>,
    href: String,
    is_chosen: bool,
}

/// What the program says of people by now.
type Scores = HashMap<UserId, Score>;

struct Row {
    id: i32,
    account: Option<Judged>,
    sure: Option<Sure>,
    /// How sure the program is by now, if the account was scored.
    sure_now: Option<Sure>,
    reasons: String,
    viewers: Vec<Someone>,
    opened: When,
    decided: Option<When>,
    decided_by: Option<Someone>,
    href: String,
}

impl Row {
    fn of(
        case: Case,
        scores: &Scores,
        (slug, order): (&str, CaseOrder),
        names: &Names,
        now: Timestamp,
    ) -> Self {
        let account = case.account.as_ref();
        let score = account.and_then(|account| {
            scores
                .get(&account.user)
                .filter(|score| score.account.id == account.id)
        });
        Self {
            sure_now: score.map(|score| Sure::of(score.probability, score.level)),
            id: case.id,
            account: case.account.map(Judged::from),
            sure: case
                .is_scored
                .then(|| Sure::of(case.probability, case.level)),
            reasons: reasons_text(&case.reasons),
            viewers: names.all(&case.viewers),
            opened: display::when(now, case.opened_at),
            decided: case.decided_at.map(|at| display::when(now, at)),
            decided_by: names.get(case.decided_by),
            href: case_href(slug, case.id, order),
        }
    }
}

#[derive(Template)]
#[template(path = "bots_queue.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "a template asks yes-or-no questions"
)]
struct Page {
    shell: Shell,
    slug: String,
    order: &'static str,
    states: Vec<Tab>,
    orders: Vec<Tab>,
    reasons: Vec<Tab>,
    is_drawn: bool,
    shown: &'static str,
    is_open: bool,
    is_dry_run: bool,
    is_later: bool,
    may_judge: bool,
    undo: Option<i32>,
    unuse: Option<i32>,
    rows: Vec<Row>,
    first_href: String,
    next_href: Option<String>,
}

/// The address of the cases of a state in an order.
pub(crate) fn href(slug: &str, state: CaseState, order: CaseOrder) -> String {
    href_of(slug, state, order, None)
}

/// The same of those that there is a reason to look at.
fn href_of(slug: &str, state: CaseState, order: CaseOrder, reason: Option<Reason>) -> String {
    let base = return_to::with(&format!("/c/{slug}/bots/queue"), "state", state.as_str());
    let base = return_to::with(&base, "order", order.as_str());
    match reason {
        Some(reason) => return_to::with(&base, "reason", reason.as_str()),
        None => base,
    }
}

/// The address of a case within the queue in an order.
pub(crate) fn case_href(slug: &str, id: i32, order: CaseOrder) -> String {
    return_to::with(
        &format!("/c/{slug}/bots/cases/{id}"),
        "order",
        order.as_str(),
    )
}

/// The order that an address or a form names; the usual one if it names none.
pub(crate) fn order_of(name: &str) -> Result<CaseOrder, PageError> {
    match name {
        "" => Ok(CaseOrder::default()),
        name => CaseOrder::from_name(name)
            .ok_or_else(|| PageError::bad_input("There is no such order of cases.")),
    }
}

fn state_of(name: &str) -> Result<CaseState, PageError> {
    match name {
        "" => Ok(CaseState::Open),
        name => CaseState::from_name(name)
            .ok_or_else(|| PageError::bad_input("There is no such state of a case.")),
    }
}

fn reason_of(name: &str) -> Result<Option<Reason>, PageError> {
    match name {
        "" => Ok(None),
        name => Reason::from_name(name)
            .map(Some)
            .ok_or_else(|| PageError::bad_input("There is no such reason of a case.")),
    }
}

/// The word for an order.
pub(crate) const fn order_label(order: CaseOrder) -> &'static str {
    match order {
        CaseOrder::Value => "What teaches most first",
        CaseOrder::Probability => "The surest first",
    }
}

/// `GET /c/{slug}/bots/queue`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let state = state_of(&wanted.state)?;
    let order = order_of(&wanted.order)?;
    let reason = reason_of(&wanted.reason)?;
    let query = CaseQuery {
        state,
        reason,
        order,
        is_for_me: false,
        page: paging::asked(wanted.after.as_deref(), ROWS)?,
    };
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let found = bots.cases(actor, community.id, &query).await?;
    let counts = bots.case_counts(actor, community.id).await?;
    let setting = bots.setting(actor, community.id).await?;
    let people: Vec<UserId> = found
        .items
        .iter()
        .flat_map(|case| case.viewers.iter().copied().chain(case.decided_by))
        .collect();
    let names = Names::of(&face, &viewer, &community, &people).await?;
    let about: Vec<UserId> = found
        .items
        .iter()
        .filter_map(|case| case.account.as_ref())
        .map(|account| account.user)
        .collect();
    let scores = bots.scores_of(actor, community.id, &about).await?;
    let now = face.app.clock.now();
    let first_href = href_of(&community.slug, state, order, reason);
    let place = Place {
        title: "Review queue",
        section: Section::Bots,
        community: Some(&community),
    };
    let may_judge = actor
        .require(Permission::ModerateMembers, community.id)
        .is_ok();
    layout::page(&Page {
        shell: Shell::new(&face, &viewer, place).await?,
        order: order.as_str(),
        states: CaseState::ALL
            .into_iter()
            .map(|one| Tab {
                label: state_label(one),
                // They are of all reasons.
                count: reason
                    .is_none()
                    .then(|| display::count(counts.get(&one).copied().unwrap_or(0))),
                href: href_of(&community.slug, one, order, reason),
                is_chosen: one == state,
            })
            .collect(),
        reasons: [None, Some(Reason::Sample)]
            .into_iter()
            .map(|one| Tab {
                label: one.map_or("For any reason", |_| "Drawn by chance"),
                count: None,
                href: href_of(&community.slug, state, order, one),
                is_chosen: one == reason,
            })
            .collect(),
        is_drawn: reason == Some(Reason::Sample),
        orders: [CaseOrder::Value, CaseOrder::Probability]
            .into_iter()
            .map(|one| Tab {
                label: order_label(one),
                count: None,
                href: href_of(&community.slug, state, one, reason),
                is_chosen: one == order,
            })
            .collect(),
        shown: state.as_str(),
        is_open: state == CaseState::Open,
        is_dry_run: setting.is_dry_run,
        is_later: query.page.cursor().is_some(),
        may_judge,
        undo: wanted.last.filter(|_| may_judge),
        unuse: wanted.used.filter(|_| may_judge),
        next_href: paging::next_href(&first_href, found.next.as_ref()),
        first_href,
        rows: found
            .items
            .into_iter()
            .map(|case| Row::of(case, &scores, (&community.slug, order), &names, now))
            .collect(),
        slug: community.slug,
    })
}
