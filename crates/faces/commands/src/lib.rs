//! The chat face (in progress).
