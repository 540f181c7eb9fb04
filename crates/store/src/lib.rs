//! The database: opened by URL, migrated in order, written in units of work whose rows, audit
//! entries, domain events and jobs commit together.
//!
//! Must never know: what a community, a message or a member is. Tables of the domains are declared
//! here (one ordered history) but only their domain reads and writes them.

pub mod audit;
mod columns;
pub mod db;
pub mod error;
pub mod event;
pub mod filesystem;
pub mod generation;
pub mod job;
mod kept;
pub mod migration;
pub mod personal;
mod postgres;
pub mod reader;
pub mod reseal;
pub mod schema;
pub mod seal;
pub mod sql;
pub mod work;
pub mod writer;

pub use db::{Db, Engine, Options};
pub use error::StoreError;
pub use event::DomainEvent;
pub use generation::{Reach, Shown};
pub use reader::Reader;
pub use sea_orm;
pub use seal::{KeyRing, SealError};
pub use work::{AfterCommit, Notice, Work};
pub use writer::Writer;
