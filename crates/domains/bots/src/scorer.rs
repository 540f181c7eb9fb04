//! Who judges a community: its own deployed model, else what is tried there, else the instance's, else the model that ships, else the rules.
//!
//! Models are kept by id once their file was read and its hash compared; a registered file never changes. Must never judge
//! by a file that is not what was registered: then the next in line judges.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use ::store::StoreError;
use kernel::CommunityId;
use ml::{Calibration, Matrix, Model};

use crate::{
    Bots, Cause, Probability,
    arm::{self, Chosen},
    explain,
    features::{Account, Community, Norms, SCHEMA, State, Vector},
    prior::prior,
    rules::{self, Verdict},
    store::{model as table, prediction},
};

/// Stands for the model that ships, where others have their id.
pub const SHIPPED_MODEL: i32 = 0;

/// Vectors that a model from elsewhere is shown before it is explained, and how few are too few.
const SHOWN: i64 = 500;
const SHOWN_LEAST: usize = 50;

/// Models that are kept in memory.
const KEPT_MAX: usize = 64;

/// Models that were read.
pub(crate) type Kept = Arc<Mutex<HashMap<i32, Arc<Judge>>>>;

/// What scores.
#[derive(Debug)]
pub(crate) enum Judge {
    /// The rules.
    Rules,
    /// A model.
    Model(Box<Trained>),
}

/// A model with what makes its answers probabilities.
#[derive(Debug)]
pub(crate) struct Trained {
    pub(crate) id: i32,
    pub(crate) model: Model,
    calibration: Calibration,
    /// Where in a vector its numbers are.
    places: Vec<usize>,
}

/// How an account was judged.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) vector: Vector,
    pub(crate) probability: Probability,
    pub(crate) by_rules: Probability,
    verdict: Verdict,
}

impl Trained {
    pub(crate) fn new(id: i32, model: Model, calibration: Calibration) -> Option<Self> {
        let places: Option<Vec<usize>> = model
            .names()
            .iter()
            .map(|name| SCHEMA.position(name))
            .collect();
        Some(Self {
            id,
            model,
            calibration,
            places: places?,
        })
    }

    /// The numbers of a vector that it looks at; NaN where nothing is known.
    pub(crate) fn row(&self, vector: &Vector) -> Vec<f32> {
        let values = vector.values();
        self.places
            .iter()
            .map(|place| values.get(*place).copied().unwrap_or(f32::NAN))
            .collect()
    }

    /// How probably an account with this vector is automated.
    pub(crate) fn probability(&self, vector: &Vector) -> Probability {
        let margin = self.model.margin(&self.row(vector));
        Probability::of(self.calibration.probability(margin))
    }
}

impl Judge {
    /// The model that ships, or the rules if it was made for other features.
    pub(crate) fn shipped() -> Self {
        let found = prior().and_then(|(model, properties)| {
            Trained::new(SHIPPED_MODEL, model.clone(), properties.calibration)
        });
        found.map_or(Self::Rules, |trained| Self::Model(Box::new(trained)))
    }

    /// Which model this is; `None` = the rules.
    pub(crate) fn model(&self) -> Option<i32> {
        match self {
            Self::Rules => None,
            Self::Model(trained) => Some(trained.id),
        }
    }

    /// Judges an account as it was when it spoke last.
    pub(crate) fn judge(&self, state: &State, account: &Account, community: &Community) -> Judged {
        let now = state.last_at().unwrap_or_default();
        let vector = state.vector(now, account, community);
        let verdict = rules::judge(&state.facts(), account);
        let by_rules = Probability::of(verdict.score / 100.0);
        let probability = self.probability(&vector, by_rules);
        Judged {
            vector,
            probability,
            by_rules,
            verdict,
        }
    }

    /// How probably an account with this vector is automated, if the rules say so much of it.
    pub(crate) fn probability(&self, vector: &Vector, by_rules: Probability) -> Probability {
        match self {
            Self::Rules => by_rules,
            Self::Model(trained) => trained.probability(vector),
        }
    }

    /// What counted most, the strongest first; nothing if the model cannot say.
    pub(crate) fn why(&self, judged: &Judged, norms: &Norms) -> Vec<Cause> {
        match self {
            Self::Rules => explain::by_rules(&judged.verdict),
            Self::Model(_) => self.why_of(&judged.vector, norms),
        }
    }

