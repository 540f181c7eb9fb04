//! Trainings: from the labels of all communities, or of one, to a model in the registry that decides nothing yet. By hand,
//! or weekly where moderators have said enough that is new.
//!
//! Invariants: one at a time for each scope; whoever waits sees how far it is; what it learned from is kept as a snapshot of
//! numbers with its hash; nothing is deployed by a training. A training that fails says why and raises an alert.

mod course;
mod harvest;
mod presumed;
mod rows;
mod state;
mod trigger;

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::store::{audit::Entry, job::NewJob};
use bytes::Bytes;
use engines::{BlobsError, Sha256};
use kernel::{AccountId, Actor, CommunityId, Permission, Timestamp, UserId};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::{
    AlertKind, Bots, BotsError, NewModel, alert, announcement,
    features::SCHEMA,
    learning::Columns,
    reference::Reference,
    store::{self as tables, label::Learnable, training as table},
    training_topic,
};
pub(crate) use rows::values as stored_values;
pub use state::TrainingState;
pub use trigger::TrainingTrigger;

use course::{CourseError, Listener, Prior, Row, Taught};

/// The kind of the job that trains.
pub const TRAIN_JOB: &str = "bots.train";
/// New labels by people that a weekly training needs: fewer teach nothing that would be worth a new model.
const NEW_MIN: u32 = 20;
/// Accounts of a community of which people said what they are, before the weekly training makes a first model for it alone.
const OWN_MIN: u32 = 100;
/// Labels that are learned from at most, the newest.
const LABELS_MAX: usize = 20_000;
/// Labels read at once.
const PAGE: i64 = 1_000;
/// Trainings that are kept and listed.
const KEPT: i64 = 200;
const LISTED_MAX: i64 = 50;
/// Snapshots that are kept beside those of deployed models.
const SNAPSHOTS_KEPT: usize = 5;
/// How long the tuner may look for parameters.
const TUNING_MAX: Duration = Duration::from_secs(300);
/// Runs of one training, should the database or the files be away.
const ATTEMPTS: i32 = 3;
/// What trainings act as.
const WHO: Actor = Actor::System("bots.train");

/// A training.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Training {
    /// Its id.
    pub id: i32,
    /// The community it is for; `None` = all that have no model of their own.
    pub community: Option<CommunityId>,
    /// What became of it.
    pub state: TrainingState,
    /// What asked for it; `None` = that was before this was written down.
    pub trigger: Option<TrainingTrigger>,
    /// Who asked for it; `None` = no person, or one who was erased since.
    pub asked_by: Option<UserId>,
    /// When.
    pub asked_at: Timestamp,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// How far it is, in percent.
    pub progress: u32,
    /// Accounts that were learned from.
    pub n_rows: u32,
    /// Of these, bots.
    pub n_bots: u32,
    /// Of these, people.
    pub n_people: u32,
    /// What people said since the training before.
    pub n_new: u32,
    /// SHA-256 of the rows.
    pub snapshot: Option<String>,
    /// The model that came of it.
    pub model: Option<i32>,
    /// What was done, line by line.
    pub log: Vec<String>,
    /// Why it failed, or was left out.
    pub error: Option<String>,
}

/// Hears from the thread that learns.
struct Feed {
    lines: mpsc::Sender<(u32, String)>,
    is_stopped: Arc<AtomicBool>,
    is_tuned: Arc<AtomicBool>,
}

impl Listener for Feed {
    fn tell(&mut self, percent: u32, line: String) {
        // Nobody listens any more: then it is stopped.
        if self.lines.blocking_send((percent, line)).is_err() {
            self.is_stopped.store(true, Ordering::Relaxed);
        }
    }

    fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Relaxed)
    }

    fn is_tuned(&self) -> bool {
        self.is_tuned.load(Ordering::Relaxed)
    }
}

/// Stops the thread when whoever waits for it is gone: at a shutdown, or when the job's time is over.
struct Leash(Arc<AtomicBool>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Why there is no model.
enum Miss {
    /// Nothing can be learned from what there is.
    Lesson(CourseError),
    /// Something else failed, which may be over next time.
    Service(BotsError),
}

impl From<BotsError> for Miss {
    fn from(error: BotsError) -> Self {
        Self::Service(error)
    }
}

impl From<CourseError> for Miss {
    fn from(error: CourseError) -> Self {
        Self::Lesson(error)
    }
}

impl From<::store::StoreError> for Miss {
    fn from(error: ::store::StoreError) -> Self {
        Self::Service(error.into())
    }
}

/// An error with its causes.
fn whole(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text = format!("{text}: {next}");
        cause = next.source();
    }
    text
}

