//! What people and channels are called, remembered for an hour. Asked once however many wait for it,
//! and nobody waits longer than [`PATIENCE`]: an event is worth more than its author's name.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kernel::{Account, Clock, Origin, Role, Timestamp};
use slack_morphism::{SlackUser, api::SlackApiUsersListRequest};
use tokio::sync::watch;

use super::Core;

/// The longest wait for a name.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How long a name is believed.
const GOOD_FOR: Duration = Duration::from_secs(3_600);
/// How long after a failure nobody asks again.
const PAUSE: Duration = Duration::from_secs(60);
/// Names remembered; beyond that the old ones go, then all.
const NAMES_MAX: usize = 50_000;
/// How long a request for a name may wait for its turn, behind the scenes.
const TURN: Duration = Duration::from_secs(30);
/// Requests for names under way at most; beyond that nobody is asked.
const ASKING_MAX: usize = 200;
/// With so many under way the answer will be late anyway, so nobody waits for it.
const WAITING_MAX: usize = 50;
/// Pages of people read in advance, 200 each.
const PAGES_MAX: usize = 20;

/// What is known of somebody or of a channel.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct Known {
    /// Empty if unknown.
    name: String,
    is_bot: bool,
    runs_the_place: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    User(String, String),
    Channel(String, String),
}

enum Entry {
    /// Known, or known to be unknown, since then.
    There(Option<Known>, Timestamp),
    /// Being asked for.
    Asked(watch::Receiver<Reply>),
}

/// What became of a question.
#[derive(Clone, Debug, Default)]
enum Reply {
    #[default]
    Open,
    Known(Known),
    Unknown,
}

impl Reply {
    fn known(&self) -> Option<Known> {
        match self {
            Self::Known(known) => Some(known.clone()),
            Self::Open | Self::Unknown => None,
        }
    }
}

/// The names.
pub(super) struct Names {
    entries: Mutex<HashMap<Key, Entry>>,
    n_asked: AtomicUsize,
    clock: Arc<dyn Clock>,
}

impl Names {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            entries: Mutex::default(),
            n_asked: AtomicUsize::new(0),
            clock,
        }
    }

    fn put(&self, key: Key, known: Option<Known>) {
        let now = self.clock.now();
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() >= NAMES_MAX {
            entries.retain(|_, entry| match entry {
                Entry::There(_, since) => now.since(*since) < GOOD_FOR / 2,
                Entry::Asked(_) => true,
            });
            if entries.len() >= NAMES_MAX {
                entries.clear();
            }
        }
        entries.insert(key, Entry::There(known, now));
    }
}

/// What to do about a name.
enum Next {
    Take(Option<Known>),
    Wait(watch::Receiver<Reply>),
    Ask(watch::Sender<Reply>),
}

impl Core {
    fn next(&self, key: &Key) -> Next {
        let now = self.clock.now();
        let mut entries = self
            .names
            .entries
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match entries.get(key) {
            Some(Entry::There(known, since)) => {
                let good_for = if known.is_some() { GOOD_FOR } else { PAUSE };
                if now.since(*since) < good_for {
                    return Next::Take(known.clone());
                }
            }
            Some(Entry::Asked(answer)) if answer.has_changed().is_ok() => {
                return Next::Wait(answer.clone());
            }
            // Whoever asked is gone.
            Some(Entry::Asked(_)) | None => {}
        }
        if self.names.n_asked.load(Ordering::Relaxed) >= ASKING_MAX {
            return Next::Take(None);
        }
        let (answer, waiting) = watch::channel(Reply::Open);
        entries.insert(key.clone(), Entry::Asked(waiting));
        Next::Ask(answer)
    }

