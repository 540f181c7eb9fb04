//! What speaks for and against two accounts being one person's, and how much in all. Pure.
//!
//! The weights: the same handle 60, handles that are alike 48, a chosen name that the other one has
//! 42; of a usual name 70 % of that, of a common one 35 %. Another chosen name in common adds 15, the
//! same picture 25. Each side that has another account on the other's platform already takes 15.
//! Never more than 95, because only signing in proves it; below 40 nothing is suggested. So
//! `quackmaster_77` on two platforms is suggested (60) and `alex` is not (21), unless the picture is
//! the same too (46).
//!
//! Must never see an e-mail address, whether verified or not.

use kernel::Platform;

use super::name::{self, Rarity};

/// What it takes to be suggested.
pub(crate) const SHOWN_FROM: u8 = 40;

const SAME_HANDLE: u16 = 60;
const ALIKE_HANDLE: u16 = 48;
const SHARED_NAME: u16 = 42;
const SECOND_NAME: u16 = 15;
const SAME_PICTURE: u16 = 25;
const OTHER_ACCOUNT: u16 = 15;
const MOST: u16 = 95;

/// Pictures that say nothing: those of people who chose none, and those that are found by a hash of
/// an e-mail address.
const NO_PICTURE: [&str; 4] = [
    "/embed/avatars/",
    "/user-default-pictures",
    "gravatar.com/",
    "/ava_0",
];

/// Something that speaks for or against it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sign {
    /// The handles are the same.
    SameHandle,
    /// The handles differ in how they are written.
    AlikeHandle,
    /// A name that one chose here is the other's.
    SharedName,
    /// The name is rare.
    RareName,
    /// The name is common.
    CommonName,
    /// The pictures are the same.
    SamePicture,
    /// One has another account on the other's platform. Speaks against it.
    OtherAccount,
    /// Both have. Speaks against it.
    OtherAccounts,
}

impl Sign {
    /// Every sign.
    pub const ALL: [Self; 8] = [
        Self::SameHandle,
        Self::AlikeHandle,
        Self::SharedName,
        Self::RareName,
        Self::CommonName,
        Self::SamePicture,
        Self::OtherAccount,
        Self::OtherAccounts,
    ];

    /// The lower-case name, as stored. Never change one.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameHandle => "same_handle",
            Self::AlikeHandle => "alike_handle",
            Self::SharedName => "shared_name",
            Self::RareName => "rare_name",
            Self::CommonName => "common_name",
            Self::SamePicture => "same_picture",
            Self::OtherAccount => "other_account",
            Self::OtherAccounts => "other_accounts",
        }
    }

    /// The sign of a name; `None` if a newer program wrote it.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|sign| sign.as_str() == name)
    }

    /// Whether it speaks against it.
    pub const fn is_against(self) -> bool {
        matches!(self, Self::OtherAccount | Self::OtherAccounts)
    }

    /// What people read.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::SameHandle => "Both accounts have the same handle.",
            Self::AlikeHandle => {
                "The handles are the same but for how they are written, or for an ending such as «_ttv»."
            }
            Self::SharedName => "A name that one of them chose here is also the other's.",
            Self::RareName => "The name is a rare one.",
            Self::CommonName => "The name is a common one, which says little.",
            Self::SamePicture => "Both accounts show the same picture.",
            Self::OtherAccount => {
                "Against it: one of them has another account on the other's platform."
            }
            Self::OtherAccounts => {
                "Against it: each of them has another account on the other's platform."
            }
        }
    }
}

/// One of the two accounts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Side {
    /// Its handle on the platform.
    pub(crate) handle: String,
    /// What its owner chose to be called here: display name and handle, if they sign in.
    pub(crate) chosen: Vec<String>,
    /// Where its picture is.
    pub(crate) picture: Option<String>,
    /// On which platforms its owner has accounts.
    pub(crate) platforms: Vec<Platform>,
    /// Its own.
    pub(crate) platform: Option<Platform>,
}

impl Side {
    fn is_there_already(&self, other: &Self) -> bool {
        other
            .platform
            .is_some_and(|platform| self.platforms.contains(&platform))
    }