    /// The same of a vector alone; rules need more than that.
    pub(crate) fn why_of(&self, vector: &Vector, norms: &Norms) -> Vec<Cause> {
        let Self::Model(trained) = self else {
            return Vec::new();
        };
        let row = trained.row(vector);
        explain::by_model(&trained.model, &row, trained.calibration.a, vector, norms)
    }
}

/// Who judges which community, at one moment.
#[derive(Debug)]
pub(crate) struct Scorer {
    own: HashMap<CommunityId, Arc<Judge>>,
    everybody: Arc<Judge>,
}

impl Scorer {
    /// Who judges a community.
    pub(crate) fn for_community(&self, community: CommunityId) -> Arc<Judge> {
        let own = self.own.get(&community);
        Arc::clone(own.unwrap_or(&self.everybody))
    }

    /// Who judges where no community is named.
    pub(crate) fn for_everybody(&self) -> Arc<Judge> {
        Arc::clone(&self.everybody)
    }
}

impl Bots {
    /// Who judges now.
    pub(crate) async fn scorer(&self) -> Result<Scorer, StoreError> {
        let mut own = HashMap::new();
        let mut everybody = None;
        for model in table::all_deployed(self.db.read()).await? {
            let Some(judge) = self.trained(&model).await else {
                continue;
            };
            match model.community {
                Some(community) => {
                    own.insert(community, judge);
                }
                None => everybody = Some(judge),
            }
        }
        let everybody = everybody.unwrap_or_else(|| self.shipped());
        self.put_tried(&mut own).await?;
        Ok(Scorer { own, everybody })
    }

    /// Puts whoever is tried in a rollout or an experiment in front of the communities that were drawn for it. A model of a
    /// community's own stays in front, and one that cannot be used is passed over.
    async fn put_tried(
        &self,
        own: &mut HashMap<CommunityId, Arc<Judge>>,
    ) -> Result<(), StoreError> {
        let rules = Arc::new(Judge::Rules);
        let mut models: HashMap<i32, Option<Arc<Judge>>> = HashMap::new();
        for (community, chosen) in arm::chosen(self.db.read()).await? {
            let judge = match chosen {
                Chosen::Rules => Some(Arc::clone(&rules)),
                Chosen::Model(id) => {
                    if let Some(known) = models.get(&id) {
                        known.clone()
                    } else {
                        let model = table::by_id(self.db.read(), id).await?;
                        let judge = match &model {
                            Some(model) => self.trained(model).await,
                            None => None,
                        };
                        models.insert(id, judge.clone());
                        judge
                    }
                }
            };
            if let Some(judge) = judge {
                own.entry(community).or_insert(judge);
            }
        }
        Ok(())
    }

    /// The model that ships, read once.
    pub(crate) fn shipped(&self) -> Arc<Judge> {
        let mut kept = self.judges.lock().unwrap_or_else(PoisonError::into_inner);
        let shipped = kept
            .entry(SHIPPED_MODEL)
            .or_insert_with(|| Arc::new(Judge::shipped()));
        Arc::clone(shipped)
    }

    /// A registered model, read once; `None`, said loudly, if its file cannot be used.
    pub(crate) async fn trained(&self, model: &crate::Model) -> Option<Arc<Judge>> {
        let known = {
            let kept = self.judges.lock().unwrap_or_else(PoisonError::into_inner);
            kept.get(&model.id).cloned()
        };
        if let Some(known) = known {
            return Some(known);
        }
        match self.read_model(model).await {
            Ok(judge) => {
                let judge = Arc::new(judge);
                let mut kept = self.judges.lock().unwrap_or_else(PoisonError::into_inner);
                if kept.len() >= KEPT_MAX {
                    kept.clear();
                }
                kept.insert(model.id, Arc::clone(&judge));
                Some(judge)
            }
            Err(reason) => {
                tracing::error!(
                    model.id = model.id,
                    reason,
                    "a deployed model cannot be used: the next in line judges"
                );
                None
            }
        }
    }

    async fn read_model(&self, model: &crate::Model) -> Result<Judge, String> {
        if !model.is_current() {
            return Err("it was made for other features".to_owned());
        }
        let file = self.file(model).await.map_err(|error| error.to_string())?;
        let (mut read, properties) = ml::onnx::read(&file).map_err(|error| error.to_string())?;
        if let Model::Trees(ensemble) = &mut read
            && !ensemble.is_covered()
        {
            let rows = self
                .seen_vectors(ensemble.names())
                .await
                .map_err(|error| error.to_string())?;
            // Before, there are no causes rather than wrong ones.
            if rows.rows() >= SHOWN_LEAST {
                ensemble.cover_with(&rows);
            }
        }
        Trained::new(model.id, read, properties.calibration)
            .map(|trained| Judge::Model(Box::new(trained)))
            .ok_or_else(|| "it names features that are not there".to_owned())
    }

