//! The overview of bot detection in a community: its score, how probabilities are spread, what other
//! thresholds would do, and how many cases there are. Trying thresholds changes nothing.

use std::sync::Arc;

use ::bots::{
    BotScore, BotsError, CaseOrder, CaseState, ErrorRates, ExpectedErrors, Flagged, Probability,
    Score, Setting, WhatIf, rules::Component,
};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use kernel::{Permission, Timestamp};
use serde::Deserialize;

use super::{Judged, Sure, errors, monitoring::Weeks, percent, queue, state_label};
use crate::{
    charts::{
        Svg,
        histogram::{Mark, histogram, span},
    },
    community,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// The address's query: the thresholds to try, in percent.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    likely: String,
    #[serde(default)]
    possible: String,
}

impl Wanted {
    /// The thresholds that are asked for, likely before possible; `None` if none are. What is left empty
    /// stays as it is.
    fn thresholds(&self, now: &Setting) -> Result<Option<(Probability, Probability)>, Mistakes> {
        if self.likely.trim().is_empty() && self.possible.trim().is_empty() {
            return Ok(None);
        }
        let likely = wanted("likely", &self.likely, now.likely)?;
        let possible = wanted("possible", &self.possible, now.possible)?;
        Ok(Some((likely, possible)))
    }
}

/// A threshold that is asked for; the one of now where the field is empty.
fn wanted(field: &'static str, text: &str, now: Probability) -> Result<Probability, Mistakes> {
    if text.trim().is_empty() {
        return Ok(now);
    }
    percent::read(text).ok_or_else(|| Mistakes::one(field, percent::WRONG))
}

/// A part of the community's score.
struct Tile {
    label: &'static str,
    value: Option<u32>,
    note: String,
    definition: &'static str,
}

/// What thresholds flag, now and then.
struct Compared {
    label: &'static str,
    now: String,
    then: String,
}

/// An account that only other thresholds would flag.
struct Newly {
    account: Judged,
    sure: Sure,
    scored: When,
    case_href: Option<String>,
}

struct Tried {
    rows: Vec<Compared>,
    /// What is to be expected of a hundred people and a hundred bots; nothing where nothing is known.
    expected: Vec<Compared>,
    /// Where that is known from.
    note: String,
    newly: Vec<Newly>,
    n_newly: String,
    n_more: u64,
    n_no_longer: String,
}

struct Count {
    label: &'static str,
    n: String,
    href: String,
}

/// A crowd of newcomers that came lately.
struct Crowd {
    is_on: bool,
    last: When,
}

#[derive(Template)]
#[template(path = "bots.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    is_dry_run: bool,
    at: When,
    overall: Option<u32>,
    grade: &'static str,
    tiles: Vec<Tile>,
    counts: Vec<Count>,
    appeals: Option<String>,
    crowd: Option<Crowd>,
    weeks: Weeks,
    judge: String,
    n_scored: u64,
    chart: Svg,
    bins: Vec<(String, String)>,
    likely: String,
    possible: String,
    unlikely: String,
    exempt: String,
    likely_now: String,
    possible_now: String,
    likely_typed: String,
    possible_typed: String,
    tried: Option<Tried>,
}