impl Bots {
    /// The trainings, the newest first, at most 50.
    pub async fn trainings(&self, actor: &Actor) -> Result<Vec<Training>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(table::newest(self.db.read(), LISTED_MAX).await?)
    }

    /// A training.
    pub async fn training(&self, actor: &Actor, id: i32) -> Result<Option<Training>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(table::by_id(self.db.read(), id).await?)
    }

    /// Asks for a training on the labels of all communities, or of one. One that waits or runs is the answer.
    pub async fn start_training(
        &self,
        actor: &Actor,
        community: Option<CommunityId>,
    ) -> Result<Training, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        if let Some(community) = community
            && !matches!(self.identity.community(actor, community).await, Ok(Some(_)))
        {
            return Err(BotsError::NotFound);
        }
        let trigger = match actor.user_id() {
            Some(_) => TrainingTrigger::Person,
            None => TrainingTrigger::CommandLine,
        };
        self.ask(actor, tables::model::scope(community), trigger)
            .await
    }

    async fn ask(
        &self,
        actor: &Actor,
        scope: i32,
        trigger: TrainingTrigger,
    ) -> Result<Training, BotsError> {
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let known = table::open(work.conn(), scope).await?;
        let id = if let Some(known) = &known {
            known.id
        } else {
            let since = table::last_learned(work.conn(), scope).await?;
            let fresh = tables::label::fresh(work.conn(), SCHEMA.hash(), scope, since).await?;
            let by = (trigger, actor.user_id());
            let id = table::insert(work.conn(), scope, by, fresh.new, work.now()).await?;
            work.audit(Entry {
                action: "bots.training.start",
                object: format!("bot_training:{id}"),
                community: tables::community(scope),
                detail: json!({ "new_labels": fresh.new }),
            });
            id
        };
        // Also for one that is there: should its job have given up, this is another try.
        let mut job =
            NewJob::new(TRAIN_JOB, json!({ "training": id })).unique(format!("training:{id}"));
        job.max_attempts = ATTEMPTS;
        work.enqueue(job).await?;
        work.notify(training_topic(), "");
        let training = table::by_id(work.conn(), id).await?;
        work.commit().await?;
        training.ok_or(BotsError::NotFound)
    }

    /// Asks for the trainings that are due: for all communities, and for each that has a model of its own or could have one, where
    /// people have said enough that is new. Answers how many. The weekly job.
    pub async fn ask_for_due_trainings(&self) -> Result<u32, BotsError> {
        let mut asked = 0;
        for scope in tables::model::scopes(self.db.read(), SCHEMA.hash(), OWN_MIN).await? {
            let conn = self.db.read();
            let since = table::last_learned(conn, scope).await?;
            let fresh = tables::label::fresh(conn, SCHEMA.hash(), scope, since).await?;
            let each = u32::try_from(course::EACH_MIN).unwrap_or(u32::MAX);
            if fresh.new >= NEW_MIN && fresh.bots >= each && fresh.people >= each {
                self.ask(&WHO, scope, TrainingTrigger::Schedule).await?;
                asked += 1;
            } else {
                tracing::info!(
                    n_new = fresh.new,
                    "no training of scope {scope}: {} new labels, {} bots and {} people in all",
                    fresh.new,
                    fresh.bots,
                    fresh.people
                );
            }
        }
        Ok(asked)
    }

    /// Runs a training that was asked for. One that is over stays as it is; one that was broken off begins anew. What
    /// cannot be learned ends it; if something else fails, it ends with the last attempt.
    pub async fn run_training(&self, id: i32, is_last_attempt: bool) -> Result<(), BotsError> {
        let work = self.begin(&WHO).await?;
        if !table::begin(work.conn(), id, work.now()).await? {
            return Ok(());
        }
        work.commit().await?;
        let Some(mut training) = table::by_id(self.db.read(), id).await? else {
            return Ok(());
        };
        let made = self.train(&mut training).await;
        let alarm = match made {
            Ok(model) => {
                training.state = TrainingState::Done;
                training.model = Some(model);
                training
                    .log
                    .push(format!("model {model} is in the registry, to be tested"));
                None
            }
            Err(Miss::Lesson(CourseError::Stopped)) => {
                return Err(BotsError::Conflict("the training was stopped".to_owned()));
            }
            Err(Miss::Lesson(error @ CourseError::TooFew { .. })) => {
                training.state = TrainingState::Skipped;
                training.error = Some(error.to_string());
                None
            }
            Err(Miss::Service(error)) if !is_last_attempt => return Err(error),
            Err(Miss::Lesson(error)) => Some(whole(&error)),
            Err(Miss::Service(error)) => Some(whole(&error)),
        };
        if let Some(error) = &alarm {
            training.state = TrainingState::Failed;
            training.error = Some(error.clone());
        }
        let mut work = self.begin(&WHO).await?;
        let now = work.now();
        if table::end(work.conn(), &training, now).await? {
            let community = training.community;
            match (&alarm, training.state) {
                (Some(error), _) => {
                    announcement::failed(&mut work, &training).await?;
                    let words = format!("training {id} failed: {error}");
                    let numbers = json!({ "training": id });
                    alert::raise(&mut work, AlertKind::Training, community, &words, numbers)
                        .await?;
                }
                (None, TrainingState::Done) => {
                    if let Some(model) = training.model {
                        announcement::trained(&mut work, &training, model).await?;
                        self.ask_to_track(&mut work, id).await?;
                    }
                    tables::alert::is_over(work.conn(), AlertKind::Training, community, now)
                        .await?;
                }
                (None, _) => {}
            }
            table::sweep(work.conn(), KEPT).await?;
            work.notify(training_topic(), "");
            work.commit().await?;
        }
        Ok(())
    }

    /// Learns and registers what was learned.
    async fn train(&self, training: &mut Training) -> Result<i32, Miss> {
        let prior = course::prior().ok_or(CourseError::NoPrior)?;
        let scope = tables::model::scope(training.community);
        let harvested = self.harvest_all(training.community).await?;
        self.tell(
            training,
            3,
            format!("{harvested} labels of lists, marks and rules"),
        )
        .await?;
        let labels = rows::one_vote(self.learnable(scope).await?);
        let presumed = match training.community {
            Some(community) => self.presumed(community).await?,
            None => Vec::new(),
        };
        let labelled = labels.iter().map(|label| label.account);
        let others = presumed.iter().map(|one| AccountId(one.account_id));
        let owners = self.owners(labelled.chain(others).collect()).await?;
        let mut lesson = rows::rows(&labels, &owners);
        let bots = lesson.iter().filter(|row| row.is_bot).count();
        training.n_rows = number(lesson.len());
        training.n_bots = number(bots);
        training.n_people = number(lesson.len() - bots);
        let day = self.clock.now().day().to_string();
        let presumed = rows::presumed(&presumed, &lesson, &owners);
        let snapshot = rows::snapshot(&labels, &presumed, &owners, &day);
        let snapshot = self.keep_snapshot(snapshot).await?;
        training.snapshot = Some(snapshot.clone());
        let line = format!(
            "{} accounts, {bots} of them bots; {} whom nobody suspects; snapshot {snapshot:.12}",
            lesson.len(),
            presumed.len()
        );
        self.tell(training, 5, line).await?;
        let mut counts = rows::counts(&labels);
        if !presumed.is_empty() {
            counts.insert(rows::PRESUMED, [0, number(presumed.len())]);
        }
        lesson.extend(presumed);
        let (reference, taught) = self.teach(lesson, prior, training).await?;
        let properties = ml::onnx::Properties {
            schema: SCHEMA.hash().to_owned(),
            version: format!("training-{}", training.id),
            calibration: taught.calibration,
            threshold: Some(taught.threshold),
            ..ml::onnx::Properties::default()
        };
        let file = ml::onnx::write(&taught.model, &properties).map_err(CourseError::from)?;
        let new = NewModel {
            name: match training.community {
                None => "learned".to_owned(),
                Some(community) => format!("learned for community {community}"),
            },
            community: training.community,
            card: card(training, &taught, &json!(counts), &day),
            metrics: taught.metrics,
        };
        let model = self
            .register(&WHO, &new, Bytes::from(file), Some(&reference))
            .await?;
        Ok(model.id)
    }

    async fn harvest_all(&self, community: Option<CommunityId>) -> Result<usize, BotsError> {
        if let Some(community) = community {
            return self.harvest(community).await;
        }
        let (mut n, mut after) = (0, CommunityId(0));
        while let Some(next) = tables::prediction::communities(self.db.read(), after).await? {
            n += self.harvest(next).await?;
            after = next;
        }
        Ok(n)
    }

    /// What there is to learn from, the newest if there is too much.
    async fn learnable(&self, scope: i32) -> Result<Vec<Learnable>, BotsError> {
        let (mut all, mut after) = (Vec::new(), 0);
        loop {
            let conn = self.db.read();
            let page = tables::label::learnable(conn, SCHEMA.hash(), scope, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = last.id;
            all.extend(page);
            if all.len() > 2 * LABELS_MAX {
                thin(&mut all);
            }
        }
        thin(&mut all);
        Ok(all)
    }

    async fn owners(
        &self,
        accounts: Vec<AccountId>,
    ) -> Result<HashMap<AccountId, UserId>, BotsError> {
        let mut owners = HashMap::with_capacity(accounts.len());
        for part in accounts.chunks(tables::IN_MAX) {
            let accounts = identity::accounts_by_id(self.db.read(), part).await?;
            owners.extend(accounts.into_iter().map(|(id, account)| (id, account.user)));
        }
        Ok(owners)
    }

    async fn keep_snapshot(&self, packed: std::io::Result<Vec<u8>>) -> Result<String, BotsError> {
        let Ok(bytes) = packed else {
            return Err(BotsError::Conflict(
                "the rows could not be packed".to_owned(),
            ));
        };
        let sha256 = Sha256::of(&bytes).to_string();
        match self
            .blobs
            .put_new(&snapshot_path(&sha256), bytes.into())
            .await
        {
            Ok(_) | Err(BlobsError::Exists(_)) => {}
            Err(error) => return Err(BotsError::Files(error)),
        }
        let mut known = table::snapshots(self.db.read()).await?;
        known.retain(|known| *known != sha256);
        for old in known.iter().skip(SNAPSHOTS_KEPT - 1) {
            let path = snapshot_path(old);
            self.blobs.delete(&path).await.map_err(BotsError::Files)?;
        }
        Ok(sha256)
    }

    /// Learns in a thread of its own and tells how far it is; answers also what the rows were like.
    async fn teach(
        &self,
        lesson: Vec<Row>,
        prior: Prior,
        training: &mut Training,
    ) -> Result<(Reference, Taught), Miss> {
        let (lines, mut heard) = mpsc::channel(16);
        let (is_stopped, is_tuned) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicBool::new(false)),
        );
        let _leash = Leash(Arc::clone(&is_stopped));
        let mut feed = Feed {
            lines,
            is_stopped,
            is_tuned: Arc::clone(&is_tuned),
        };
        let columns = match training.community {
            Some(_) => Columns::All,
            None => Columns::Everywhere,
        };
        let task = tokio::task::spawn_blocking(move || {
            let labelled = lesson.iter().filter(|row| !row.is_presumed);
            let vectors = labelled.map(|row| (row.values.as_slice(), row.is_bot));
            let reference = Reference::of(&vectors);
            course::teach(&lesson, &prior, columns, &mut feed).map(|taught| (reference, taught))
        });
        let tuning = tokio::time::sleep(TUNING_MAX);
        tokio::pin!(tuning);
        loop {
            tokio::select! {
                told = heard.recv() => match told {
                    Some((percent, line)) => self.tell(training, percent, line).await?,
                    None => break,
                },
                () = &mut tuning, if !is_tuned.load(Ordering::Relaxed) => {
                    is_tuned.store(true, Ordering::Relaxed);
                }
            }
        }
        match task.await {
            Ok(learned) => Ok(learned?),
            Err(_panicked) => Err(Miss::Service(BotsError::Conflict(
                "the training broke off: the log has more".to_owned(),
            ))),
        }
    }

    async fn tell(
        &self,
        training: &mut Training,
        percent: u32,
        line: String,
    ) -> Result<(), BotsError> {
        training.progress = training.progress.max(percent.min(99));
        training.log.push(line);
        let mut work = self.begin(&WHO).await?;
        table::goes_on(work.conn(), training).await?;
        work.notify(training_topic(), "");
        Ok(work.commit().await?)
    }
}

