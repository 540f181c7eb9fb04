//! Which community an imported event belongs to: one for all, or the one its record names, made if
//! there is none of that name.

use std::collections::HashMap;

use identity::{Identity, NewCommunity};
use kernel::{Actor, CommunityId};

use super::ImportError;

/// Where imported events go.
#[derive(Debug, Clone)]
pub enum Target {
    /// All into one community.
    One(CommunityId),
    /// Each into the community its record names; those that name none go into `fallback`.
    ByField {
        /// Name of the community for records without one.
        fallback: String,
    },
}

impl Target {
    pub(super) const fn community(&self) -> Option<CommunityId> {
        match self {
            Self::One(id) => Some(*id),
            Self::ByField { .. } => None,
        }
    }
}

/// Names seen so far. Bounded by the number of communities that exist.
pub(super) struct Map {
    target: Target,
    known: HashMap<String, CommunityId>,
}

impl Map {
    pub(super) fn new(target: Target) -> Self {
        Self {
            target,
            known: HashMap::new(),
        }
    }

    pub(super) async fn of(
        &mut self,
        identity: &Identity,
        actor: &Actor,
        name: Option<&str>,
    ) -> Result<CommunityId, ImportError> {
        let name = match &self.target {
            Target::One(id) => return Ok(*id),
            Target::ByField { fallback } => name.unwrap_or(fallback).to_owned(),
        };
        if let Some(id) = self.known.get(&name) {
            return Ok(*id);
        }
        let wanted = NewCommunity {
            name: name.clone(),
            ..NewCommunity::default()
        };
        let found = identity.find_or_create_community(actor, &wanted).await;
        let id = found
            .map_err(|source| ImportError::Community {
                name: name.clone(),
                source,
            })?
            .id;
        self.known.insert(name, id);
        Ok(id)
    }

    pub(super) fn used(&self) -> Vec<CommunityId> {
        match &self.target {
            Target::One(id) => vec![*id],
            Target::ByField { .. } => {
                let mut ids: Vec<CommunityId> = self.known.values().copied().collect();
                ids.sort_unstable();
                ids.dedup();
                ids
            }
        }
    }
}
