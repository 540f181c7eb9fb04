//! What models learn from: that somebody is a bot or is not, who says so, and what could be seen of them
//! at that time. A label says what an account is; what was done about it is no label.

mod import;

use kernel::{Actor, CommunityId, Permission};

pub use import::ImportedLabels;

use crate::{Bots, BotsError, store as tables};

/// Who says what somebody is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LabelSource {
    /// A moderator.
    Review,
    /// The rules, where they are nearly certain.
    Rules,
    /// A list of unwanted accounts.
    List,
    /// A list of service bots, or the platform's own mark.
    Service,
    /// Somebody brought it along.
    Imported,
}

impl LabelSource {
    /// Every source.
    pub const ALL: [Self; 5] = [
        Self::Review,
        Self::Rules,
        Self::List,
        Self::Service,
        Self::Imported,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Rules => "rules",
            Self::List => "list",
            Self::Service => "service",
            Self::Imported => "imported",
        }
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Review => 1,
            Self::Rules => 2,
            Self::List => 3,
            Self::Service => 4,
            Self::Imported => 5,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|source| source.code() == code)
    }
}

/// How many labels say the same.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LabelCount {
    /// Who says so.
    pub source: LabelSource,
    /// What.
    pub is_bot: bool,
    /// How many.
    pub n: u64,
}

impl Bots {
    /// How many labels a community has, by source.
    pub async fn label_counts(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<LabelCount>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        Ok(tables::label::counts(self.db.read(), community).await?)
    }
}
