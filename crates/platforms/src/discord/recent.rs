//! What was seen lately: a map that forgets its oldest entries. Must never grow beyond its bound.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A bounded map, oldest out first.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    max: usize,
    inner: Mutex<Inner<K, V>>,
}

#[derive(Debug)]
struct Inner<K, V> {
    map: HashMap<K, V>,
    order: VecDeque<K>,
}

impl<K: Eq + Hash + Clone, V: Clone> Recent<K, V> {
    /// Keeps at most so many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            inner: Mutex::new(Inner {
                map: HashMap::new(),
                order: VecDeque::new(),
            }),
        }
    }

    /// What is known of a key.
    pub(super) fn get(&self, key: &K) -> Option<V> {
        self.lock().map.get(key).cloned()
    }

    /// Remembers; answers what was known before.
    pub(super) fn put(&self, key: K, value: V) -> Option<V> {
        let mut inner = self.lock();
        let before = inner.map.insert(key.clone(), value);
        if before.is_none() {
            inner.order.push_back(key);
            if inner.order.len() > self.max
                && let Some(oldest) = inner.order.pop_front()
            {
                inner.map.remove(&oldest);
            }
        }
        before
    }

    /// What is known of a key; remembers `value` if that is nothing.
    pub(super) fn get_or_put(&self, key: &K, value: V) -> V {
        if let Some(known) = self.get(key) {
            return known;
        }
        self.put(key.clone(), value.clone());
        value
    }

    fn lock(&self) -> MutexGuard<'_, Inner<K, V>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Recent;

    #[test]
    fn the_oldest_goes_first() {
        let recent = Recent::new(2);
        assert_eq!(recent.put("a", 1), None);
        assert_eq!(recent.put("b", 2), None);
        assert_eq!(recent.put("a", 3), Some(1));
        recent.put("c", 4);
        assert_eq!(
            (recent.get(&"a"), recent.get(&"b"), recent.get(&"c")),
            (None, Some(2), Some(4))
        );
        assert_eq!(recent.get_or_put(&"b", 9), 2);
    }
}
