//! Where an operator follows trainings besides our own pages: a server that keeps a run for each, with its numbers and files, and
//! versions of models.
//!
//! Must never carry a name of a person or a community, a label or a message: ids, numbers and files of the program only.

use async_trait::async_trait;

/// What a version of a model is used for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TrackedState {
    /// It decides nothing.
    Testing,
    /// It scores.
    Deployed,
    /// It is used no more.
    Retired,
}

impl TrackedState {
    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Testing => "testing",
            Self::Deployed => "deployed",
            Self::Retired => "retired",
        }
    }
}

/// A file of a run.
#[derive(Clone, PartialEq, Eq)]
pub struct TrackedFile {
    /// Where it lies within the run, such as `model/model.onnx`.
    pub path: String,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for TrackedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TrackedFile")
            .field("path", &self.path)
            .field("n_bytes", &self.bytes.len())
            .finish()
    }
}

/// A training that is over and came to a model, as it should be found at the server.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackedRun {
    /// What it is found again by: the same training has the same one, and no other has it.
    pub key: String,
    /// What people read.
    pub name: String,
    /// When it began, in milliseconds since 1970.
    pub started_ms: i64,
    /// When it was over, in milliseconds since 1970.
    pub ended_ms: i64,
    /// What it was made with, by name.
    pub params: Vec<(String, String)>,
    /// What was measured, by name; every one is finite.
    pub metrics: Vec<(String, f64)>,
    /// What else is to be known, by name.
    pub tags: Vec<(String, String)>,
    /// Its files.
    pub files: Vec<TrackedFile>,
    /// What the model's versions are gathered under; empty for the models of everybody, otherwise whose they are.
    pub lineage: String,
    /// What the model is used for now.
    pub state: TrackedState,
}

/// What is at the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// The server's id of the run.
    pub run: String,
    /// The server's number of the model's version.
    pub version: String,
    /// Why the files are not there; `None` = they are.
    pub without_files: Option<String>,
}

/// Why it is not.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrackError {
    /// No answer.
    #[error("the tracking server did not answer: {0}")]
    Unreachable(String),
    /// It answered that it will not.
    #[error("the tracking server refused {call} with {status}: {words}")]
    Refused {
        /// What was asked.
        call: String,
        /// The HTTP status.
        status: u16,
        /// What it said, made printable and short.
        words: String,
    },
    /// What it answered is not what is written in its reference.
    #[error("the tracking server answered {0} in a way that does not read")]
    Unclear(String),
}

/// A server that follows trainings.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// Sees to it that the run, its files and its version are there and say what they should. Doing it again changes nothing.
    async fn track(&self, run: &TrackedRun) -> Result<Tracked, TrackError>;
}
