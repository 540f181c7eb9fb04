//! The rows that a model is learned from: of each account one label, of each person one side of every split; and the
//! snapshot of them, so that it can be said later what a model was made of.
//!
//! A snapshot has numbers only: no name, no id, no text. Whoever is in it cannot be found by it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    io::Write as _,
};

use flate2::{Compression, write::GzEncoder};
use kernel::{AccountId, Timestamp, UserId};
use serde_json::{Value, json};

use super::course::Row;
use crate::{
    LabelSource,
    features::SCHEMA,
    learning::OWN_LABEL,
    store::{label::Learnable, prediction::Newest},
};

/// The name of members whom nobody suspects, beside the sources of labels.
pub(super) const PRESUMED: &str = "presumed";

/// How much more a source is believed than those behind it, where several say something about an account.
const fn rank(source: LabelSource) -> u8 {
    match source {
        LabelSource::Review => 0,
        LabelSource::Imported => 1,
        LabelSource::Service => 2,
        LabelSource::List => 3,
        LabelSource::Rules => 4,
    }
}

/// One label of each account: the one that is believed most, of equals the newest.
pub(super) fn one_vote(labels: Vec<Learnable>) -> Vec<Learnable> {
    let mut best: HashMap<AccountId, Learnable> = HashMap::new();
    for label in labels {
        let order =
            |label: &Learnable| (rank(label.source), std::cmp::Reverse((label.at, label.id)));
        match best.get(&label.account) {
            Some(known) if order(known) <= order(&label) => {}
            _ => {
                best.insert(label.account, label);
            }
        }
    }
    let mut all: Vec<Learnable> = best.into_values().collect();
    all.sort_unstable_by_key(|label| label.id);
    all
}

/// The values of a stored vector; `None` if it is not one of this schema.
pub(crate) fn values(features: &str) -> Option<Vec<f32>> {
    let all: Vec<Option<f32>> = serde_json::from_str(features).ok()?;
    let values: Vec<f32> = all
        .into_iter()
        .map(|value| value.unwrap_or(f32::NAN))
        .collect();
    (values.len() == SCHEMA.columns().len()).then_some(values)
}

/// Rows to learn from; labels whose account or vector is gone are left out.
pub(super) fn rows(labels: &[Learnable], owners: &HashMap<AccountId, UserId>) -> Vec<Row> {
    let row = |label: &Learnable| {
        let owner = owners.get(&label.account)?;
        Some(Row {
            values: values(&label.features)?,
            is_bot: label.is_bot,
            group: u64::try_from(owner.0).ok()?,
            at: label.at.0,
            weight: narrow(label.weight.value()),
            is_judge: label.source != LabelSource::Rules,
            is_presumed: false,
            by_rules: label.by_rules.map(crate::Probability::value),
        })
    };
    labels.iter().filter_map(row).collect()
}

/// Rows of members whom nobody suspects. Left out is who is the same person as somebody of whom more is said than that the rules
/// take them for a person.
pub(super) fn presumed(
    drawn: &[Newest],
    labelled: &[Row],
    owners: &HashMap<AccountId, UserId>,
) -> Vec<Row> {
    let said = labelled.iter().filter(|row| row.is_judge || row.is_bot);
    let people: HashSet<u64> = said.map(|row| row.group).collect();
    let row = |one: &Newest| {
        let owner = owners.get(&AccountId(one.account_id))?;
        Some(Row {
            values: values(&one.features)?,
            is_bot: false,
            group: u64::try_from(owner.0).ok()?,
            at: one.at,
            weight: narrow(1.0 / OWN_LABEL),
            is_judge: false,
            is_presumed: true,
            by_rules: None,
        })
    };
    let rows = drawn.iter().filter_map(row);
    rows.filter(|row| !people.contains(&row.group)).collect()
}

#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a weight of 0 to 1"
)]
const fn narrow(weight: f64) -> f32 {
    weight as f32
}

/// What there is of each source: bots and people.
pub(super) fn counts(labels: &[Learnable]) -> BTreeMap<&'static str, [u32; 2]> {
    let mut counts: BTreeMap<&'static str, [u32; 2]> = BTreeMap::new();
    for label in labels {
        let [bots, people] = counts.entry(label.source.as_str()).or_default();
        *(if label.is_bot { bots } else { people }) += 1;
    }
    counts
}

