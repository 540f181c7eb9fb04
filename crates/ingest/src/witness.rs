//! Who wants to know of live events once they are stored: chat commands. Unlike a
//! [`crate::Reaction`] it takes no part in the transaction, so what it does can neither delay nor
//! undo the record; after a crash between commit and call it is not told again, and so nothing it
//! does happens twice.

use activity::Incoming;

/// Told of live events after their commit.
pub trait Witness: Send + Sync {
    /// The events of a batch that were recorded for the first time, in order; never history. Must
    /// return at once: whatever takes time goes into a bounded queue of the witness's own.
    fn recorded(&self, events: &[&Incoming]);
}
