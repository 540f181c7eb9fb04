//! Seeded chance: a tree of keys and the dice thrown from each. Uses integers only, so that every
//! machine throws the same; must never be used for secrets.

use rand_pcg::{Pcg64Dxsm, rand_core::Rng};

/// The stream every generator of this crate runs on. Changing it changes every simulated event.
const STREAM: u128 = 0x5741_4444_4c45_424f_5457_4144_444c_4521;

/// A place in the tree of seeds: the world, a community, a person, a person's day …
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Key(u64);

impl Key {
    /// The key of one community in one world.
    pub(crate) fn root(seed: u64, slug: &str) -> Self {
        slug.bytes()
            .fold(Self(seed), |key, byte| key.child(u64::from(byte)))
    }

    /// The key below this one with a label.
    pub(crate) fn child(self, label: u64) -> Self {
        Self(generator(self.0, label).next_u64())
    }

    /// The key below this one for a day.
    pub(crate) fn on(self, day: kernel::Day) -> Self {
        // Any one-to-one mapping of i32 to u64 will do.
        self.child(u64::from(day.0.cast_unsigned()))
    }

    /// Fresh dice for this key.
    pub(crate) fn dice(self) -> Dice {
        Dice(generator(self.0, u64::MAX))
    }

    /// The key as a number, for stable ids.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }
}

fn generator(key: u64, label: u64) -> Pcg64Dxsm {
    let mut generator = Pcg64Dxsm::new((u128::from(key) << 64) | u128::from(label), STREAM);
    // The first value still shows the neighbourhood of the seeds.
    generator.next_u64();
    generator
}

/// A run of random numbers.
#[derive(Clone, Debug)]
pub(crate) struct Dice(Pcg64Dxsm);

impl Dice {
    /// A number in `0..n`; 0 if `n` is 0.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        let scaled = (self.0.next_u64() >> 32) * u64::from(n);
        u32::try_from(scaled >> 32).unwrap_or(0)
    }

    /// A number in `low..=high`; `low` if the range is empty.
    pub(crate) fn between(&mut self, low: u32, high: u32) -> u32 {
        low + self.below((high.saturating_sub(low)).saturating_add(1))
    }

    /// Microseconds of `low..high` seconds.
    pub(crate) fn micros(&mut self, low_secs: u32, high_secs: u32) -> i64 {
        let secs = self.between(low_secs, high_secs.max(low_secs + 1) - 1);
        i64::from(secs) * 1_000_000 + i64::from(self.below(1_000_000))
    }

    /// True in `per_mille` of a thousand throws.
    pub(crate) fn chance(&mut self, per_mille: u32) -> bool {
        self.below(1_000) < per_mille
    }

    /// An index into `n` items; 0 if there are none.
    pub(crate) fn index(&mut self, n: usize) -> usize {
        let n = u32::try_from(n).unwrap_or(u32::MAX);
        usize::try_from(self.below(n)).unwrap_or(0)
    }

    /// One of the items.
    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.index(items.len()))
    }

    /// One of the words; empty if there are none.
    pub(crate) fn word(&mut self, words: &[&'static str]) -> &'static str {
        self.pick(words).copied().unwrap_or("")
    }

    /// One of the words, the first ones far more often: a throw of the octave, then of the place in
    /// it, which is Zipf's law in steps.
    pub(crate) fn favourite(&mut self, words: &[&'static str]) -> &'static str {
        let octaves = usize::BITS - words.len().leading_zeros();
        let low = 1_u32 << self.below(octaves).min(30);
        let place = usize::try_from(low - 1 + self.below(low)).unwrap_or(0);
        words
            .get(place)
            .copied()
            .unwrap_or_else(|| self.word(words))
    }

    /// A number whose mean is `mean_mille / 1000`: the whole part, and one more now and then.
    pub(crate) fn about(&mut self, mean_mille: u64) -> u32 {
        let whole = u32::try_from(mean_mille / 1_000).unwrap_or(u32::MAX);
        let rest = u32::try_from(mean_mille % 1_000).unwrap_or(0);
        whole.saturating_add(u32::from(self.chance(rest)))
    }

    /// An index with a chance proportional to its weight; 0 if all weigh nothing.
    pub(crate) fn weighted(&mut self, weights: impl Iterator<Item = u32> + Clone) -> usize {
        let total = weights.clone().fold(0, u32::saturating_add);
        let mut left = self.below(total);
        for (index, weight) in weights.enumerate() {
            if left < weight {
                return index;
            }
            left -= weight;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn the_same_key_throws_the_same_numbers_for_ever() {
        // Written down once: if this changes, every demo database gets a second, different past.
        let mut dice = Key::root(7, "pixel-harbour").child(3).dice();
        let thrown: Vec<u32> = (0..6).map(|_| dice.below(1_000)).collect();
        assert_eq!(thrown, EXPECTED);
    }

    const EXPECTED: [u32; 6] = [130, 273, 931, 385, 282, 342];

    #[test]
    fn neighbouring_keys_throw_independent_numbers() {
        let mut counts = [0_u32; 10];
        for label in 0..10_000 {
            let face = Key::root(1, "x").child(label).dice().below(10);
            counts[usize::try_from(face).unwrap()] += 1;
        }
        assert!(
            counts.iter().all(|n| (900..1_100).contains(n)),
            "{counts:?}"
        );
    }

    #[test]
    fn favourites_come_first_and_every_word_comes() {
        let words = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let mut dice = Key::root(2, "y").dice();
        let count = |w: &str, thrown: &[&str]| thrown.iter().filter(|t| **t == w).count();
        let thrown: Vec<&str> = (0..4_000).map(|_| dice.favourite(&words)).collect();
        assert!(3 * count("a", &thrown) > 4 * count("b", &thrown));
        assert!(words.iter().all(|w| count(w, &thrown) > 0));
    }
}
