//! How many long connections are open, WebSockets and streams of events, in all and for each person.
//!
//! Must never lose count: a slot gives itself back when it is dropped, whatever ended the connection.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use kernel::UserId;

use crate::settings::Sockets;

/// The open connections.
#[derive(Clone, Default)]
pub(crate) struct Slots {
    open: Arc<Mutex<Open>>,
}

#[derive(Default)]
struct Open {
    total: usize,
    per_user: HashMap<UserId, usize>,
}

impl Slots {
    /// How many connections are open.
    pub(crate) fn n_open(&self) -> u32 {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        u32::try_from(open.total).unwrap_or(u32::MAX)
    }

    /// A slot for one more connection, if there is room.
    pub(crate) fn take(&self, user: UserId, bounds: &Sockets) -> Option<Slot> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_user = open.per_user.get(&user).copied().unwrap_or(0);
        if open.total >= bounds.total || of_user >= bounds.per_user {
            return None;
        }
        open.total += 1;
        open.per_user.insert(user, of_user + 1);
        metrics::gauge!("waddlebot_graphql_sockets").increment(1);
        Some(Slot {
            slots: self.clone(),
            user,
        })
    }
}

/// An open connection's place.
pub(crate) struct Slot {
    slots: Slots,
    user: UserId,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = self
            .slots
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.total = open.total.saturating_sub(1);
        let left = open.per_user.get(&self.user).copied().unwrap_or(1) - 1;
        if left == 0 {
            open.per_user.remove(&self.user);
        } else {
            open.per_user.insert(self.user, left);
        }
        metrics::gauge!("waddlebot_graphql_sockets").decrement(1);
    }
}

#[cfg(test)]
mod tests {
    use kernel::UserId;

    use super::{Slots, Sockets};

    #[test]
    fn slots_are_bounded_per_person_and_in_all_and_come_back() {
        let slots = Slots::default();
        let bounds = Sockets {
            total: 3,
            per_user: 2,
            ..Sockets::default()
        };
        let take = |user| slots.take(UserId(user), &bounds);
        let first = take(1);
        let second = take(1);
        assert!(first.is_some() && second.is_some() && take(1).is_none());
        let third = take(2);
        assert!(third.is_some() && take(3).is_none());
        assert_eq!(slots.n_open(), 3);
        drop(first);
        assert!(take(3).is_some());
        drop((second, third));
        assert_eq!(slots.n_open(), 0);
        assert!(slots.open.lock().unwrap().per_user.is_empty());
    }
}
