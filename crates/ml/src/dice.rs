//! Seeded randomness (SplitMix64): the same numbers for the same seed on every machine. Never for secrets.

/// A generator of numbers that follow from its seed.
#[derive(Debug, Clone)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0.0..1.0` with 32 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        let high = u32::try_from(self.next() >> 32).unwrap_or(0);
        f64::from(high) / (f64::from(u32::MAX) + 1.0)
    }

    /// A position in `0..n`; 0 if there is none.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        let wide = u128::from(self.next()) * u128::try_from(n).unwrap_or(0);
        usize::try_from(wide >> 64).unwrap_or(0)
    }

    /// Puts a list into a random order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        for last in (1..list.len()).rev() {
            let other = self.below(last + 1);
            list.swap(last, other);
        }
    }

    /// So many different ones of a list, in the order of the list; all if it is shorter.
    pub(crate) fn sample<T: Copy>(&mut self, list: &[T], n: usize) -> Vec<T> {
        let mut chosen = Vec::with_capacity(n.min(list.len()));
        let mut left = list.len();
        for item in list {
            let wanted = n.saturating_sub(chosen.len());
            if self.below(left) < wanted {
                chosen.push(*item);
            }
            left -= 1;
        }
        chosen
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_published_numbers_of_splitmix64() {
        let mut dice = Dice::new(1_234_567);
        assert_eq!(dice.next(), 6_457_827_717_110_365_317);
        assert_eq!(dice.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn a_sample_has_no_repeats_and_every_item_has_its_chance() {
        let list: Vec<usize> = (0..10).collect();
        let mut dice = Dice::new(1);
        let mut seen = [0_u32; 10];
        for _ in 0..3_000 {
            let sample = dice.sample(&list, 3);
            assert_eq!(sample.len(), 3);
            assert!(sample.is_sorted_by(|a, b| a < b), "{sample:?}");
            for item in sample {
                seen[item] += 1;
            }
        }
        assert!(seen.iter().all(|n| (750..1050).contains(n)), "{seen:?}");
        assert_eq!(dice.sample(&list, 20), list);
    }

    #[test]
    fn shuffling_loses_nothing() {
        let mut list: Vec<u32> = (0..100).collect();
        Dice::new(7).shuffle(&mut list);
        assert!(!list.is_sorted());
        list.sort_unstable();
        assert_eq!(list, (0..100).collect::<Vec<_>>());
    }
}
