//! The lists of an export: who has which name, which folder is which channel, and which folders
//! are private conversations.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;

use super::tree::{Entry, Tree};
use crate::format::{
    Fatal,
    elements::{Element, Elements, ScanError},
    input::Consumed,
    loose::Id,
    reject::fatal,
};

/// Files that only an export has at its top.
pub(super) const IS_SIGN: [&str; 3] = ["users.json", "org_users.json", "channels.json"];

/// One user or channel: a large channel's list of members is long.
const ENTRY_BYTES_MAX: usize = 16 << 20;
/// Users whose names are kept; further ones are shown by their id.
const USERS_MAX: usize = 1_000_000;

/// What a list says about a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct User {
    pub(super) name: String,
    pub(super) is_bot: bool,
}

/// The lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    users: HashMap<String, User>,
    /// Folder name (which is the channel's name) to channel id.
    channels: HashMap<String, String>,
    direct: HashSet<String>,
    /// The workspace's id, as most users have it.
    pub(super) team: String,
}

#[derive(Deserialize)]
struct UserRow {
    id: Option<Id>,
    team_id: Option<Id>,
    name: Option<String>,
    real_name: Option<String>,
    is_bot: Option<bool>,
    profile: Option<Profile>,
}

/// The names a user has given; also embedded in newer messages.
#[derive(Deserialize)]
pub(super) struct Profile {
    pub(super) display_name: Option<String>,
    pub(super) real_name: Option<String>,
    pub(super) name: Option<String>,
}

#[derive(Deserialize)]
struct ChannelRow {
    id: Option<Id>,
    name: Option<String>,
}

impl Lists {
    /// Reads the lists below `root`. A list that is absent is empty; one that is broken is an
    /// error, because without it direct messages could not be told from channels.
    pub(super) fn read(tree: &Tree, entries: &[Entry], root: &str) -> Result<Self, Fatal> {
        let mut lists = Self::default();
        let mut teams: BTreeMap<String, u64> = BTreeMap::new();
        for name in ["users.json", "org_users.json"] {
            each(tree, entries, root, name, |json| {
                if let Ok(row) = serde_json::from_slice::<UserRow>(json) {
                    lists.add_user(row, &mut teams);
                }
            })?;
        }
        lists.team = teams
            .into_iter()
            .max_by(|a, b| a.1.cmp(&b.1).then_with(|| b.0.cmp(&a.0)))
            .map(|(team, _)| team)
            .unwrap_or_default();
        for name in ["channels.json", "groups.json"] {
            each(tree, entries, root, name, |json| {
                if let Ok(ChannelRow {
                    id: Some(id),
                    name: Some(name),
                }) = serde_json::from_slice(json)
                {
                    lists.channels.insert(name, id.0);
                }
            })?;
        }
        for name in ["dms.json", "mpims.json"] {
            each(tree, entries, root, name, |json| {
                if let Ok(row) = serde_json::from_slice::<ChannelRow>(json) {
                    lists.direct.extend(row.id.map(|id| id.0));
                    lists.direct.extend(row.name);
                }
            })?;
        }
        Ok(lists)
    }

    fn add_user(&mut self, row: UserRow, teams: &mut BTreeMap<String, u64>) {
        let Some(Id(id)) = row.id else { return };
        if let Some(Id(team)) = row.team_id
            && (teams.contains_key(&team) || teams.len() < 1_000)
        {
            *teams.entry(team).or_default() += 1;
        }
        if self.users.len() >= USERS_MAX {
            return;
        }
        let from_profile = row.profile.and_then(Profile::best);
        let name = from_profile
            .or_else(|| row.real_name.filter(|name| !name.is_empty()))
            .or(row.name)
            .unwrap_or_default();
        let is_bot = row.is_bot.unwrap_or(false) || id == "USLACKBOT";
        self.users.insert(id, User { name, is_bot });
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.get(id)
    }

    /// The id of the channel a folder belongs to.
    pub(super) fn channel(&self, folder: &str) -> Option<&str> {
        self.channels.get(folder).map(String::as_str)
    }

    /// Whether a folder holds a private conversation.
    pub(super) fn is_direct(&self, folder: &str) -> bool {
        self.direct.contains(folder)
    }
}

impl Profile {
    /// The name people see.
    pub(super) fn best(self) -> Option<String> {
        [self.display_name, self.real_name, self.name]
            .into_iter()
            .flatten()
            .find(|name| !name.trim().is_empty())
    }
}

/// Calls `take` with each element of a list.
fn each(
    tree: &Tree,
    entries: &[Entry],
    root: &str,
    name: &str,
    mut take: impl FnMut(&[u8]),
) -> Result<(), Fatal> {
    let wanted = format!("{root}{name}");
    let Some(entry) = entries.iter().find(|entry| entry.name == wanted) else {
        return Ok(());
    };
    let bytes = tree.read(entry, &Consumed::default())?;
    let mut elements = Elements::of_document(bytes, ENTRY_BYTES_MAX);
    let mut buffer = Vec::new();
    let mut number = 0;
    loop {
        number += 1;
        match elements.next(&mut buffer) {
            Ok(None) => return Ok(()),
            Ok(Some(Element::Whole)) => take(&buffer),
            Ok(Some(Element::TooLong(_))) => {}
            Err(ScanError::Io(source)) => return Err(fatal(name, source)),
            Err(ScanError::CutOff) => {
                return Err(Fatal::CutOff {
                    place: name.to_owned(),
                    number,
                });
            }
            Err(ScanError::Structure { offset, what }) => {
                return Err(Fatal::Structure {
                    place: name.to_owned(),
                    what,
                    offset,
                });
            }
        }
    }
}
