//! Scoring everybody again, and making everything anew from the stored messages: in pages, each its own transaction, so
//! that it can be broken off at any time and others are let in between.
//!
//! Must never score by messages that the follower is just going through: both take turns.

use std::collections::{BTreeMap, HashMap};

use ::store::{
    StoreError, Work,
    job::{NewJob, Priority, enqueue_many},
};
use kernel::{AccountId, CommunityId, MessageId, Timestamp};
use serde_json::json;
use tokio::task::{JoinSet, yield_now};

use crate::{
    AlertKind, Bots,
    ahead::{Ahead, Page},
    cores,
    due::FIRST,
    features::State,
    follower::{CHUNK, FOLLOWER, make_anew},
    hearing::{Broken, Heard},
    looking::ask_to_look_around,
    outcome::{self, Candidate},
    phishing,
    scorer::Scorer,
    store::{
        alert, link, prediction,
        scene::{self, Row as SceneRow},
        score::{self, Scored},
        state::{self, Seat},
        viewer,
    },
};

/// The job that scores the accounts of the `community` it names again, with `night` after its norms were made anew. Without input it
/// begins the night.
pub const SCORE_JOB: &str = "bots.score";
/// How long whoever asked for it may take to commit.
const SLACK: std::time::Duration = std::time::Duration::from_secs(5);
/// How long predictions are kept, and how many of an account.
const KEPT: std::time::Duration = std::time::Duration::from_secs(365 * 86_400);
const KEPT_NEWEST: i64 = 20;
/// Removed at once, and accounts of which some are.
const SWEPT: i64 = 1_000;
const THINNED: i64 = 256;

/// Asks for the accounts of communities, or of all, to be scored by what judges them from now on: not only those that say
/// something, and not only by night, but within a minute or so. Each community is a job of its own, so that one that is broken off costs no other its turn.
pub(crate) async fn ask_to_score(
    work: &mut Work,
    communities: Option<&[CommunityId]>,
) -> Result<(), StoreError> {
    let some = match communities {
        Some(some) => some.to_vec(),
        None => scene::communities(work.conn()).await?,
    };
    let (minute, due_at) = after_this_minute(work.now());
    let again = |id: CommunityId| {
        let key = format!("again:{id}:{minute}");
        scoring(id).unique(key).due_at(due_at)
    };
    let jobs = some.into_iter().map(again).collect();
    enqueue_many(work, jobs).await?;
    Ok(())
}

/// When a job is due that is asked for now, and the minute that tells it from others. Whatever asks within the same minute asks for one
/// job, which begins after it: no change can be missed, and however often somebody changes their mind nobody is scored more than once a minute.
pub(crate) fn after_this_minute(now: Timestamp) -> (i64, Timestamp) {
    let minute = now.secs().div_euclid(60) + 1;
    (minute, Timestamp::from_secs(minute * 60).plus(SLACK))
}

fn scoring(community: CommunityId) -> NewJob {
    NewJob::new(SCORE_JOB, json!({ "community": community.0 })).community(community)
}

fn scoring_by_night(community: CommunityId) -> NewJob {
    let payload = json!({ "community": community.0, "night": true });
    NewJob::new(SCORE_JOB, payload)
        .community(community)
        .unique(format!("night:{community}"))
        .priority(Priority::Bulk)
}

/// Who is told how far it is: how many are done of how many. They are counted for nobody else.
pub type Told<'a> = Option<&'a mut (dyn FnMut(u64, u64) + Send)>;

impl Bots {
    /// Scores every account of a community with enough messages again; answers how many. For a job and for whoever runs
    /// the instance.
    pub async fn score_all(
        &self,
        community: CommunityId,
        mut told: Told<'_>,
    ) -> Result<u64, StoreError> {
        let all = match told {
            Some(_) => state::how_many(self.db.read(), community, FIRST).await?,
            None => 0,
        };
        let mut done = 0;
        let mut page = self.read_ahead(community, AccountId(0)).await?;
        loop {
            // Ends with this, if it is broken off.
            let mut reading = JoinSet::new();
            if let Some(last) = page.next() {
                let bots = self.clone();
                reading.spawn(async move { bots.read_ahead(community, last).await });
            }
            let (n, next) = self.score_page(community, page).await?;
            done += n;
            if let Some(told) = &mut told {
                told(done, all.max(done));
            }
            let Some(last) = next else {
                return Ok(done);
            };
            let ahead = match reading.join_next().await {
                Some(Ok(ahead)) => Some(ahead?),
                // It panicked: whoever reads again says why.
                Some(Err(_)) | None => None,
            };
            page = match ahead.filter(|ahead| ahead.is_after(last)) {
                Some(ahead) => ahead,
                None => self.read_ahead(community, last).await?,
            };
            // As below.
            yield_now().await;
        }
    }

