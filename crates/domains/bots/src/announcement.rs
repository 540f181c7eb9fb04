//! What is told of models, trainings and rollouts: an event of the community they are for, or one of the instance where they
//! are for everybody. A rollout is told to each community that is judged by something else from then on, and once for all.
//!
//! Must never tell names, labels, or why somebody halted something: ids and words of the program only.

use ::store::{DomainEvent, StoreError, Work};
use kernel::CommunityId;
use serde_json::{Value, json};

use crate::{
    MODEL_PROMOTED, MODEL_RETIRED, Model, ROLLOUT_ADVANCED, ROLLOUT_HALTED, TRAINING_FAILED,
    TRAINING_FINISHED, Training, store::rollout::Row,
};

/// The payload of an event of a community; of the instance it stays as it is.
fn of(community: Option<CommunityId>, mut payload: Value) -> Value {
    if let (Some(community), Some(fields)) = (community, payload.as_object_mut()) {
        fields.insert("community".to_owned(), json!(community.0));
    }
    payload
}

fn named(model: &Model) -> Value {
    let fields = json!({ "model": model.id, "name": model.name, "version": model.version });
    of(model.community, fields)
}

/// A model scores from now on.
pub(crate) async fn promoted(work: &mut Work, model: &Model) -> Result<(), StoreError> {
    let event = DomainEvent {
        kind: MODEL_PROMOTED,
        community: model.community,
        payload: named(model),
    };
    work.emit(event, &[]).await
}

/// A model is used no more.
pub(crate) async fn retired(work: &mut Work, model: &Model) -> Result<(), StoreError> {
    let event = DomainEvent {
        kind: MODEL_RETIRED,
        community: model.community,
        payload: named(model),
    };
    work.emit(event, &[]).await
}

/// A model came of a training.
pub(crate) async fn trained(
    work: &mut Work,
    training: &Training,
    model: i32,
) -> Result<(), StoreError> {
    let fields = json!({ "training": training.id, "model": model });
    let event = DomainEvent {
        kind: TRAINING_FINISHED,
        community: training.community,
        payload: of(training.community, fields),
    };
    work.emit(event, &[]).await
}

/// Nothing came of a training, because it failed.
pub(crate) async fn failed(work: &mut Work, training: &Training) -> Result<(), StoreError> {
    let fields = json!({ "training": training.id });
    let event = DomainEvent {
        kind: TRAINING_FAILED,
        community: training.community,
        payload: of(training.community, fields),
    };
    work.emit(event, &[]).await
}

/// Those who hear of a rollout: everybody who runs the instance, and each of these communities.
fn hearers(communities: &[CommunityId]) -> impl Iterator<Item = Option<CommunityId>> {
    let each = communities.iter().copied().map(Some);
    std::iter::once(None).chain(each)
}

fn of_rollout(community: Option<CommunityId>, (id, model, step): (i32, i32, u32)) -> Value {
    let fields = json!({ "rollout": id, "model": model, "step": step });
    of(community, fields)
}

/// A rollout came to a step, at which these communities get the new model.
pub(crate) async fn advanced(
    work: &mut Work,
    rollout: (i32, i32, u32),
    communities: &[CommunityId],
) -> Result<(), StoreError> {
    let event = |community| DomainEvent {
        kind: ROLLOUT_ADVANCED,
        community,
        payload: of_rollout(community, rollout),
    };
    let events = hearers(communities).map(event).collect();
    work.emit_all(events, &[]).await
}

/// A rollout was halted: these communities, which had the new model, are back at the one before.
pub(crate) async fn halted(
    work: &mut Work,
    row: &Row,
    communities: &[CommunityId],
) -> Result<(), StoreError> {
    let event = |community| DomainEvent {
        kind: ROLLOUT_HALTED,
        community,
        payload: of_rollout(community, (row.id, row.model, row.step)),
    };
    let events = hearers(communities).map(event).collect();
    work.emit_all(events, &[]).await
}
