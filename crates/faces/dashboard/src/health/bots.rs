//! What bots contribute to the activity of the last thirty days, so that the people who are counted as active are people. Pure.
//!
//! Must never tell who it is: every member sees it.

use ::bots::BotScore;

use crate::display;

/// The line below the tiles.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Bots {
    /// The grade, with the score it is of; `None` while nothing is known.
    pub(crate) grade: Option<String>,
    /// How many of those who wrote are likely bots, and how much of what was written is theirs.
    pub(crate) share: String,
}

impl Bots {
    pub(crate) fn of(found: &BotScore) -> Self {
        let (active, bots) = (found.counts.active_members, found.bots);
        let people = |n: u32| display::count(n.into());
        let share = match (active, bots.members) {
            (0, _) => "Nobody wrote in the last 30 days.".to_owned(),
            (active, 0) => format!(
                "None of the {} who wrote in the last 30 days was called a bot or likely is one.",
                people(active)
            ),
            (active, likely) => {
                let all = f64::from(found.counts.messages).max(1.0);
                let part = display::percent((f64::from(bots.messages) / all).min(1.0));
                format!(
                    "Of the {} who wrote in the last 30 days, {} {} called or likely {}, with {part} of the messages.",
                    people(active),
                    people(likely),
                    if likely == 1 { "is a" } else { "are" },
                    if likely == 1 { "bot" } else { "bots" },
                )
            }
        };
        let score = &found.score;
        let grade = score.grade.zip(score.overall);
        Self {
            grade: grade.map(|(grade, of)| format!("{} ({of} of 100)", grade.as_str())),
            share,
        }
    }
}

#[cfg(test)]
mod tests {
    use ::bots::{
        BotScore, BotShare,
        rules::{CommunityCounts, community_score},
    };
    use kernel::Timestamp;

    use super::Bots;

    fn bots(active: u32, share: BotShare) -> Bots {
        let counts = CommunityCounts {
            active_members: active,
            messages: 400,
            health: Some(80.0),
            alerted_members: Some(0),
            ..CommunityCounts::default()
        };
        Bots::of(&BotScore {
            score: community_score(&counts),
            counts,
            bots: share,
            at: Timestamp(0),
        })
    }

    #[test]
    fn who_counts_as_active_is_told_with_how_many_of_them_are_bots() {
        let share = |members, messages| BotShare { members, messages };
        let words = |active, members, messages| bots(active, share(members, messages)).share;
        assert_eq!(
            words(41, 3, 100),
            "Of the 41 who wrote in the last 30 days, 3 are called or likely bots, with 25 % of the messages."
        );
        assert_eq!(
            words(41, 1, 2),
            "Of the 41 who wrote in the last 30 days, 1 is a called or likely bot, with 0.5 % of the messages."
        );
        assert_eq!(
            words(41, 0, 0),
            "None of the 41 who wrote in the last 30 days was called a bot or likely is one."
        );
        assert_eq!(words(0, 0, 0), "Nobody wrote in the last 30 days.");
        assert!(bots(41, share(0, 0)).grade.is_some());
    }
}
