//! Which model scores: promoting one, taking it back, and saying that one is used no more.
//!
//! Invariant: what the registry calls deployed was read when it was deployed, and is what was registered.

use std::slice;

use ::store::Work;
use kernel::{Actor, CommunityId, Permission};
use serde_json::json;

use super::{Model, ModelState, entry, named, read};
use crate::{
    Bots, BotsError, announcement,
    batch::ask_to_score,
    store::{self as tables, model as table},
};

/// Fails while what everybody is judged by is compared with something: it would be compared with two things.
async fn is_free_to_change(work: &Work, scope: Option<CommunityId>) -> Result<(), BotsError> {
    if scope.is_some() {
        return Ok(());
    }
    let words = if tables::rollout::running(work.conn()).await?.is_some() {
        "a rollout goes on: finish or halt it first"
    } else if tables::rollout::running_experiment(work.conn())
        .await?
        .is_some()
    {
        "an experiment goes on: stop it first, or its numbers are of two things"
    } else {
        return Ok(());
    };
    Err(BotsError::Conflict(words.to_owned()))
}

impl Bots {
    /// Lets a model score, in place of the one that does now. Its file is read once more before. One for everybody is not while a
    /// rollout or an experiment goes on.
    pub async fn promote_model(&self, actor: &Actor, id: i32) -> Result<Model, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        self.check_file(id).await?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let model = table::by_id(work.conn(), id).await?;
        let model = model.ok_or(BotsError::NotFound)?;
        if model.state == ModelState::Deployed {
            return Ok(model);
        }
        is_free_to_change(&work, model.community).await?;
        let model = self.deploy(&mut work, id).await?;
        work.commit().await?;
        Ok(model)
    }

    /// Reads the file of a model, and fails if it cannot score.
    pub(crate) async fn check_file(&self, id: i32) -> Result<(), BotsError> {
        let found = table::by_id(self.db.read(), id).await?;
        let found = found.ok_or(BotsError::NotFound)?;
        read(&self.file(&found).await?).map(|_| ())
    }

    /// Lets a model score whose file was read, in the unit of work of what makes it, which holds the lock of models.
    pub(crate) async fn deploy(&self, work: &mut Work, id: i32) -> Result<Model, BotsError> {
        let model = table::by_id(work.conn(), id).await?;
        let model = model.ok_or(BotsError::NotFound)?;
        match model.state {
            ModelState::Deployed => return Ok(model),
            ModelState::Training => {
                return Err(BotsError::Conflict(
                    "the model is still being made".to_owned(),
                ));
            }
            ModelState::Testing | ModelState::Retired => {}
        }
        let now = work.now();
        let before = table::deployed(work.conn(), table::scope(model.community)).await?;
        if let Some(before) = &before {
            table::retire(work.conn(), before.id, now).await?;
            announcement::retired(work, before).await?;
            self.ask_to_track_model(work, before.id).await?;
        }
        table::deploy(
            work.conn(),
            id,
            before.as_ref().map(|before| before.id),
            now,
        )
        .await?;
        announcement::promoted(work, &model).await?;
        self.ask_to_track_model(work, model.id).await?;
        ask_to_score(work, model.community.as_ref().map(slice::from_ref)).await?;
        let detail = json!({ "model": named(&model), "replaces": before.as_ref().map(named) });
        work.audit(entry("bots.model.promote", &model, detail));
        let after = table::by_id(work.conn(), id).await?;
        after.ok_or(BotsError::NotFound)
    }

    /// Takes the deployed model of everybody or of a community back and puts the one before in its place, whose file is read
    /// once more; answers that one. `None` if there was none or it cannot be used: then the next in line scores, the
    /// instance's for a community, else the one that ships.
    pub async fn roll_back_model(
        &self,
        actor: &Actor,
        community: Option<CommunityId>,
    ) -> Result<Option<Model>, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let scope = table::scope(community);
        let gone = table::deployed(self.db.read(), scope).await?;
        let expected = gone.ok_or(BotsError::NotFound)?;
        let usable = self.usable_before(&expected).await?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let gone = table::deployed(work.conn(), scope).await?;
        let gone = gone.ok_or(BotsError::NotFound)?;
        if (gone.id, gone.replaced) != (expected.id, expected.replaced) {
            return Err(BotsError::Conflict(
                "another model was deployed just now: look again".to_owned(),
            ));
        }
        is_free_to_change(&work, community).await?;
        let now = work.now();
        table::retire(work.conn(), gone.id, now).await?;
        // So that taking back again goes further back, and not to and fro.
        table::forget_replaced(work.conn(), gone.id).await?;
        announcement::retired(&mut work, &gone).await?;
        self.ask_to_track_model(&mut work, gone.id).await?;
        let before = match usable {
            Some(id) => table::by_id(work.conn(), id).await?,
            None => None,
        };
        if let Some(before) = &before {
            // What it had replaced itself is what comes next, should it be taken back too.
            table::deploy(work.conn(), before.id, before.replaced, now).await?;
            announcement::promoted(&mut work, before).await?;
            self.ask_to_track_model(&mut work, before.id).await?;
        }
        ask_to_score(&mut work, community.as_ref().map(slice::from_ref)).await?;
        let detail = json!({
            "model": named(&gone), "back_to": before.as_ref().map(named),
            "unusable": gone.replaced.filter(|id| Some(*id) != usable),
        });
        work.audit(entry("bots.model.roll_back", &gone, detail));
        let after = match before {
            Some(before) => table::by_id(work.conn(), before.id).await?,
            None => None,
        };
        work.commit().await?;
        Ok(after)
    }

    /// The model before a deployed one, if it can score: it was made for these features, and its file is what was registered.
    async fn usable_before(&self, deployed: &Model) -> Result<Option<i32>, BotsError> {
        let Some(id) = deployed.replaced else {
            return Ok(None);
        };
        let Some(model) = table::by_id(self.db.read(), id).await? else {
            return Ok(None);
        };
        if !model.is_current() {
            return Ok(None);
        }
        let checked = match self.file(&model).await {
            Ok(file) => read(&file).map(|_| ()),
            Err(error) => Err(error),
        };
        if let Err(error) = checked {
            tracing::error!(
                model.id = id,
                error = %error,
                "the model before cannot be used: the next in line scores"
            );
            return Ok(None);
        }
        Ok(Some(id))
    }

    /// Says that a model is used no more; the deployed one must be replaced or taken back instead.
    pub async fn retire_model(&self, actor: &Actor, id: i32) -> Result<(), BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let model = table::by_id(work.conn(), id).await?;
        let model = model.ok_or(BotsError::NotFound)?;
        match model.state {
            ModelState::Retired => return Ok(()),
            ModelState::Deployed => {
                return Err(BotsError::Conflict(
                    "the model scores now: promote another one or take it back".to_owned(),
                ));
            }
            ModelState::Training | ModelState::Testing => {}
        }
        if tables::rollout::is_tried(work.conn(), id).await? {
            return Err(BotsError::Conflict(
                "the model is being rolled out or tried: halt or stop that first".to_owned(),
            ));
        }
        table::retire(work.conn(), id, work.now()).await?;
        announcement::retired(&mut work, &model).await?;
        self.ask_to_track_model(&mut work, model.id).await?;
        let detail = json!({ "model": named(&model) });
        work.audit(entry("bots.model.retire", &model, detail));
        Ok(work.commit().await?)
    }
}
