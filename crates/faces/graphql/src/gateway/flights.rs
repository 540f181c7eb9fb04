//! Answers that are being worked out: who asks the same meanwhile waits for it, and finds it kept.
//!
//! Must never hand an answer on: who waited looks where it would be kept, with what they may see, and works
//! it out themselves if there is none. So errors are nobody else's, and who goes away holds up nobody.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

/// What is being worked out now, by the key under which it will be kept.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<String, watch::Receiver<()>>>);

/// Whose turn it is.
pub(crate) enum Turn<'a> {
    /// One's own: others wait until this is dropped.
    Own(Flight<'a>),
    /// Somebody else's.
    Others(Wait),
}

/// Somebody works it out.
pub(crate) struct Flight<'a> {
    flights: &'a Flights,
    key: String,
    /// Wakes who waits by going away.
    _end: watch::Sender<()>,
}

/// Until somebody else has worked it out, or gave up.
pub(crate) struct Wait(watch::Receiver<()>);

impl Flights {
    fn open(&self) -> MutexGuard<'_, HashMap<String, watch::Receiver<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to work something out, unless somebody does.
    pub(crate) fn join(&self, key: &str) -> Turn<'_> {
        let mut open = self.open();
        if let Some(end) = open.get(key) {
            return Turn::Others(Wait(end.clone()));
        }
        let (end, ended) = watch::channel(());
        open.insert(key.to_owned(), ended);
        Turn::Own(Flight {
            flights: self,
            key: key.to_owned(),
            _end: end,
        })
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        self.flights.open().remove(&self.key);
    }
}

impl Wait {
    /// Waits. Nothing is ever sent: the end is that the sender is gone.
    pub(crate) async fn end(mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::{Flights, Turn};

    #[tokio::test]
    async fn one_works_it_out_and_the_others_wait_until_it_is_done_or_given_up() {
        let flights = Flights::default();
        for _ in 0..2 {
            let Turn::Own(own) = flights.join("a") else {
                panic!("nobody works it out");
            };
            let (Turn::Others(one), Turn::Others(other)) = (flights.join("a"), flights.join("a"))
            else {
                panic!("somebody works it out");
            };
            assert!(
                matches!(flights.join("b"), Turn::Own(_)),
                "another is another"
            );
            let mut waiting = Box::pin(one.end());
            assert_eq!(waiting.as_mut().now_or_never(), None);
            drop(own);
            assert_eq!(waiting.now_or_never(), Some(()));
            assert_eq!(other.end().now_or_never(), Some(()));
        }
        assert!(flights.open().is_empty(), "nothing is left behind");
    }
}