    /// Scores the accounts of a page; answers how many, and which was the last if there may be more.
    async fn score_page(
        &self,
        community: CommunityId,
        ahead: Ahead,
    ) -> Result<(u64, Option<AccountId>), StoreError> {
        let scorer = self.scorer().await?;
        let mut work = self.begin(&FOLLOWER).await?;
        identity::hold_owners(&work).await?;
        scene::hold_progress(work.conn()).await?;
        let scenes = scene::of(work.conn(), &[community]).await?;
        let place = scenes.get(&community).filter(|row| !row.is_rebuilding);
        let Some(place) = place else {
            return Ok((0, None));
        };
        let Page { mut rows, next } = ahead.page(work.conn(), community, place.mark()).await?;
        // Who said less was scored in a burst, or is not yet.
        rows.retain(|(_, row)| row.n_messages >= FIRST || row.score.n > 0);
        let n = self.score_rows(&mut work, &scorer, &scenes, &rows).await?;
        work.commit().await?;
        Ok((n, next))
    }

    /// Scores accounts again at once, in the unit of work of what makes it necessary, which holds the progress. Those
    /// that are not scored yet, and communities that are made anew, are left out.
    pub(crate) async fn score_again(
        &self,
        work: &mut Work,
        scorer: &Scorer,
        communities: &[CommunityId],
        accounts: &[AccountId],
    ) -> Result<u64, StoreError> {
        let scenes = scene::of(work.conn(), communities).await?;
        let mut rows = state::of(work.conn(), communities, accounts).await?;
        rows.retain(|(seat, row)| {
            let is_ready = scenes.get(&seat.0).is_some_and(|row| !row.is_rebuilding);
            is_ready && row.score.n > 0
        });
        self.score_rows(work, scorer, &scenes, &rows).await
    }

    /// Scores accounts by their stored states and writes what is new; answers how many were scored.
    async fn score_rows(
        &self,
        work: &mut Work,
        scorer: &Scorer,
        scenes: &HashMap<CommunityId, SceneRow>,
        rows: &[(Seat, state::Row)],
    ) -> Result<u64, StoreError> {
        let hours: HashMap<CommunityId, [f32; 24]> = scenes
            .iter()
            .map(|(community, row)| (*community, row.hours()))
            .collect();
        let states = cores::each(rows, |(_, row)| State::from_bytes(&row.state));
        let mut broken = Broken::default();
        for ((seat, _), state) in rows.iter().zip(&states) {
            if let Err(bad) = state {
                broken.add(seat.0, *bad);
            }
        }
        for (community, bad) in broken.iter() {
            make_anew(work, community, bad).await?;
        }
        let candidates: Vec<Candidate<'_>> = rows
            .iter()
            .zip(&states)
            .filter_map(|((seat, row), state)| {
                Some(Candidate {
                    seat: *seat,
                    state: state.as_ref().ok()?,
                    is_early: false,
                    before: row.score,
                    hours: *hours.get(&seat.0)?,
                })
            })
            .collect();
        let mut took = Vec::new();
        let found = outcome::score(work, scorer, &candidates, &*self.clock, &mut took).await?;
        let n = u64::try_from(found.len()).unwrap_or(u64::MAX);
        let before: BTreeMap<_, _> = rows.iter().map(|(seat, row)| (*seat, row.score)).collect();
        let is_new = |(seat, score): &(Seat, Scored)| {
            let before = before.get(seat);
            before.is_none_or(|before| !score.says_the_same(before))
        };
        // Most scores of a quiet community are what they were.
        let new: Vec<(Seat, Scored)> = found.into_iter().filter(is_new).collect();
        score::put(work.conn(), new).await?;
        Ok(n)
    }