/// `GET /c/{slug}/bots`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewMembers).await?;
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let score = bots.community_score(actor, community.id).await?;
    let spread = bots.histogram(actor, community.id).await?;
    let setting = bots.setting(actor, community.id).await?;
    let counts = bots.case_counts(actor, community.id).await?;
    let waiting = bots.waiting(actor, community.id).await?;
    let monitoring = bots.monitoring(actor, community.id).await?;
    let expected = bots
        .expected_errors(actor, community.id, setting.likely, setting.possible)
        .await?;
    let mut mistakes = Mistakes::default();
    let mut tried = None;
    match wanted.thresholds(&setting) {
        Err(wrong) => mistakes = wrong,
        Ok(None) => {}
        Ok(Some((likely, possible))) => {
            match bots.what_if(actor, community.id, likely, possible).await {
                Ok(found) => tried = Some((likely, possible, found)),
                Err(BotsError::Invalid { field, message }) => {
                    mistakes = Mistakes::one(field, &message);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    let now = face.app.clock.now();
    let place = Place {
        title: "Bots",
        section: Section::Bots,
        community: Some(&community),
    };
    let shell = Shell::new(&face, &viewer, place).await?;
    let marks = marks(&setting, tried.as_ref().map(|(l, p, _)| (*l, *p)));
    let slug = community.slug;
    let counts = CaseState::ALL.into_iter().map(|state| Count {
        label: state_label(state),
        n: display::count(counts.get(&state).copied().unwrap_or(0)),
        href: queue::href(&slug, state, CaseOrder::Value),
    });
    let page = Page {
        shell,
        is_dry_run: setting.is_dry_run,
        at: display::when(now, score.at),
        overall: score.score.overall,
        grade: score.score.grade.map_or("–", |grade| grade.as_str()),
        tiles: tiles(&score),
        counts: counts.collect(),
        appeals: (waiting.appeals > 0).then(|| display::count(waiting.appeals)),
        weeks: Weeks::of(&monitoring.weeks),
        judge: super::judge(expected.model),
        crowd: waiting.crowd.map(|crowd| Crowd {
            is_on: crowd.is_on,
            last: display::when(now, crowd.last_at),
        }),
        n_scored: spread.bins.iter().sum(),
        chart: histogram("Accounts by probability", &spread.bins, &drawn(&marks)),
        bins: bins(&spread.bins),
        likely: display::plural(spread.likely, "likely bot"),
        possible: display::count(spread.possible),
        unlikely: display::count(spread.unlikely),
        exempt: display::count(spread.exempt),
        likely_now: percent::shown(setting.likely),
        possible_now: percent::shown(setting.possible),
        likely_typed: or(&wanted.likely, setting.likely),
        possible_typed: or(&wanted.possible, setting.possible),
        tried: tried.map(|(likely, possible, found)| {
            let then = Setting {
                likely,
                possible,
                ..setting
            };
            compare(found, &then, &slug, now)
        }),
        mistakes,
        slug,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

fn or(wanted: &str, now: Probability) -> String {
    if wanted.trim().is_empty() {
        percent::shown(now)
    } else {
        wanted.to_owned()
    }
}

/// The lines of the drawing: where, what begins there, and whether it is only tried.
fn marks(setting: &Setting, tried: Option<(Probability, Probability)>) -> Vec<(f64, String, bool)> {
    let mut marks = Vec::new();
    let mut push = |at: Probability, word: &str, is_tried: bool| {
        marks.push((
            at.value(),
            format!("{word} from {} %", percent::shown(at)),
            is_tried,
        ));
    };
    push(setting.likely, "likely", false);
    push(setting.possible, "possible", false);
    if let Some((likely, possible)) = tried {
        if likely != setting.likely {
            push(likely, "tried: likely", true);
        }
        if possible != setting.possible {
            push(possible, "tried: possible", true);
        }
    }
    marks
}

fn drawn(marks: &[(f64, String, bool)]) -> Vec<Mark<'_>> {
    marks
        .iter()
        .map(|(at, label, is_tried)| Mark {
            at: *at,
            label,
            is_tried: *is_tried,
        })
        .collect()
}

/// The columns as a table.
pub(crate) fn bins(bins: &[u64]) -> Vec<(String, String)> {
    let n = bins.len();
    bins.iter()
        .enumerate()
        .map(|(i, count)| (span(i, n), display::count(*count)))
        .collect()
}

/// The parts of the score, with what was counted for each.
fn tiles(score: &BotScore) -> Vec<Tile> {
    let counts = &score.counts;
    let known = |n: Option<u32>| n.map_or_else(|| "–".to_owned(), |n| display::count(n.into()));
    score
        .score
        .components
        .iter()
        .map(|(component, value)| {
            let (label, note, definition) = match component {
                Component::BadActor => (
                    "Alerts",
                    counts.alerted_members.map_or_else(
                        || "not known yet: nobody was scored".to_owned(),
                        |alerted| {
                            format!(
                                "{} of likely bots, of {}",
                                display::plural(alerted.into(), "open case"),
                                display::plural(counts.active_members.into(), "member")
                            )
                        },
                    ),
                    "Likely bots whose case nobody has decided, among who said something in thirty days. Each percent takes five points.",
                ),
                Component::Reputation => (
                    "Health",
                    counts.health.map_or_else(
                        || "not known yet".to_owned(),
                        |health| format!("health {}", display::figure(health)),
                    ),
                    "The health of the community; where engagement is known, it is three tenths of this.",
                ),
                Component::Security => (
                    "Moderation",
                    counts.violations.map_or_else(
                        || "not known: nothing here tells of it".to_owned(),
                        |violations| {
                            format!(
                                "{} of {} messages",
                                display::count(violations.into()),
                                display::count(counts.messages.into())
                            )
                        },
                    ),
                    "Warnings, timeouts, kicks and bans of thirty days, of all messages. Each percent takes ten points. Discord and Twitch tell of them where they are connected; without that, and as long as none was ever recorded, it is left out and the rest counts accordingly.",
                ),
                Component::AiBehavioral => (
                    "Behaviour",
                    format!(
                        "{} of {} active today",
                        known(counts.conspicuous_today),
                        display::count(counts.active_today.into())
                    ),
                    "Accounts that, within the last day, burst (more than ten messages in a minute), repeated themselves (a text three times in half an hour) or said with two others the same (twice in an hour), among who said something in it. Each percent takes ten points.",
                ),
            };
            Tile {
                label,
                value: *value,
                note,
                definition,
            }
        })
        .collect()
}

fn compare(found: WhatIf, then: &Setting, slug: &str, now: Timestamp) -> Tried {
    let n_shown = u64::try_from(found.newly.len()).unwrap_or(0);
    let row = |label, of: fn(&Flagged) -> u64| Compared {
        label,
        now: display::count(of(&found.now)),
        then: display::count(of(&found.then)),
    };
    Tried {
        rows: vec![
            row("Likely bots", |flagged| flagged.likely),
            row("Possible bots", |flagged| flagged.possible),
            row("Likely at some time in thirty days", |flagged| {
                flagged.in_a_month
            }),
            row("Flagged, and people said a bot", |flagged| flagged.right),
            row("Flagged, and people said a person", |flagged| flagged.wrong),
            row("Not flagged, and people said a bot", |flagged| {
                flagged.missed
            }),
        ],
        expected: expected(&found.errors_now, &found.errors_then),
        note: errors::note(&found.errors_then),
        n_newly: display::plural(found.n_newly, "account"),
        n_more: found.n_newly.saturating_sub(n_shown),
        n_no_longer: display::plural(found.n_no_longer, "account"),
        newly: found
            .newly
            .into_iter()
            .map(|score| newly(score, then, slug, now))
            .collect(),
    }
}

fn expected(now: &ExpectedErrors, then: &ExpectedErrors) -> Vec<Compared> {
    let accused = errors::accused;
    let missed = errors::missed;
    let row = |label, now, then, of: fn(Option<ErrorRates>) -> String| Compared {
        label,
        now: of(now),
        then: of(then),
    };
    if then.measured_on.is_none() {
        return Vec::new();
    }
    vec![
        row(
            "Of 100 people, likely bots by mistake",
            now.likely,
            then.likely,
            accused,
        ),
        row(
            "Of 100 people, flagged by mistake",
            now.possible,
            then.possible,
            accused,
        ),
        row(
            "Of 100 bots, not found likely",
            now.likely,
            then.likely,
            missed,
        ),
        row(
            "Of 100 bots, not flagged",
            now.possible,
            then.possible,
            missed,
        ),
    ]
}

fn newly(score: Score, then: &Setting, slug: &str, now: Timestamp) -> Newly {
    Newly {
        sure: Sure::of(score.probability, then.level(score.probability)),
        scored: display::when(now, score.scored_at),
        case_href: score
            .case
            .map(|id| queue::case_href(slug, id, CaseOrder::Value)),
        account: score.account.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;
    use ::bots::Setting;

    fn asked(likely: &str, possible: &str) -> Option<(u32, u32)> {
        let wanted = Wanted {
            likely: likely.to_owned(),
            possible: possible.to_owned(),
        };
        let found = wanted.thresholds(&Setting::default());
        let (likely, possible) = found.ok()??;
        Some((likely.ppm(), possible.ppm()))
    }

    #[test]
    fn thresholds_are_typed_in_percent_and_what_is_empty_stays() {
        assert_eq!(asked("80", "62.5"), Some((800_000, 625_000)));
        assert_eq!(asked(" 80 % ", ""), Some((800_000, 500_000)));
        assert_eq!(asked("", "40,5"), Some((700_000, 405_000)));
        for (likely, possible) in [("", ""), ("x", "50"), ("101", ""), ("NaN", ""), ("-1", "")] {
            assert_eq!(asked(likely, possible), None, "{likely} {possible}");
        }
    }
}
