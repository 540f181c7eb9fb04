//! What events are worth in a community: a table for moderators on the page of reputation, a form for
//! those who manage the community.

use std::sync::Arc;

use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{IdentityError, Reason, WeightSetting};
use kernel::Permission;

use crate::{
    community, error::PageError, form::Mistakes, reputation, router::Face, viewer::SignedIn,
};

/// Most digits before the point of what is typed.
const DIGITS_MAX: usize = 6;

/// A line of the table or the form.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) standard: String,
    pub(crate) counts: String,
    /// What stands in the field; empty = as everywhere.
    pub(crate) typed: String,
    pub(crate) least: String,
    pub(crate) most: String,
    pub(crate) is_own: bool,
}

/// What is decided; `None` = as everywhere.
type Decisions = Vec<(Reason, Option<i64>)>;

/// What the form sends, by the names of reasons.
pub(crate) type Typed = Vec<(String, String)>;

impl Row {
    /// As it is stored, or as it was typed if the form came back.
    pub(crate) fn of(setting: WeightSetting, typed: Option<&Typed>) -> Self {
        let name = setting.reason.as_str();
        let stored = || setting.own.map_or_else(String::new, points);
        Self {
            name,
            label: setting.reason.label(),
            unit: unit(setting.reason),
            standard: points(setting.standard),
            counts: points(setting.counts()),
            typed: match typed {
                None => stored(),
                Some(typed) => typed
                    .iter()
                    .find(|(field, _)| field == name)
                    .map_or_else(String::new, |(_, value)| value.clone()),
            },
            least: points(setting.bounds.0),
            most: points(setting.bounds.1),
            is_own: setting.own.is_some(),
        }
    }
}

/// For how much of it the points are.
const fn unit(reason: Reason) -> &'static str {
    match reason {
        Reason::Gift => "each",
        Reason::Donation => "for 100 of the smallest unit, such as a dollar",
        Reason::Cheer => "for 100 bits",
        _ => "",
    }
}

/// Thousandths of a point as people read them: `0.01`, `-0.1`, `5`.
fn points(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, part) = (
        thousandths.unsigned_abs() / 1_000,
        thousandths.unsigned_abs() % 1_000,
    );
    if part == 0 {
        return format!("{sign}{whole}");
    }
    let digits = format!("{part:03}");
    format!("{sign}{whole}.{}", digits.trim_end_matches('0'))
}

/// What was typed, in thousandths of a point; `None` if it is no number with at most three decimals.
fn thousandths(typed: &str) -> Option<i64> {
    let typed = typed.trim().replace('\u{2212}', "-").replace(',', ".");
    let (sign, rest) = match typed.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, typed.strip_prefix('+').unwrap_or(&typed)),
    };
    let (whole, part) = rest.split_once('.').unwrap_or((rest, ""));
    let is_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() <= DIGITS_MAX && part.len() <= 3;
    if !fits || !is_digits(whole) || !is_digits(part) {
        return None;
    }
    let number: i64 = format!("{whole}{part:0<3}").parse().ok()?;
    Some(sign * number)
}

/// What is wanted; the field and the words if something typed is no number.
fn wanted(typed: &Typed) -> Result<Decisions, (&'static str, &'static str)> {
    let mut wanted = Vec::new();
    for (name, value) in typed {
        let Some(reason) = Reason::from_name(name) else {
            continue;
        };
        let own = match value.trim() {
            "" => None,
            value => {
                let words = "enter a number with at most three decimals, or nothing";
                let own = thousandths(value);
                Some(own.ok_or_else(|| (reason.as_str(), words))?)
            }
        };
        wanted.push((reason, own));
    }
    Ok(wanted)
}

/// `POST /c/{slug}/reputation/weights`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let is_reset = typed.iter().any(|(name, _)| name == "reset");
    let wanted = if is_reset {
        let all = Reason::ALL.into_iter();
        Ok(all
            .filter(|reason| identity::bounds(*reason).is_some())
            .map(|reason| (reason, None))
            .collect())
    } else {
        wanted(&typed)
    };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err((field, words)) => {
            let mistakes = Mistakes::one(field, words);
            return reputation::overview(&face, &viewer, &community, Some(&typed), mistakes).await;
        }
    };
    let identity = &face.app.identity;
    let set = identity
        .set_reputation_weights(&viewer.actor, community.id, &wanted)
        .await;
    match set {
        Ok(()) => {
            let to = format!("/c/{}/reputation?done=weights", community.slug);
            Ok(Redirect::to(&to).into_response())
        }
        Err(IdentityError::Invalid { field, message }) => {
            let mistakes = Mistakes::one(field, &message);
            reputation::overview(&face, &viewer, &community, Some(&typed), mistakes).await
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{points, thousandths};

    #[test]
    fn points_are_shown_as_they_are_typed() {
        for (shown, number) in [
            ("0", 0),
            ("0.01", 10),
            ("-0.1", -100),
            ("5", 5_000),
            ("-75.125", -75_125),
            ("200", 200_000),
        ] {
            assert_eq!(points(number), shown);
            assert_eq!(thousandths(shown), Some(number));
        }
        for (typed, number) in [(" +1,5 ", 1_500), ("\u{2212}2", -2_000), ("3.", 3_000)] {
            assert_eq!(thousandths(typed), Some(number), "{typed}");
        }
        for bad in [
            "", "-", "1.2345", ".5", "1e3", "many", "12345678", "1.-1", "--1",
        ] {
            assert_eq!(thousandths(bad), None, "{bad}");
        }
    }
}
