//! Invented names. A person has one name and spells it in the manner of each platform, so that the
//! same person is recognisable, but not equal, on two of them. Family names are made up.

use kernel::Platform;

use crate::dice::Dice;

/// A person's name before a platform spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Name {
    first: &'static str,
    second: &'static str,
    number: Option<u32>,
    style: u32,
}

impl Name {
    /// A nickname like «mossy otter».
    pub(crate) fn nick(dice: &mut Dice) -> Self {
        Self {
            first: dice.word(MANNERS),
            second: dice.word(CREATURES),
            number: dice.chance(600).then(|| dice.between(2, 999)),
            style: dice.below(4),
        }
    }

    /// A name like «Mina Kestrow».
    pub(crate) fn full(dice: &mut Dice) -> Self {
        Self {
            first: dice.word(FIRST),
            second: dice.word(FAMILY),
            number: dice.chance(200).then(|| dice.between(2, 99)),
            style: dice.below(4),
        }
    }

    /// The name as shown on a platform.
    pub(crate) fn on(&self, platform: Platform) -> String {
        let number = self.number.map(|n| n.to_string()).unwrap_or_default();
        match platform {
            Platform::Slack => format!("{} {}", capital(self.first), capital(self.second)),
            Platform::Discord => {
                let (first, second) = (self.first.to_lowercase(), self.second.to_lowercase());
                match self.style {
                    0 => format!("{first}_{second}"),
                    1 => format!("{first}.{second}{number}"),
                    2 => format!("{first}{second}{number}"),
                    _ => format!("{second}_{first}{number}"),
                }
            }
            Platform::Twitch => match self.style {
                0 | 1 => format!(
                    "{}{}{number}",
                    self.first.to_lowercase(),
                    self.second.to_lowercase()
                ),
                2 => format!("{}{}TV", capital(self.first), capital(self.second)),
                _ => format!("{}{}{number}", capital(self.first), capital(self.second)),
            },
            Platform::Irc | Platform::Import => self.first.to_lowercase(),
        }
    }
}

/// A name as throw-away accounts have: syllables and digits.
pub(crate) fn throwaway(dice: &mut Dice) -> String {
    let mut name = String::new();
    for _ in 0..dice.between(2, 4) {
        name.push_str(dice.word(SYLLABLES));
    }
    format!("{name}{}", dice.between(1_000, 99_999))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}

const SYLLABLES: &[&str] = &[
    "ka", "lo", "vi", "ter", "mun", "zo", "ri", "pax", "ne", "dul", "qi", "bor", "sha", "tek",
    "wy", "fen",
];

const MANNERS: &[&str] = &[
    "mossy",
    "sleepy",
    "brisk",
    "amber",
    "quiet",
    "salty",
    "lunar",
    "copper",
    "velvet",
    "paper",
    "drowsy",
    "merry",
    "foggy",
    "plum",
    "crispy",
    "humble",
    "nimble",
    "rusty",
    "silver",
    "tiny",
    "wandering",
    "woolly",
    "zesty",
    "breezy",
    "cobalt",
    "dusty",
    "fern",
    "ginger",
    "hazel",
    "indigo",
    "jolly",
    "kindly",
    "lemon",
    "maple",
    "north",
    "olive",
    "pepper",
    "quill",
    "river",
    "sunny",
    "tidal",
    "umber",
    "violet",
    "winter",
    "yonder",
    "cedar",
    "biscuit",
    "thistle",
    "marble",
    "lantern",
    "puddle",
    "button",
    "cinder",
    "pocket",
    "ember",
    "gentle",
];

const CREATURES: &[&str] = &[
    "otter",
    "heron",
    "badger",
    "puffin",
    "newt",
    "walrus",
    "finch",
    "marten",
    "beetle",
    "lynx",
    "gull",
    "hare",
    "moth",
    "toad",
    "raven",
    "stoat",
    "kelpie",
    "goose",
    "wombat",
    "tapir",
    "yak",
    "ferret",
    "quokka",
    "seal",
    "crab",
    "squid",
    "pigeon",
    "swift",
    "bison",
    "dormouse",
    "koala",
    "panda",
    "turnip",
    "kettle",
    "teapot",
    "waffle",
    "dumpling",
    "pretzel",
    "noodle",
    "acorn",
    "pebble",
    "comet",
    "anchor",
    "lighthouse",
    "mitten",
    "umbrella",
    "scone",
    "pickle",
    "radish",
    "compass",
    "raccoon",
    "duckling",
    "hedgehog",
    "snail",
    "sparrow",
    "mango",
];

const FIRST: &[&str] = &[
    "Mina", "Jonas", "Priya", "Tomas", "Leila", "Anouk", "Felix", "Ines", "Kofi", "Yara", "Emil",
    "Noor", "Sanna", "Mateo", "Greta", "Hugo", "Aiko", "Davor", "Selma", "Oskar", "Ruth", "Marek",
    "Tilda", "Nils", "Amara", "Bruno", "Carla", "Dario", "Edda", "Farid", "Gloria", "Henrik",
    "Isla", "Jamal", "Karin", "Luca", "Maren", "Nadia", "Otto", "Paula", "Quinn", "Rosa", "Samir",
    "Thea", "Uma", "Viktor", "Wanda", "Xenia", "Yusuf", "Zora", "Lotte", "Piet", "Hanne", "Jule",
];

const FAMILY: &[&str] = &[
    "Kestrow",
    "Alvane",
    "Dorrin",
    "Brellmann",
    "Castovar",
    "Emberly",
    "Fennoway",
    "Grevall",
    "Hollin",
    "Istrand",
    "Jarnow",
    "Kettelby",
    "Lorrimont",
    "Marquell",
    "Norvath",
    "Ostermund",
    "Pellander",
    "Quistrup",
    "Rovendal",
    "Silvagne",
    "Tarnbeck",
    "Ulvedal",
    "Vexley",
    "Wendrik",
    "Yarrowin",
    "Zellmoor",
    "Ambrosel",
    "Birkholt",
    "Corvanni",
    "Dunmarsh",
    "Elderwick",
    "Frostad",
    "Gallowen",
    "Harrowick",
    "Immerhof",
    "Junovar",
    "Kallmeyn",
    "Lindrosa",
    "Mossgarde",
    "Nettlow",
];

#[cfg(test)]
mod tests {
    use super::Name;
    use crate::dice::Key;
    use kernel::Platform;

    #[test]
    fn one_person_has_similar_names_everywhere() {
        for label in 0..200 {
            let mut dice = Key::root(3, "names").child(label).dice();
            let name = if label % 2 == 0 {
                Name::nick(&mut dice)
            } else {
                Name::full(&mut dice)
            };
            for platform in [Platform::Discord, Platform::Twitch, Platform::Slack] {
                let spelt = name.on(platform).to_lowercase();
                assert!(spelt.contains(&name.first.to_lowercase()));
                assert!(spelt.contains(&name.second.to_lowercase()));
                assert!(platform == Platform::Slack || !spelt.contains(' '));
            }
        }
    }
}
