//! Labels that somebody brings along: a file that says of accounts which are known here whether they are bots.
//!
//! Must never make an account, nor overrule what a moderator said: of several labels a review counts.

use std::collections::{BTreeMap, HashMap};

use ::store::audit::Entry;
use kernel::{AccountId, Actor, CommunityId, Permission, Platform};
use serde_json::json;

use crate::{
    Bots, BotsError, LIST_TEXT_MAX, LabelSource, Probability, Rejected,
    features::SCHEMA,
    store::{self as tables, label as table},
};

/// The header of the file.
const HEADER: &str = "platform,user_id,is_bot";
/// The most labels in a file.
const LABELS_MAX: usize = 50_000;
/// Rejected lines that are told.
const REJECTED_SHOWN: usize = 20;
/// How much of a rejected line is shown, in characters.
const SHOWN_MAX: usize = 40;

/// What an import of labels did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ImportedLabels {
    /// Labels that are there now and can be learned from.
    pub n_taken: u32,
    /// Of accounts that are known and were not scored yet: they are learned from as soon as they are.
    pub n_waiting: u32,
    /// Lines about accounts that are not known here.
    pub n_unknown: u32,
    /// Lines that are no labels: how many.
    pub n_rejected: u32,
    /// The first of them.
    pub rejected: Vec<Rejected>,
}

#[derive(Debug, Default)]
struct Read {
    labels: BTreeMap<(Platform, String), bool>,
    rejected: Vec<Rejected>,
}

fn line(text: &str) -> Option<((Platform, String), bool)> {
    let fields: Vec<&str> = text.split(',').map(str::trim).collect();
    // What stands behind, such as the group of the evaluation's labels, is not needed.
    let [platform, user, is_bot, ..] = fields.as_slice() else {
        return None;
    };
    let is_bot = match *is_bot {
        "1" | "true" => true,
        "0" | "false" => false,
        _ => return None,
    };
    let fits = !user.is_empty() && user.len() <= 255;
    let platform = platform.parse().ok().filter(|_| fits)?;
    Some(((platform, (*user).to_owned()), is_bot))
}

fn read(text: &str) -> Result<Read, BotsError> {
    if text.len() > LIST_TEXT_MAX {
        return Err(BotsError::invalid("text", "the file is too large"));
    }
    let mut lines = text.trim_start_matches('\u{feff}').lines().zip(1..);
    let header = lines.next().map_or("", |(line, _)| line.trim());
    if header != HEADER && !header.starts_with(&format!("{HEADER},")) {
        return Err(BotsError::invalid(
            "text",
            format!("the first line must be `{HEADER}`"),
        ));
    }
    let mut read = Read::default();
    for (text, number) in lines.filter(|(line, _)| !line.trim().is_empty()) {
        match line(text) {
            // Two lines that contradict each other say nothing.
            Some((who, is_bot)) if read.labels.get(&who).is_none_or(|known| *known == is_bot) => {
                read.labels.insert(who, is_bot);
            }
            _ => read.rejected.push(Rejected {
                line: number,
                beginning: text.chars().take(SHOWN_MAX).collect(),
            }),
        }
        if read.labels.len() > LABELS_MAX {
            return Err(BotsError::invalid(
                "text",
                format!("a file has at most {LABELS_MAX} labels"),
            ));
        }
    }
    if read.labels.is_empty() {
        return Err(BotsError::invalid("text", "there is no label in it"));
    }
    Ok(read)
}

impl Bots {
    /// Takes labels of accounts of a community from a file: `platform,user_id,is_bot`, the id being the platform's. The
    /// same file again changes nothing.
    pub async fn import_labels(
        &self,
        actor: &Actor,
        community: CommunityId,
        text: &str,
    ) -> Result<ImportedLabels, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        if !matches!(self.identity.community(actor, community).await, Ok(Some(_))) {
            return Err(BotsError::NotFound);
        }
        let read = read(text)?;
        let mut labels: BTreeMap<AccountId, bool> = BTreeMap::new();
        for platform in Platform::ALL {
            let own = read.labels.iter().filter(|((of, _), _)| *of == platform);
            let own: HashMap<&str, bool> = own
                .map(|((_, id), is_bot)| (id.as_str(), *is_bot))
                .collect();
            let ids: Vec<&str> = own.keys().copied().collect();
            for (id, account) in identity::accounts_called(self.db.read(), platform, &ids).await? {
                if let Some(is_bot) = own.get(id.as_str()) {
                    labels.insert(account, *is_bot);
                }
            }
        }
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let mut done = ImportedLabels {
            n_unknown: number(read.labels.len() - labels.len()),
            n_rejected: number(read.rejected.len()),
            rejected: read.rejected.into_iter().take(REJECTED_SHOWN).collect(),
            ..ImportedLabels::default()
        };
        let mut work = self.begin(actor).await?;
        let now = work.now();
        for (account, is_bot) in labels {
            let seat = (community, account);
            let known = tables::prediction::newest_of(work.conn(), seat, SCHEMA.hash()).await?;
            match &known {
                Some(_) => done.n_taken += 1,
                None => done.n_waiting += 1,
            }
            let label = table::New {
                seat,
                is_bot,
                source: LabelSource::Imported,
                weight: Probability::percent(100),
                review: None,
                // Without a vector it belongs to no schema until there is one.
                schema_hash: known.as_ref().map_or("", |_| SCHEMA.hash()),
                features: known.as_ref().map_or("[]", |known| known.features.as_str()),
                n_messages: known.as_ref().map_or(0, |known| known.n_messages),
                at: now,
            };
            table::put_unless_same(work.conn(), &label).await?;
        }
        work.audit(Entry {
            action: "bots.labels.import",
            object: format!("community:{community}"),
            community: Some(community),
            detail: json!({
                "taken": done.n_taken, "waiting": done.n_waiting, "unknown": done.n_unknown,
                "rejected": done.n_rejected,
            }),
        });
        work.commit().await?;
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_labels_or_contradict_each_other_are_told_and_the_rest_is_taken() {
        let text = "\u{feff}platform,user_id,is_bot,account_group\ntwitch,1,1,a\n\ndiscord,2,false\nnowhere,3,1\n\
                    twitch,4,maybe\ntwitch,1,0\ntwitch,1,true,b\ntwitch,,1\n";
        let read = read(text).unwrap();
        let all: Vec<(&str, bool)> = read
            .labels
            .iter()
            .map(|((_, id), is_bot)| (id.as_str(), *is_bot))
            .collect();
        assert_eq!(all.len(), 2);
        assert!(all.contains(&("1", true)) && all.contains(&("2", false)));
        let lines: Vec<u32> = read.rejected.iter().map(|rejected| rejected.line).collect();
        assert_eq!(lines, [5, 6, 7, 9]);
    }

    #[test]
    fn a_file_without_the_header_or_without_labels_is_refused() {
        for text in [
            "",
            "twitch,1,1\n",
            "platform,user_id,is_bot\n",
            "platform,user_id,is_bot\nx\n",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