    /// What is known, asked for if need be.
    async fn known(self: &Arc<Self>, key: Key) -> Option<Known> {
        let mut answer = match self.next(&key) {
            Next::Take(known) => return known,
            Next::Wait(answer) => answer,
            Next::Ask(answer) => {
                let waiting = answer.subscribe();
                let core = Arc::clone(self);
                let n_asked = self.names.n_asked.fetch_add(1, Ordering::Relaxed);
                // Goes on when nobody waits any more: the next one needs it too.
                tokio::spawn(async move {
                    let known = core.ask(&key).await;
                    core.names.n_asked.fetch_sub(1, Ordering::Relaxed);
                    core.names.put(key, known.clone());
                    answer.send_replace(known.map_or(Reply::Unknown, Reply::Known));
                });
                if n_asked >= WAITING_MAX {
                    return None;
                }
                waiting
            }
        };
        let waiting = answer.wait_for(|reply| !matches!(reply, Reply::Open));
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(Ok(reply)) => reply.known(),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    async fn ask(&self, key: &Key) -> Option<Known> {
        let answer = match key {
            Key::User(team, user) => self.user(team, user, TURN).await.map(|user| about(&user)),
            Key::Channel(team, channel) => {
                let name = self.channel_name(team, channel, TURN).await;
                name.map(|name| Known {
                    name,
                    ..Known::default()
                })
            }
        };
        answer
            .inspect_err(|error| tracing::debug!(error = %error, "a name was not found out"))
            .ok()
    }

    /// Fills in who somebody is. An account without an id of a user (another app) is left alone.
    pub(super) async fn introduce(self: &Arc<Self>, team: &str, account: &mut Account) {
        if !account.platform_user_id.starts_with(['U', 'W']) {
            return;
        }
        let key = Key::User(team.to_owned(), account.platform_user_id.clone());
        if let Some(known) = self.known(key).await {
            if !known.name.is_empty() {
                account.username = known.name;
            }
            account.is_bot |= known.is_bot;
            if known.runs_the_place {
                account.standing = Some(Role::Moderator);
            }
        }
    }

    /// Fills in what a channel is called.
    pub(super) async fn locate(self: &Arc<Self>, origin: &mut Origin) {
        if !origin.channel_name.is_empty() || !origin.channel.starts_with(['C', 'G']) {
            return;
        }
        let key = Key::Channel(origin.server.clone(), origin.channel.clone());
        if let Some(known) = self.known(key).await {
            origin.channel_name = known.name;
        }
    }

    /// Reads the people of a workspace in advance, so that few must be asked for one by one.
    pub(super) async fn meet(self: Arc<Self>, team: String) {
        let mut request = SlackApiUsersListRequest::new().with_limit(200);
        for _ in 0..PAGES_MAX {
            let page = match self.users(&team, &request, Duration::from_secs(60)).await {
                Ok(page) => page,
                Err(error) => {
                    tracing::debug!(error = %error, "the people were not read in advance");
                    return;
                }
            };
            for user in &page.members {
                let key = Key::User(team.clone(), user.id.0.clone());
                self.names.put(key, Some(about(user)));
            }
            let cursor = page
                .response_metadata
                .and_then(|metadata| metadata.next_cursor)
                .filter(|cursor| !cursor.0.is_empty());
            match cursor {
                Some(cursor) => request = request.with_cursor(cursor),
                None => return,
            }
        }
    }
}

/// What Slack says of somebody: the name they chose, else their real one, else their handle.
fn about(user: &SlackUser) -> Known {
    let profile = user.profile.as_ref();
    let names = [
        profile.and_then(|profile| profile.display_name.as_deref()),
        profile.and_then(|profile| profile.real_name.as_deref()),
        user.real_name.as_deref(),
        user.name.as_deref(),
    ];
    let name = names
        .into_iter()
        .flatten()
        .find(|name| !name.trim().is_empty())
        .unwrap_or_default();
    let yes = |flag: Option<bool>| flag == Some(true);
    Known {
        name: name.to_owned(),
        is_bot: yes(user.flags.is_bot),
        runs_the_place: yes(user.flags.is_admin)
            || yes(user.flags.is_owner)
            || yes(user.flags.is_primary_owner),
    }
}