    /// What was predicted from lately, in the columns of a model.
    async fn seen_vectors(&self, names: &[String]) -> Result<Matrix, StoreError> {
        let mut matrix = Matrix::new(names.to_vec());
        let places: Vec<Option<usize>> = names.iter().map(|name| SCHEMA.position(name)).collect();
        for text in prediction::newest_features(self.db.read(), SCHEMA.hash(), SHOWN).await? {
            let Some(vector) = vector_of(&text) else {
                continue;
            };
            let value = |place: &Option<usize>| {
                let value = place.and_then(|place| vector.values().get(place));
                value.copied().unwrap_or(f32::NAN)
            };
            let row: Vec<f32> = places.iter().map(value).collect();
            // It is as long as the names are.
            let _ = matrix.push(&row);
        }
        Ok(matrix)
    }
}

/// The stored form of a vector: a JSON array with `null` for what is missing.
pub(crate) fn text_of(vector: &Vector) -> String {
    let mut text = String::with_capacity(vector.values().len() * 10);
    text.push('[');
    for (n, value) in vector.values().iter().enumerate() {
        if n > 0 {
            text.push(',');
        }
        if value.is_finite() {
            text.push_str(&value.to_string());
        } else {
            text.push_str("null");
        }
    }
    text.push(']');
    text
}

/// Reads it; `None` if it is of another schema or no vector.
pub(crate) fn vector_of(text: &str) -> Option<Vector> {
    let values: Vec<Option<f32>> = serde_json::from_str(text).ok()?;
    let values = values.into_iter().map(|value| value.unwrap_or(f32::NAN));
    Vector::from_values(values.collect())
}

#[cfg(test)]
mod tests {
    use super::{Judge, text_of, vector_of};
    use crate::features::{Account, Community, Digest, Message, Norms, SCHEMA, State, Vector};
    use kernel::Timestamp;

    #[test]
    fn a_vector_reads_back_bit_for_bit() {
        let n = SCHEMA.columns().len();
        let values = (0..n).map(|place| match place % 5 {
            0 => f32::NAN,
            _ => (f32::from(u16::try_from(place).unwrap_or(0)) / 7.3).sin() * 1e-3,
        });
        let vector = Vector::from_values(values.collect()).unwrap();
        let back = vector_of(&text_of(&vector)).unwrap();
        let bits = |vector: &Vector| -> Vec<u32> {
            vector
                .values()
                .iter()
                .map(|value| value.to_bits())
                .collect()
        };
        assert_eq!(bits(&back), bits(&vector));
        assert_eq!(vector_of("[1,2]"), None);
    }

    #[test]
    fn the_model_that_ships_suspects_a_machine_says_why_and_leaves_nothing_out() {
        let judge = Judge::shipped();
        let Judge::Model(trained) = &judge else {
            panic!("the shipped model fits the features")
        };
        let mut state = State::new();
        for n in 0..60 {
            state.observe(&Digest::alone(&Message {
                text: "Follow us at https://example.org/now for 50% off!",
                sent_at: Timestamp::from_secs(1_700_000_000 + n * 600),
                channel: 1,
                n_mentions: 0,
                n_embeds: 1,
                is_reply: false,
            }));
        }
        let norms = Norms::default();
        let judged = judge.judge(&state, &Account::default(), &Community::default());
        assert!(judged.probability.value() > 0.5, "{:?}", judged.probability);
        let why = judge.why(&judged, &norms);
        assert_eq!(why.len(), 8);
        assert!(why[0].share > 0.0 && !why[0].sentence.is_empty());
        // Being unlike others says nothing to check, and comes last.
        let checked = why.iter().filter(|one| !one.signal.starts_with("oddity"));
        let shares: Vec<f64> = checked.map(|one| one.share.abs()).collect();
        assert!(shares.windows(2).all(|two| two[0] >= two[1]), "{why:?}");
        // Additive: on average, plus every share, is the answer.
        let row = trained.row(&judged.vector);
        let whole = trained.model.explain(&row);
        let sum = whole.average + whole.contributions.iter().sum::<f64>();
        assert!((sum - trained.model.margin(&row)).abs() < 1e-5);
    }
}
