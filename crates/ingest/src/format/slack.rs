//! Slack's official export: lists of users and channels, and one JSON array per channel and day.
//! Direct messages that an export may contain are never read.

mod lists;
mod message;
mod tree;

use std::cmp::Ordering;

use kernel::{ChatEvent, Day};

use self::{
    lists::Lists,
    message::Context,
    tree::{Entry, Tree},
};
use super::{
    Fatal, InputFile, OpenError, Options, Reader, RejectReason,
    documents::{Documents, Part, Shape},
    elements::Elements,
    input::Consumed,
    time::iso_day,
};

pub(super) use tree::{is_export_dir, is_export_zip};

pub(super) fn open(
    input: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader + Send>, OpenError> {
    let mut tree = Tree::open(&input.path, &options.limits)?;
    let entries = tree.take_entries();
    let root = root(&entries).ok_or_else(|| OpenError::NotThisFormat {
        path: input.path.clone(),
        format: input.format,
        what: "it has neither users.json nor channels.json".to_owned(),
    })?;
    let lists = Lists::read(&tree, &entries, &root).map_err(|source| OpenError::Lists {
        path: input.path.clone(),
        source,
    })?;

    let mut n_skipped_direct = 0;
    let mut days = Vec::new();
    for entry in entries {
        let Some((folder, day)) = day_file(&entry.name, &root) else {
            continue;
        };
        if lists.is_direct(folder) {
            n_skipped_direct += 1;
            continue;
        }
        let folder = folder.to_owned();
        days.push(DayFile { folder, day, entry });
    }
    // Popped from the end: the latest comes first here. A folder without a channel is one entry,
    // so that it is reported once.
    days.sort_by(|a, b| b.order(a));
    let (mut known, unknown): (Vec<_>, Vec<_>) = days
        .into_iter()
        .partition(|day| lists.channel(&day.folder).is_some());
    let mut unknown: Vec<String> = unknown.into_iter().map(|day| day.folder).collect();
    unknown.sort_unstable();
    unknown.dedup();
    known.shrink_to_fit();

    let total_bytes = known.iter().map(|day| day.entry.bytes).sum();
    let consumed = Consumed::default();
    let export = Export {
        tree,
        days: known,
        unknown,
        n_skipped_direct,
        context: Context::new(lists),
        consumed: consumed.clone(),
        limit: options.limits.record_bytes_max,
    };
    Ok(Box::new(Documents::new(
        export,
        options,
        input.path.display().to_string(),
        consumed,
        total_bytes,
    )))
}

/// The folder the lists are in, with a slash at its end; empty if they are at the top.
fn root(entries: &[Entry]) -> Option<String> {
    entries
        .iter()
        .filter_map(|entry| {
            let (folder, name) = split(&entry.name);
            lists::IS_SIGN.contains(&name).then(|| folder.to_owned())
        })
        .min_by(|a, b| a.len().cmp(&b.len()).then_with(|| a.cmp(b)))
}

/// `general/2024-05-01.json` below the root: the folder and the day.
fn day_file<'a>(name: &'a str, root: &str) -> Option<(&'a str, Day)> {
    let (folder, file) = name.strip_prefix(root)?.split_once('/')?;
    let day = iso_day(file.strip_suffix(".json")?)?;
    (!folder.is_empty()).then_some((folder, day))
}

/// A path's folder (with its slash) and last name.
fn split(name: &str) -> (&str, &str) {
    name.rfind('/')
        .and_then(|at| name.split_at_checked(at + 1))
        .unwrap_or(("", name))
}

struct DayFile {
    folder: String,
    day: Day,
    entry: Entry,
}

impl DayFile {
    fn order(&self, other: &Self) -> Ordering {
        (self.day, &self.folder).cmp(&(other.day, &other.folder))
    }
}

struct Export {
    tree: Tree,
    /// Latest first.
    days: Vec<DayFile>,
    unknown: Vec<String>,
    /// Days of direct messages that were passed over.
    n_skipped_direct: u64,
    context: Context,
    consumed: Consumed,
    limit: usize,
}

impl Shape for Export {
    fn next_part(&mut self) -> Result<Part, Fatal> {
        if let Some(folder) = self.unknown.pop() {
            return Ok(Part::Rejected {
                place: folder,
                reason: RejectReason::UnknownFolder,
            });
        }
        let Some(day) = self.days.pop() else {
            return Ok(Part::End);
        };
        self.context.enter(&day.folder);
        let bytes = self.tree.read(&day.entry, &self.consumed)?;
        Ok(Part::File {
            elements: Elements::of_document(bytes, self.limit),
            place: Some(format!("{}/{}.json", day.folder, day.day)),
        })
    }

    fn parse(&mut self, json: &str, events: &mut Vec<ChatEvent>) -> Result<(), RejectReason> {
        self.context.parse(json, events)
    }

    fn ignored_parts(&self) -> u64 {
        self.n_skipped_direct
    }
}

#[cfg(test)]
mod tests;
