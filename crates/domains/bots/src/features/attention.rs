//! Who was turned to since it last spoke: the other side of [`super::partner`], as a community sees it.
//!
//! Bounded: [`MOST_BYTES`]. Must never keep an account: only parts of hashes, of which the last to come takes the place.

use super::{
    digest::Bytes,
    numbers::{fold16, mix},
};

/// Places in the table.
const PLACES: usize = 2_048;

/// The longest stored form.
pub(super) const MOST_BYTES: usize = PLACES * 4;

/// For each account that spoke lately who turned to it after its last message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Attention {
    /// The mark of the account and of who turned to it; 0 if nobody did.
    places: Vec<[u16; 2]>,
}

impl Default for Attention {
    fn default() -> Self {
        Self {
            places: vec![[0; 2]; PLACES],
        }
    }
}

impl Attention {
    /// An account speaks: gives the mark of who turned to it since its last message, 0 if nobody did or that is not known.
    pub(super) fn speak(&mut self, speaker: u32) -> u8 {
        let [place, own] = marks(speaker);
        let Some(kept) = self.places.get_mut(usize::from(place) % PLACES) else {
            return 0;
        };
        let [mark, turned] = std::mem::replace(kept, [own, 0]);
        if mark == own {
            u8::try_from(turned).unwrap_or(u8::MAX)
        } else {
            0
        }
    }

    /// `speaker` turns to `other`. Who did so first is remembered.
    pub(super) fn turn(&mut self, speaker: u32, other: u32) {
        let [place, own] = marks(other);
        let [by, _] = marks(speaker);
        if let Some([mark, turned]) = self.places.get_mut(usize::from(place) % PLACES)
            && *mark == own
            && *turned == 0
        {
            *turned = (by & 0xff).max(1);
        }
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for [mark, turned] in &self.places {
            out.extend_from_slice(&mark.to_le_bytes());
            out.extend_from_slice(&turned.to_le_bytes());
        }
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let mut attention = Self::default();
        for kept in &mut attention.places {
            *kept = [bytes.short()?, bytes.short()?];
        }
        Some(attention)
    }
}

/// Two marks of an account that have nothing to do with each other.
fn marks(account: u32) -> [u16; 2] {
    let mixed = mix(u64::from(account));
    [fold16(mixed), fold16(mix(mixed))]
}

#[cfg(test)]
mod tests {
    use super::Attention;

    #[test]
    fn who_was_turned_to_hears_of_it_once_and_of_the_first_only() {
        let mut attention = Attention::default();
        attention.turn(2, 1);
        assert_eq!(attention.speak(1), 0, "it had not spoken yet");
        attention.turn(2, 1);
        attention.turn(3, 1);
        let by = attention.speak(1);
        assert_ne!(by, 0);
        assert_eq!(attention.speak(1), 0);
        attention.turn(2, 1);
        assert_eq!(attention.speak(1), by);
    }
}
