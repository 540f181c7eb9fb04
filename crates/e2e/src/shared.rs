//! A costly thing that tests running at the same time use together. The last one to finish ends it, so that nothing is
//! left behind when the process exits. Never keeps the thing alive by itself.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use anyhow::Result;

/// Holds one `T` while somebody uses it.
pub(crate) struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing yet.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The one there is, or a new one. Others wait while it is made.
    pub(crate) fn get(&self, make: impl FnOnce() -> Result<T>) -> Result<Arc<T>> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(one) = held.upgrade() {
            return Ok(one);
        }
        let one = Arc::new(make()?);
        *held = Arc::downgrade(&one);
        Ok(one)
    }
}