    /// Removes predictions that nobody needs any more, and asks for the norms of every community to be made anew and everybody to be
    /// scored by them; answers of how many communities. For the job of the night.
    pub async fn begin_night(&self) -> Result<usize, StoreError> {
        self.sweep_predictions().await?;
        let before = self.clock.now().minus(phishing::COUNTS);
        link::remove_old(self.db.write(), before).await?;
        viewer::forget_past(self.db.write(), self.clock.now()).await?;
        let mut work = self.begin(&FOLLOWER).await?;
        let all = scene::communities(work.conn()).await?;
        let n = all.len();
        // Of a community whose last night is not over there is nothing more to ask.
        let jobs = all.into_iter().map(scoring_by_night).collect();
        enqueue_many(&mut work, jobs).await?;
        work.commit().await?;
        Ok(n)
    }

    /// Removes predictions that are old or many and that no case and no review points at.
    async fn sweep_predictions(&self) -> Result<(), StoreError> {
        let before = self.clock.now().minus(KEPT);
        while prediction::remove_old(self.db.write(), before, SWEPT).await? > 0 {}
        let mut last = (CommunityId(0), AccountId(0));
        loop {
            let many = prediction::with_more(self.db.read(), KEPT_NEWEST, last, THINNED).await?;
            let Some(newest) = many.last() else {
                return Ok(());
            };
            last = *newest;
            prediction::remove_surplus(self.db.write(), KEPT_NEWEST, &many).await?;
        }
    }

    /// Makes everything that is known of the accounts of a community anew from its stored messages, and scores them.
    /// It comes to what following message by message came to. For a job; broken off, it goes on where it was. `tell` hears how
    /// many messages are done whenever a part of them is committed.
    pub async fn rebuild(
        &self,
        community: CommunityId,
        tell: &mut (dyn FnMut(u64) + Send),
    ) -> Result<u64, StoreError> {
        let begun = self.begin(&FOLLOWER).await?;
        scene::hold_progress(begun.conn()).await?;
        let known = scene::of(begun.conn(), &[community]).await?;
        if !known.get(&community).is_some_and(|row| row.is_rebuilding) {
            state::empty(begun.conn(), community).await?;
            link::empty(begun.conn(), community).await?;
            score::empty(begun.conn(), community).await?;
            let arrivals = known.get(&community).map(|row| row.arrivals.clone());
            let row = SceneRow {
                scene: Vec::new(),
                seen: MessageId(0),
                is_rebuilding: true,
                arrivals: arrivals.unwrap_or_default(),
                turn: 0,
            };
            scene::put(begun.conn(), [(community, row)]).await?;
        }
        begun.commit().await?;
        let mut n_messages = 0;
        loop {
            let (n, is_last) = self.rebuild_part(community).await?;
            n_messages += n;
            tell(n_messages);
            if is_last {
                break;
            }
            // Whoever was told can stop it here, also where the database never lets it wait.
            yield_now().await;
        }
        self.score_all(community, None).await?;
        Ok(n_messages)
    }

    /// Goes through the next messages of a community that is made anew; answers how many, and whether it is whole.
    async fn rebuild_part(&self, community: CommunityId) -> Result<(u64, bool), StoreError> {
        let scorer = self.scorer().await?;
        let mut work = self.begin(&FOLLOWER).await?;
        identity::hold_owners(&work).await?;
        // The follower passes the community over, and cannot go on while this is held.
        let reached = scene::hold_progress(work.conn()).await?;
        let known = scene::of(work.conn(), &[community]).await?;
        let Some(row) = known.get(&community).filter(|row| row.is_rebuilding) else {
            return Ok((0, true));
        };
        let messages =
            activity::said_in(work.conn(), community, row.seen, reached.message, CHUNK).await?;
        let is_last = u32::try_from(messages.len()).is_ok_and(|n| n < CHUNK);
        if messages.is_empty() {
            let whole = SceneRow {
                is_rebuilding: false,
                ..row.clone()
            };
            scene::put(work.conn(), [(community, whole)]).await?;
        } else {
            let rebuilds = Some((community, is_last));
            let heard = Heard {
                messages: &messages,
                // Who came when is not made anew.
                arrived: &[],
                after: reached.event,
            };
            self.apply(&mut work, &scorer, heard, rebuilds).await?;
        }
        if is_last {
            state::remove_empty(work.conn(), community).await?;
            score::remove_without_state(work.conn(), community).await?;
            let now = work.now();
            alert::is_over(work.conn(), AlertKind::Extraction, Some(community), now).await?;
            // Whoever came meanwhile or has said too little is not among those who are scored now.
            ask_to_look_around(&mut work, community).await?;
        }
        work.commit().await?;
        Ok((u64::try_from(messages.len()).unwrap_or(u64::MAX), is_last))
    }
}
