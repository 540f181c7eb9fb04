//! What a training comes of.

/// What asked for a training.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrainingTrigger {
    /// Somebody, by hand.
    Person,
    /// The command line of the machine.
    CommandLine,
    /// The weekly job.
    Schedule,
}

impl TrainingTrigger {
    /// Every trigger.
    pub const ALL: [Self; 3] = [Self::Person, Self::CommandLine, Self::Schedule];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::CommandLine => "command_line",
            Self::Schedule => "schedule",
        }
    }

    /// The number stored in the database. Never renumber; 0 is what is not known.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Person => 1,
            Self::CommandLine => 2,
            Self::Schedule => 3,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.code() == code)
    }
}