fn snapshot_path(sha256: &str) -> String {
    format!("training/{sha256}.jsonl.gz")
}

/// People's words before the rules', and the newest of each.
fn thin(labels: &mut Vec<Learnable>) {
    labels.sort_by_key(|label| {
        (
            label.source == crate::LabelSource::Rules,
            std::cmp::Reverse(label.id),
        )
    });
    labels.truncate(LABELS_MAX);
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// What is to be known of a model that was trained here.
fn card(training: &Training, taught: &Taught, counts: &Value, day: &str) -> Value {
    let way = taught.way;
    json!({
        "data": {
            "labels": counts, "accounts": training.n_rows, "bots": training.n_bots, "people": training.n_people,
            "snapshot": training.snapshot, "day": day, "training": training.id,
        },
        "kind": way,
        "based_on": if way == "adapted prior" { "prior" } else { "nothing" },
        "folds": taught.folds,
        "parameters": taught.parameters,
        "limits": [
            "It says automated, not harmful; nobody is banned by it.",
            "Moderators look at those first who look suspicious: what it learned of all others comes from a random sample and, with little weight, from the rules and from members whom nobody suspects.",
            "Labels by the rules are learned from and judge nobody.",
            "Of few labels intervals are wide: look at their ends.",
        ],
    })
}
