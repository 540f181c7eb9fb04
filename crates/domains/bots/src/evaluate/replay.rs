//! Goes through a folder in the order of time, as ingest would have, and gives the signals of every account at several
//! moments of its life.
//!
//! Must never look ahead: a vector is made of what had been said until then. Only the norms and the size of the community are
//! those of the whole folder, as they would be by night.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use kernel::Timestamp;

use crate::{
    features::{
        Account, Community, Digest, ENOUGH_MESSAGES, Message, Norms, Scene, State, Vector, mark,
    },
    rules,
};

use super::read::{Key, Label, Line, ReadError, read};

/// Messages after which the first moments are taken; then after every fifty.
const EARLY: [u32; 4] = [5, 10, 20, 35];

/// No moments of an account after so many messages, but for the latest.
const LATE: u32 = 1_000;

/// One account of a folder.
#[derive(Debug, Clone)]
pub struct Case {
    /// The folder.
    pub source: usize,
    /// A number for the account.
    pub account: u64,
    /// A number for its group.
    pub group: u64,
    /// The platform's id of it.
    pub user_id: String,
    /// Whether it is a bot; `None` if nobody knows.
    pub is_bot: Option<bool>,
    /// How much it has said.
    pub n_messages: u32,
    /// Its moments, the latest last; never empty.
    pub moments: Vec<Vector>,
    /// What the rules say of it in the end, 0 to 100.
    pub rule_score: f64,
}

impl Case {
    /// The moment it is judged by.
    pub fn latest(&self) -> Option<&Vector> {
        self.moments.last()
    }
}

/// A folder, gone through.
#[derive(Debug, Clone)]
pub struct Replayed {
    /// The folder's name.
    pub name: String,
    /// Messages in it.
    pub n_messages: usize,
    /// Accounts in it, in the order of their ids.
    pub cases: Vec<Case>,
    /// What is usual in it.
    pub norms: Norms,
    /// Whether it has labels.
    pub is_labelled: bool,
}

/// An account while the folder is gone through.
#[derive(Default)]
struct Life {
    state: State,
    account: Account,
    /// Messages in each community: it belongs to the one with most.
    homes: HashMap<usize, u32>,
    moments: Vec<(Vector, usize)>,
}

/// Goes through a folder; `source` is its number.
///
/// # Errors
/// [`ReadError`] with file and line.
pub fn replay(dir: &Path, source: usize) -> Result<Replayed, ReadError> {
    let folder = read(dir)?;
    let mut homes: HashMap<&str, usize> = HashMap::new();
    let mut scenes: Vec<Scene> = Vec::new();
    let mut digests: Vec<(Digest, usize)> = Vec::with_capacity(folder.lines.len());
    for line in &folder.lines {
        let home = *homes.entry(line.community.as_str()).or_insert(scenes.len());
        if home == scenes.len() {
            scenes.push(Scene::new());
        }
        if let Some(scene) = scenes.get_mut(home) {
            digests.push((hear(scene, line), home));
        }
    }
    let span = match (folder.lines.first(), folder.lines.last()) {
        (Some(first), Some(last)) => last.sent_at_ms.saturating_sub(first.sent_at_ms),
        _ => 0,
    };
    let hours: Vec<[f32; 24]> = scenes.iter().map(Scene::hours).collect();
    let speakers = folder.lines.iter();
    let members: HashSet<(&str, &str)> = speakers
        .map(|line| (line.platform.as_str(), line.user_id.as_str()))
        .collect();
    let community = Community {
        members: u32::try_from(members.len()).unwrap_or(u32::MAX),
        messages_per_day: a_day(folder.lines.len(), span),
        ..Community::default()
    };
    let mut lives: HashMap<Key, Life> = HashMap::new();
    for (line, (digest, home)) in folder.lines.iter().zip(&digests) {
        let life = lives
            .entry((line.platform.clone(), line.user_id.clone()))
            .or_default();
        life.state.observe(digest);
        *life.homes.entry(*home).or_default() += 1;
        life.account.created_at = line.account_created_at_ms.map(Timestamp::from_millis);
        let n = life.state.total();
        if EARLY.contains(&n) || n.is_multiple_of(50) && n <= LATE {
            let vector = measure(life, &hours, &community);
            life.moments.push((vector, life.state.kept()));
        }
    }
    let mut found: Vec<(Key, Life)> = lives.into_iter().collect();
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    let latest: Vec<Vector> = found
        .iter()
        .map(|(_, life)| measure(life, &hours, &community))
        .collect();
    let norms = Norms::of(
        found
            .iter()
            .zip(&latest)
            .filter(|((_, life), _)| life.state.total() >= ENOUGH_MESSAGES)
            .map(|(_, vector)| vector),
    );
    let cases = found
        .into_iter()
        .zip(latest)
        .map(|((key, life), latest)| {
            let label = folder.labels.as_ref().and_then(|labels| labels.get(&key));
            case(source, &key, &life, &latest, label, &norms)
        })
        .collect();
    Ok(Replayed {
        name: folder.name,
        n_messages: folder.lines.len(),
        cases,
        norms,
        is_labelled: folder.labels.is_some(),
    })
}

fn hear(scene: &mut Scene, line: &Line) -> Digest {
    scene.hear(
        mark(&line.user_id),
        &Message {
            text: &line.text,
            sent_at: line.sent_at(),
            channel: mark(&line.channel),
            n_mentions: line.mentions,
            n_embeds: line.embeds,
            is_reply: line.reply_to.is_some(),
        },
    )
}

fn measure(life: &Life, hours: &[[f32; 24]], community: &Community) -> Vector {
    let home = life
        .homes
        .iter()
        .max_by_key(|(home, n)| (**n, **home))
        .map_or(0, |(home, _)| *home);
    let community = Community {
        hours: hours.get(home).copied().unwrap_or([f32::NAN; 24]),
        ..community.clone()
    };
    let now = life.state.last_at().unwrap_or_default();
    life.state.vector(now, &life.account, &community)
}

fn a_day(n: usize, span_millis: i64) -> f32 {
    let days = (span_millis / 86_400_000).max(1);
    let n = u32::try_from(n).unwrap_or(u32::MAX);
    let days = u32::try_from(days).unwrap_or(u32::MAX);
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "messages a day need no more digits"
    )]
    let a_day = (f64::from(n) / f64::from(days)) as f32;
    a_day
}

fn case(
    source: usize,
    key: &Key,
    life: &Life,
    latest: &Vector,
    label: Option<&Label>,
    norms: &Norms,
) -> Case {
    let (platform, user_id) = key;
    let kept = life.state.kept();
    let mut moments: Vec<Vector> = life
        .moments
        .iter()
        .map(|(vector, kept)| vector.against(norms, *kept))
        .collect();
    moments.push(latest.against(norms, kept));
    Case {
        source,
        account: mark(&format!("{platform}/{user_id}")),
        group: mark(label.map_or(user_id, |label| label.group.as_str())),
        user_id: user_id.clone(),
        is_bot: label.map(|label| label.is_bot),
        n_messages: life.state.total(),
        moments,
        rule_score: rules::judge(&life.state.facts(), &life.account).score,
    }
}
