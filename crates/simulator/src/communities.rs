//! The plans of the simulated communities: what each is called, where it meets, how large it is and
//! what it talks about. Plans are data; must never generate an event.

use kernel::{Day, Platform};

use crate::{Growth, Rhythm, machines::Machine};

/// What a community's small talk is about, and in which language.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SmallTalk {
    /// A cosy sailing game, in English.
    Games,
    /// A podcast about cities at night, in English.
    Podcast,
    /// Evening courses in mathematics and programming, in English.
    Study,
    /// Makers and their small shops, in German.
    Workshop,
}

impl SmallTalk {
    /// The BCP 47 tag of the language.
    pub const fn language(self) -> &'static str {
        match self {
            Self::Games | Self::Podcast | Self::Study => "en",
            Self::Workshop => "de",
        }
    }
}

/// A room for chat.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Channel {
    /// The platform's id.
    pub id: String,
    /// The name people see.
    pub name: &'static str,
}

/// A server, workspace or broadcaster's channel in which a community meets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// On which platform.
    pub platform: Platform,
    /// The platform's id of the server. Not in the platform's own form, so that it can never be
    /// somebody's real server.
    pub server: String,
    /// The name people see.
    pub name: &'static str,
    /// Rooms, the one for newcomers first; on Twitch one, which has the server's id.
    pub channels: Vec<Channel>,
    /// How many of the people are at home here, relative to the community's other places.
    pub share: u32,
}

/// A weekly hour at which the community's channel streams.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct StreamSlot {
    /// 0 = Monday.
    pub(crate) weekday: u8,
    /// Minutes after midnight UTC.
    pub(crate) start: u32,
    /// Minutes.
    pub(crate) length: u32,
}

/// Everything that makes one simulated community what it is. Made by [`communities`]; fields that
/// are public may be changed before use, and a changed plan has a different past.
#[derive(Clone, Debug)]
pub struct CommunityPlan {
    /// Part of every id the community makes; changing it makes another community.
    pub slug: &'static str,
    /// The name people see.
    pub name: &'static str,
    /// One sentence about it.
    pub description: &'static str,
    /// Language and topics.
    pub talk: SmallTalk,
    /// Hours and weekdays.
    pub rhythm: Rhythm,
    /// Size over time.
    pub growth: Growth,
    /// People who post most days, at base size.
    pub n_regulars: u32,
    /// People who come and speak for the first time in an average week, at base size.
    pub newcomers_per_week: u32,
    /// People who come to read in an average week, at base size.
    pub lurkers_per_week: u32,
    /// Spammers in an average month, at base size.
    pub spammers_per_month: u32,
    /// Messages a regular writes on an average day; at most 100 count.
    pub messages_per_visit: u32,
    /// Milliseconds between two live events, on average; at most an hour.
    pub live_gap_ms: u32,
    /// At least one, each with at least one channel: that is why it is private.
    pub(crate) places: Vec<Place>,
    pub(crate) n_moderators: u32,
    pub(crate) streams: Vec<StreamSlot>,
    /// The service bot's name.
    pub(crate) bot: &'static str,
    /// Who else there is beside people, or looks so.
    pub(crate) machines: &'static [Machine],
    /// The launch peak is on days with this remainder modulo [`CommunityPlan::SEASON`].
    pub(crate) launch: i32,
    /// The same for the day of an outage.
    pub(crate) outage: i32,
}

impl CommunityPlan {
    /// Days from one launch peak, and from one outage, to the next: every quarter has one. Whole
    /// weeks, so that a peak stays on its weekday.
    pub(crate) const SEASON: i32 = 70;

    /// Where the community meets: never empty.
    pub fn places(&self) -> &[Place] {
        &self.places
    }
}

/// The simulated communities. Together about 80,000 events in a quarter of a year.
pub fn communities() -> Vec<CommunityPlan> {
    vec![
        pixel_harbour(),
        night_bus_radio(),
        maple_lane(),
        werkbank_sued(),
    ]
}

const DISCORD: Platform = Platform::Discord;
const TWITCH: Platform = Platform::Twitch;
const SLACK: Platform = Platform::Slack;

fn pixel_harbour() -> CommunityPlan {
    let slug = "pixel-harbour";
    CommunityPlan {
        slug,
        name: "Pixel Harbour",
        description: "A cosy crew that sails, fishes and builds together in Tidebound, and watches the evening stream.",
        talk: SmallTalk::Games,
        rhythm: Rhythm::EVENINGS,
        growth: growth(20_570, 3_600, 220),
        n_regulars: 18,
        newcomers_per_week: 13,
        lurkers_per_week: 8,
        spammers_per_month: 12,
        messages_per_visit: 5,
        live_gap_ms: 1_900,
        places: vec![
            place(
                slug,
                DISCORD,
                "Pixel Harbour",
                55,
                &[
                    "harbour-chat",
                    "ship-yard",
                    "screenshots",
                    "looking-for-crew",
                ],
            ),
            place(slug, TWITCH, "pixelharbour", 45, &["pixelharbour"]),
        ],
        n_moderators: 3,
        streams: [
            (1, 1_080, 180),
            (3, 1_080, 180),
            (4, 1_110, 210),
            (5, 960, 300),
            (6, 1_020, 240),
        ]
        .map(stream)
        .into(),
        bot: "HarbourMate",
        machines: &[Machine::Follows, Machine::Typist, Machine::Answers],
        launch: 30, // a Saturday
        outage: 55,
    }
}