    fn picture(&self) -> Option<&str> {
        let says =
            |url: &&str| !url.is_empty() && !NO_PICTURE.iter().any(|nothing| url.contains(nothing));
        self.picture.as_deref().filter(says)
    }

    /// The keys of the chosen names, without that of the handle.
    fn chosen(&self) -> Vec<String> {
        let own = name::key(&self.handle);
        let keys = self.chosen.iter().filter_map(|name| name::key(name));
        keys.filter(|key| Some(key) != own.as_ref()).collect()
    }
}

/// How sure it is that two accounts are one person's, in percent, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judgement {
    pub(crate) confidence: u8,
    pub(crate) signs: Vec<Sign>,
}

/// Judges a pair whose names met at a key that so many people have. Without a name in common the
/// answer is no.
pub(crate) fn judge(one: &Side, other: &Side, met_at: &str, n_people: usize) -> Judgement {
    let (own, theirs) = (name::key(&one.handle), name::key(&other.handle));
    let (chosen, others) = (one.chosen(), other.chosen());
    let in_common = |keys: &[String], handle: &Option<String>, more: &[String]| {
        let has = |key: &String| Some(key) == handle.as_ref() || more.contains(key);
        keys.iter().any(has)
    };
    let is_shared = in_common(&chosen, &theirs, &others) || in_common(&others, &own, &chosen);
    let is_alike = own.is_some() && own == theirs;
    let mut signs = Vec::new();
    if is_alike {
        let is_same = one.handle.to_lowercase() == other.handle.to_lowercase();
        signs.push(if is_same {
            Sign::SameHandle
        } else {
            Sign::AlikeHandle
        });
    }
    let is_handle = is_alike && own.as_deref() == Some(met_at);
    let base = match signs.first() {
        Some(Sign::SameHandle) if is_handle => SAME_HANDLE,
        Some(_) if is_handle => ALIKE_HANDLE,
        _ if is_shared => SHARED_NAME,
        _ => 0,
    };
    if base == 0 {
        return Judgement {
            confidence: 0,
            signs: Vec::new(),
        };
    }
    if is_shared {
        signs.push(Sign::SharedName);
    }
    let mut sum = match name::rarity(met_at, n_people) {
        Rarity::Rare => {
            signs.push(Sign::RareName);
            base
        }
        Rarity::Usual => base * 70 / 100,
        Rarity::Common => {
            signs.push(Sign::CommonName);
            base * 35 / 100
        }
    };
    if is_alike && is_shared {
        sum += SECOND_NAME;
    }
    if one.picture().is_some() && one.picture() == other.picture() {
        signs.push(Sign::SamePicture);
        sum += SAME_PICTURE;
    }
    let against = [one.is_there_already(other), other.is_there_already(one)];
    match against {
        [true, true] => signs.push(Sign::OtherAccounts),
        [false, false] => {}
        _ => signs.push(Sign::OtherAccount),
    }
    for _ in against.into_iter().filter(|is_there| *is_there) {
        sum = sum.saturating_sub(OTHER_ACCOUNT);
    }
    Judgement {
        confidence: u8::try_from(sum.min(MOST)).unwrap_or(0),
        signs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(platform: Platform, handle: &str) -> Side {
        Side {
            handle: handle.to_owned(),
            platform: Some(platform),
            platforms: vec![platform],
            ..Side::default()
        }
    }

    fn on_both(one: &str, other: &str) -> (Side, Side) {
        (side(Platform::Discord, one), side(Platform::Twitch, other))
    }

    fn judged(one: &Side, other: &Side, met_at: &str) -> (u8, Vec<Sign>) {
        let judgement = judge(one, other, met_at, 2);
        let turned = judge(other, one, met_at, 2);
        assert_eq!(judgement, turned, "the order of the two says nothing");
        (judgement.confidence, judgement.signs)
    }

    #[test]
    fn a_rare_handle_is_suggested_and_a_common_one_is_not() {
        let (one, other) = on_both("quackmaster_77", "QuackMaster_77");
        let rare = judged(&one, &other, "quackmaster77");
        assert_eq!(rare, (60, vec![Sign::SameHandle, Sign::RareName]));
        let (one, other) = on_both("alex", "Alex");
        let common = judged(&one, &other, "alex");
        assert_eq!(common, (21, vec![Sign::SameHandle, Sign::CommonName]));
        assert!(rare.0 >= SHOWN_FROM && common.0 < SHOWN_FROM);
    }

    #[test]
    fn what_is_only_alike_says_less_than_what_is_the_same() {
        let (one, other) = on_both("quackmaster_77", "quackmaster77_ttv");
        assert_eq!(
            judged(&one, &other, "quackmaster77"),
            (48, vec![Sign::AlikeHandle, Sign::RareName])
        );
    }

    #[test]
    fn a_chosen_name_counts_alone_and_on_top() {
        let (mut one, mut other) = on_both("xyz", "quackmaster_77");
        one.chosen = vec!["Quackmaster 77".to_owned()];
        assert_eq!(
            judged(&one, &other, "quackmaster77"),
            (42, vec![Sign::SharedName, Sign::RareName])
        );
        one.handle = "quackmaster_77".to_owned();
        assert_eq!(
            judged(&one, &other, "quackmaster77").0,
            60,
            "the name one came with is not a second name"
        );
        one.chosen = vec!["Her Majesty".to_owned()];
        other.chosen = vec!["her-majesty".to_owned()];
        assert_eq!(judged(&one, &other, "quackmaster77").0, 75);
        let (mut one, mut other) = on_both("alex", "alex");
        one.chosen = vec!["Her Majesty".to_owned()];
        other.chosen = vec!["her-majesty".to_owned()];
        assert_eq!(
            judged(&one, &other, "hermajesty").0,
            57,
            "a rare name does not make a common handle rare"
        );
    }

    #[test]
    fn the_same_picture_counts_unless_nobody_chose_it() {
        let (mut one, mut other) = on_both("alex", "alex");
        for (url, wanted) in [
            ("https://campus.example/p/9f8a.png", 46),
            ("https://cdn.discordapp.com/embed/avatars/1.png", 21),
            ("https://secure.gravatar.com/avatar/0bc83cb571cd1c50", 21),
            ("", 21),
        ] {
            one.picture = Some(url.to_owned());
            other.picture = Some(url.to_owned());
            assert_eq!(judged(&one, &other, "alex").0, wanted, "{url}");
        }
    }

    #[test]
    fn who_has_another_account_on_the_others_platform_is_less_likely_the_other() {
        let (mut one, mut other) = on_both("quackmaster_77", "quackmaster_77");
        one.platforms.push(Platform::Twitch);
        let (confidence, signs) = judged(&one, &other, "quackmaster77");
        assert_eq!(confidence, 45);
        assert!(signs.contains(&Sign::OtherAccount) && Sign::OtherAccount.is_against());
        other.platforms.push(Platform::Discord);
        let (confidence, signs) = judged(&one, &other, "quackmaster77");
        assert_eq!(confidence, 30);
        assert!(signs.contains(&Sign::OtherAccounts));
    }

    #[test]
    fn without_a_name_in_common_nothing_is_suggested_and_nothing_is_ever_certain() {
        let (mut one, mut other) = on_both("ada", "bob");
        one.picture = Some("https://campus.example/p/1.png".to_owned());
        other.picture.clone_from(&one.picture);
        assert_eq!(judged(&one, &other, "ada"), (0, Vec::new()));
        let (mut one, mut other) = on_both("quackmaster_77", "quackmaster_77");
        for side in [&mut one, &mut other] {
            side.picture = Some("https://campus.example/p/1.png".to_owned());
            side.chosen = vec!["Her Majesty".to_owned()];
        }
        assert_eq!(judged(&one, &other, "quackmaster77").0, 95);
    }

    #[test]
    fn every_sign_is_found_by_its_name() {
        for sign in Sign::ALL {
            assert_eq!(Sign::from_name(sign.as_str()), Some(sign));
            assert!(sign.sentence().ends_with('.'));
        }
    }
}
