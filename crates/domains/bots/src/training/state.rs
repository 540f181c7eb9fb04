//! How far a training is.

/// What became of a training.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrainingState {
    /// It will begin.
    Waiting,
    /// It goes on.
    Running,
    /// There is a model.
    Done,
    /// There was too little to learn from.
    Skipped,
    /// It failed.
    Failed,
}

impl TrainingState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Waiting,
        Self::Running,
        Self::Done,
        Self::Skipped,
        Self::Failed,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing more comes of it.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Waiting | Self::Running)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Running => 1,
            Self::Done => 2,
            Self::Skipped => 3,
            Self::Failed => 4,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}