fn night_bus_radio() -> CommunityPlan {
    let slug = "night-bus-radio";
    CommunityPlan {
        slug,
        name: "Night Bus Radio",
        description: "Listeners of a podcast about cities after dark: episodes, routes, soundscapes and a lot of tea.",
        talk: SmallTalk::Podcast,
        rhythm: Rhythm::COMMUTE,
        growth: growth(20_600, 3_400, 240),
        n_regulars: 11,
        newcomers_per_week: 8,
        lurkers_per_week: 6,
        spammers_per_month: 4,
        messages_per_visit: 4,
        live_gap_ms: 4_600,
        places: vec![
            place(
                slug,
                DISCORD,
                "Night Bus Radio",
                70,
                &["bus-stop", "episodes", "soundscapes"],
            ),
            place(
                slug,
                SLACK,
                "Night Bus Crew",
                30,
                &["general", "story-desk"],
            ),
        ],
        n_moderators: 2,
        streams: Vec::new(),
        bot: "Conductor",
        machines: &[Machine::Timer, Machine::Typist],
        launch: 21, // a Thursday
        outage: 3,
    }
}

fn maple_lane() -> CommunityPlan {
    let slug = "maple-lane";
    CommunityPlan {
        slug,
        name: "Maple Lane Study Hall",
        description: "Evening courses in mathematics and programming: questions, patient answers, study groups.",
        talk: SmallTalk::Study,
        rhythm: Rhythm::OFFICE,
        growth: growth(20_560, 3_000, 260),
        n_regulars: 12,
        newcomers_per_week: 8,
        lurkers_per_week: 5,
        spammers_per_month: 3,
        messages_per_visit: 5,
        live_gap_ms: 4_000,
        places: vec![
            place(
                slug,
                SLACK,
                "Maple Lane",
                80,
                &["welcome", "maths-help", "code-help", "study-groups"],
            ),
            place(
                slug,
                DISCORD,
                "Maple Lane Library",
                20,
                &["library", "quiet-corner"],
            ),
        ],
        n_moderators: 2,
        streams: Vec::new(),
        bot: "Bookmark",
        machines: &[Machine::Ring, Machine::Answers, Machine::Joins],
        launch: 40, // a Tuesday
        outage: 12,
    }
}

fn werkbank_sued() -> CommunityPlan {
    let slug = "werkbank-sued";
    CommunityPlan {
        slug,
        name: "Werkbank Süd",
        description: "Holz, Leder, Lötkolben: Leute mit kleiner Werkstatt und kleinem Laden helfen einander.",
        talk: SmallTalk::Workshop,
        rhythm: Rhythm::WORKSHOP,
        growth: growth(20_590, 3_200, 240),
        n_regulars: 10,
        newcomers_per_week: 6,
        lurkers_per_week: 4,
        spammers_per_month: 3,
        messages_per_visit: 4,
        live_gap_ms: 6_500,
        places: vec![
            place(
                slug,
                DISCORD,
                "Werkbank Süd",
                50,
                &["werkstatt", "zeigt-her", "laden-und-versand"],
            ),
            place(
                slug,
                SLACK,
                "Werkbank Läden",
                28,
                &["allgemein", "marktstand"],
            ),
            place(slug, TWITCH, "werkbanksued", 22, &["werkbanksued"]),
        ],
        n_moderators: 1,
        streams: [(2, 1_080, 120), (5, 840, 180)].map(stream).into(),
        bot: "Hobelspan",
        machines: &[
            Machine::Ring,
            Machine::Timer,
            Machine::Answers,
            Machine::Follows,
            Machine::Joins,
            Machine::Typist,
        ],
        launch: 51, // a Saturday
        outage: 64,
    }
}

const fn growth(since: i32, ceiling: u32, half_days: u32) -> Growth {
    Growth {
        since: Day(since),
        ceiling,
        half_days,
    }
}

const fn stream((weekday, start, length): (u8, u32, u32)) -> StreamSlot {
    StreamSlot {
        weekday,
        start,
        length,
    }
}

fn place(
    slug: &str,
    platform: Platform,
    name: &'static str,
    share: u32,
    channels: &[&'static str],
) -> Place {
    let server = format!("sim-{slug}-{platform}");
    let channel = |name: &&'static str| Channel {
        id: if platform == TWITCH {
            server.clone()
        } else {
            format!("{server}-{name}")
        },
        name,
    };
    Place {
        platform,
        name,
        channels: channels.iter().map(channel).collect(),
        server,
        share,
    }
}

#[cfg(test)]
mod tests {
    use super::{CommunityPlan, communities};
    use kernel::{Day, Platform};
    use std::collections::BTreeSet;

    #[test]
    fn every_plan_has_a_place_with_a_channel_and_no_two_share_an_id() {
        let mut ids = BTreeSet::new();
        for plan in communities() {
            assert!(!plan.places().is_empty());
            for place in plan.places() {
                assert!(!place.channels.is_empty());
                assert!(ids.insert(place.server.clone()), "{}", place.server);
                assert!(place.platform != Platform::Twitch || place.channels.len() == 1);
            }
        }
    }

    #[test]
    fn streams_and_peaks_stay_within_their_day() {
        for plan in communities() {
            assert!(plan.streams.iter().all(|s| s.start + s.length <= 1_380));
            assert_ne!(plan.launch, plan.outage);
            assert_eq!(CommunityPlan::SEASON % 7, 0);
            // A launch with a stream is on a day that streams.
            let launch = Day(plan.launch).weekday();
            assert!(plan.streams.is_empty() || plan.streams.iter().any(|s| s.weekday == launch));
        }
    }
}
