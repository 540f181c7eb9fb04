//! How names are compared: what of a name counts, and how much it says that two have the same one.
//!
//! Must never see anything but names that people chose; above all no e-mail address.

/// Shortest and longest key that is compared, in characters.
const KEY_CHARS: std::ops::RangeInclusive<usize> = 3..=64;

/// What streamers put behind the name they have elsewhere. Longer ones first.
const SUFFIXES: [&str; 6] = ["official", "twitch", "live", "ttv", "tv", "yt"];

/// What has to be left of a name without its suffix, in characters.
const STEM_MIN: usize = 4;

/// How much it says that two people have the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rarity {
    /// Nothing by itself: `alex`.
    Common,
    /// Something.
    Usual,
    /// Much: `quackmaster_77`.
    Rare,
}

/// What a name is compared by: letters and digits in lower case, without the `#1234` that Discord
/// used to append and without suffixes such as `_ttv`. `None` for names too short or too long to
/// say anything.
pub(crate) fn key(name: &str) -> Option<String> {
    let name = match name.rsplit_once('#') {
        Some((front, number)) if number.len() == 4 && number.bytes().all(is_digit) => front,
        _ => name,
    };
    let mut key: String = name
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect();
    let ends = SUFFIXES.iter().find_map(|suffix| key.strip_suffix(suffix));
    let stem = ends.filter(|stem| stem.chars().count() >= STEM_MIN);
    key.truncate(stem.map_or(key.len(), str::len));
    KEY_CHARS.contains(&key.chars().count()).then_some(key)
}

const fn is_digit(byte: u8) -> bool {
    byte.is_ascii_digit()
}

/// How rare a name is, by its key and by how many people here have it.
///
/// Up to 6 characters are common, up to 9 usual, more are rare; two digits lift a name by one
/// class; three people with it lower it by one, six make it common.
pub(crate) fn rarity(key: &str, n_people: usize) -> Rarity {
    let digits = key.bytes().filter(|byte| is_digit(*byte)).count();
    let class = match key.chars().count() {
        0..=6 => 0,
        7..=9 => 1,
        _ => 2,
    };
    let class = class + usize::from(digits >= 2);
    let class = match n_people {
        0..=2 => class.min(2),
        3..=5 => class.min(2).saturating_sub(1),
        _ => 0,
    };
    match class {
        0 => Rarity::Common,
        1 => Rarity::Usual,
        _ => Rarity::Rare,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_people_write_differently_on_each_platform_is_the_same_name() {
        for name in [
            "quackmaster_77",
            "QuackMaster77",
            "Quack.Master-77",
            "quackmaster77#0042",
            "quackmaster77_ttv",
            "QuackMaster77 TV",
        ] {
            assert_eq!(key(name).as_deref(), Some("quackmaster77"), "{name}");
        }
        assert_eq!(key("Ünïcode Ärger").as_deref(), Some("ünïcodeärger"));
        assert_eq!(
            key("mtv").as_deref(),
            Some("mtv"),
            "not all of it is a suffix"
        );
        assert_eq!(
            key("rock#12").as_deref(),
            Some("rock12"),
            "no discriminator"
        );
        for nothing in ["", "a", "__", "¯\\_(ツ)_/¯", &"x".repeat(65)] {
            assert_eq!(key(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn a_short_name_or_one_that_many_have_says_little() {
        for (name, people, wanted) in [
            ("alex", 2, Rarity::Common),
            ("alex77", 2, Rarity::Usual),
            ("duckling", 2, Rarity::Usual),
            ("quackmaster77", 2, Rarity::Rare),
            ("quackmaster", 2, Rarity::Rare),
            ("quackmaster77", 3, Rarity::Usual),
            ("duckling", 3, Rarity::Common),
            ("quackmaster77", 6, Rarity::Common),
        ] {
            assert_eq!(rarity(name, people), wanted, "{name} of {people}");
        }
    }

    proptest! {
        #[test]
        fn a_key_is_its_own_letters_and_digits(name in "\\PC{0,80}") {
            if let Some(key) = key(&name) {
                prop_assert!(key.chars().all(char::is_alphanumeric));
                prop_assert!(KEY_CHARS.contains(&key.chars().count()));
            }
        }
    }
}