/// The rows as they are kept: packed lines of JSON, the first of which says what they are. Accounts and people are numbered
/// anew.
pub(super) fn snapshot(
    labels: &[Learnable],
    presumed: &[Row],
    owners: &HashMap<AccountId, UserId>,
    day: &str,
) -> std::io::Result<Vec<u8>> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    let communities: HashSet<i32> = labels.iter().map(|label| label.community.0).collect();
    let head = json!({
        "schema": SCHEMA.hash(), "columns": SCHEMA.names(), "day": day, "rows": labels.len(),
        "presumed": presumed.len(), "communities": communities.len(), "sources": counts(labels),
    });
    writeln!(out, "{head}")?;
    let mut people: HashMap<i64, usize> = HashMap::new();
    let mut numbered = |person: i64| {
        let next = people.len();
        *people.entry(person).or_insert(next)
    };
    for label in labels {
        let Some(owner) = owners.get(&label.account) else {
            continue;
        };
        let group = numbered(i64::from(owner.0));
        let features: Value = serde_json::from_str(&label.features).unwrap_or(Value::Null);
        let line = json!({
            "group": group, "is_bot": label.is_bot, "source": label.source.as_str(),
            "weight": label.weight.value(), "n_messages": label.n_messages,
            "day": label.at.day().to_string(), "features": features,
        });
        writeln!(out, "{line}")?;
    }
    for row in presumed {
        let group = numbered(i64::try_from(row.group).unwrap_or(i64::MAX));
        let line = json!({
            "group": group, "is_bot": false, "source": PRESUMED, "weight": row.weight,
            "day": Timestamp(row.at).day().to_string(), "features": row.values,
        });
        writeln!(out, "{line}")?;
    }
    out.finish()
}

#[cfg(test)]
mod tests {
    use kernel::{CommunityId, Timestamp};

    use super::*;
    use crate::Probability;

    fn label(id: i64, account: i64, source: LabelSource, is_bot: bool) -> Learnable {
        Learnable {
            id,
            community: CommunityId(1),
            account: AccountId(account),
            is_bot,
            source,
            weight: Probability::percent(100),
            features: format!("[{}]", vec!["null"; SCHEMA.columns().len()].join(",")),
            n_messages: 12,
            at: Timestamp(id),
            by_rules: None,
        }
    }

    #[test]
    fn of_several_labels_of_an_account_the_most_believed_counts_and_of_equals_the_newest() {
        let all = vec![
            label(1, 7, LabelSource::Rules, true),
            label(2, 7, LabelSource::Review, false),
            label(3, 7, LabelSource::List, true),
            label(4, 8, LabelSource::Review, true),
            label(5, 8, LabelSource::Review, false),
            label(6, 9, LabelSource::Rules, true),
        ];
        let left: Vec<(i64, bool)> = one_vote(all)
            .iter()
            .map(|one| (one.id, one.is_bot))
            .collect();
        assert_eq!(left, [(2, false), (5, false), (6, true)]);
    }

    #[test]
    fn what_is_no_vector_of_this_schema_is_left_out() {
        let whole = label(1, 7, LabelSource::Review, true);
        assert!(values(&whole.features).is_some_and(|values| values.iter().all(|v| v.is_nan())));
        for broken in ["", "[1]", "{}", "[\"a\"]"] {
            assert_eq!(values(broken), None, "{broken}");
        }
        let owners = HashMap::from([(AccountId(7), UserId(3))]);
        let gone = label(2, 8, LabelSource::Review, false);
        let rows = rows(&[whole, gone], &owners);
        assert_eq!(rows.len(), 1, "an account that was erased");
        assert!(rows[0].is_judge && rows[0].group == 3);
    }

    #[test]
    fn nobody_is_presumed_to_be_a_person_who_has_a_label_by_another_account() {
        let features = label(1, 7, LabelSource::Review, true).features;
        let one = |account_id: i64| Newest {
            account_id,
            rule_ppm: 0,
            features: features.clone(),
            n_messages: 12,
            at: 5,
        };
        let owners = HashMap::from([
            (AccountId(7), UserId(3)),
            (AccountId(8), UserId(3)),
            (AccountId(9), UserId(4)),
        ]);
        let labelled = rows(&[label(1, 7, LabelSource::Review, true)], &owners);
        let found = presumed(&[one(8), one(9), one(10)], &labelled, &owners);
        assert_eq!(found.len(), 1, "the same person, and one who was erased");
        let [row] = &found[..] else { panic!("one") };
        assert!(row.is_presumed && !row.is_judge && !row.is_bot && row.group == 4);
        assert!((row.weight - 0.05).abs() < 1e-6);
    }

    #[test]
    fn a_snapshot_says_what_it_is_and_holds_no_id() {
        use std::io::Read as _;
        let labels = [
            label(4, 70_707, LabelSource::Review, true),
            label(5, 80_808, LabelSource::Rules, false),
        ];
        let owners = HashMap::from([
            (AccountId(70_707), UserId(909_091)),
            (AccountId(80_808), UserId(909_092)),
        ]);
        let bytes = snapshot(&labels, &[], &owners, "2026-06-01").unwrap();
        let mut text = String::new();
        flate2::read::GzDecoder::new(bytes.as_slice())
            .read_to_string(&mut text)
            .unwrap();
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0]["sources"]["review"], json!([1, 0]));
        assert_eq!(
            [&lines[1]["group"], &lines[2]["group"]],
            [&json!(0), &json!(1)]
        );
        for id in ["70707", "80808", "909091"] {
            assert!(!text.contains(id), "{id}");
        }
    }
}
