//! One account after the other, judged and nothing else: for whoever measures what that costs (`cargo xtask bench bots`).
//!
//! Must never write, and must never judge in another way than the rest does: it calls the same judges.

use std::sync::Arc;

use ::store::{Db, StoreError};
use kernel::{AccountId, CommunityId};

use crate::{
    Bots, Probability, bearing,
    features::{Account, Community, State, Vector},
    memory::Memory,
    scorer::{Judge, Trained},
    store::{scene, state},
};

/// Who judges the accounts of a community, with what is usual there.
#[derive(Debug)]
pub struct Judging {
    judge: Arc<Judge>,
    community: Community,
    /// What this process remembers of the community, and where its states were; nothing where no community is known.
    memory: Option<(Memory, scene::Mark)>,
}

impl Judging {
    /// A model that was brought along, where nothing is known of the community. `None` if it is no model of these
    /// features.
    pub fn by(file: &[u8]) -> Option<Self> {
        let (model, properties) = ml::onnx::read(file).ok()?;
        let trained = Trained::new(crate::SHIPPED_MODEL, model, properties.calibration)?;
        Some(Self {
            judge: Arc::new(Judge::Model(Box::new(trained))),
            community: Community::default(),
            memory: None,
        })
    }

    /// What the model says of signals that are there; `None` where the rules judge, which look at messages.
    pub fn of_vector(&self, vector: &Vector) -> Option<Probability> {
        match &*self.judge {
            Judge::Rules => None,
            Judge::Model(trained) => Some(trained.probability(vector)),
        }
    }

    /// How probably an account is automated of which this is the stored state; `None` if it does not read.
    pub fn of_state(&self, stored: &[u8]) -> Option<Probability> {
        let state = State::from_bytes(stored).ok()?;
        Some(self.of(&state))
    }

    fn of(&self, state: &State) -> Probability {
        let account = Account::default();
        self.judge
            .judge(state, &account, &self.community)
            .probability
    }

    /// The same of an account of a community by what this process remembers of it, as following chat looks it up; `None` if that is
    /// nothing, or somebody else wrote since.
    pub async fn of_remembered(
        &self,
        community: CommunityId,
        account: AccountId,
    ) -> Option<Probability> {
        let (memory, mark) = self.memory.as_ref()?;
        let state = memory.state((community, account), *mark).await?;
        Some(self.of(&state))
    }

    /// The same by the state it has in the database now; `None` if it has none.
    ///
    /// # Errors
    /// [`StoreError`] if the database does not answer.
    pub async fn of_account(
        &self,
        db: &Db,
        community: CommunityId,
        account: AccountId,
    ) -> Result<Option<Probability>, StoreError> {
        let state = state::alone(db.read(), (community, account)).await?;
        Ok(state.and_then(|state| self.of_state(&state)))
    }
}

impl Bots {
    /// Who judges a community now.
    pub async fn judging(&self, community: CommunityId) -> Result<Judging, StoreError> {
        let conn = self.db.read();
        let scenes = scene::of(conn, &[community]).await?;
        let row = scenes.get(&community);
        let hours = scene::hours_of(&scenes, community);
        let mark = row.map(scene::Row::mark);
        let known = bearing::communities(conn, &[community])
            .await?
            .remove(&community);
        Ok(Judging {
            judge: self.scorer().await?.for_community(community),
            community: Community {
                hours,
                ..known.unwrap_or_default()
            },
            memory: mark.map(|mark| (self.memory.clone(), mark)),
        })
    }

    /// The accounts of a community with enough messages to be scored, after one, with their stored states.
    pub async fn stored_states(
        &self,
        community: CommunityId,
        after: AccountId,
        limit: u32,
    ) -> Result<Vec<(AccountId, Vec<u8>)>, StoreError> {
        let rows = state::after(self.db.read(), community, after, crate::due::FIRST, limit).await?;
        let states = rows.into_iter().map(|(seat, row)| (seat.1, row.state));
        Ok(states.collect())
    }
}
