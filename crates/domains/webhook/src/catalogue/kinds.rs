//! The kinds of events and the fields of their data, by name.
//!
//! Must never rename or remove what was offered once.

use super::{EventKind, Field, PING, Shape, field};

pub(super) const COMMUNITY: Field = field("community", Shape::Integer, "the community's id", "7");
const CASE: Field = field("case", Shape::Integer, "the case's id", "31");
const MODEL: Field = field("model", Shape::Integer, "the model's id", "9");
const MODEL_NAME: Field = field(
    "name",
    Shape::Text,
    "the model's name",
    "\"learned for community 7\"",
);
const MODEL_VERSION: Field = field(
    "version",
    Shape::Integer,
    "which model of that name, from 1 on",
    "3",
);
const ROLLOUT: Field = field("rollout", Shape::Integer, "the rollout's id", "4");
const STEP: Field = field(
    "step",
    Shape::Integer,
    "how many percent of the communities have the model: 10, 50 or 100",
    "10",
);
const TRAINING: Field = field("training", Shape::Integer, "the training's id", "6");
const USER: Field = field("user", Shape::Integer, "the person's id", "42");

/// Every kind, by name.
pub const KINDS: &[EventKind] = &[
    EventKind {
        name: "activity.import_finished",
        meaning: "An import of history into the community came to its end.",
        fields: &[
            COMMUNITY,
            field("import", Shape::Integer, "the import's id", "5"),
            field("recorded", Shape::Integer, "events recorded", "1000"),
            field(
                "duplicates",
                Shape::Integer,
                "events that were there already",
                "3",
            ),
            field("rejected", Shape::Integer, "events put aside", "0"),
        ],
    },
    EventKind {
        name: "activity.member_joined",
        meaning: "Somebody was seen in the community for the first time, in live chat; robots are left out.",
        fields: &[
            COMMUNITY,
            USER,
            field(
                "platform",
                Shape::Text,
                "where: `discord`, `twitch` or `slack`",
                "\"twitch\"",
            ),
        ],
    },
    EventKind {
        name: "activity.reputation_adjusted",
        meaning: "A moderator changed somebody's reputation by hand.",
        fields: &[
            COMMUNITY,
            USER,
            field(
                "points",
                Shape::Integer,
                "by how much it was asked for",
                "-25",
            ),
            field("score", Shape::Integer, "the score then, 300 to 850", "575"),
        ],
    },
    EventKind {
        name: "activity.suspicion_decided",
        meaning: "A moderator said what became of a flag.",
        fields: &[
            COMMUNITY,
            field("suspicion", Shape::Integer, "the flag's id", "12"),
            field(
                "state",
                Shape::Text,
                "`open`, `dismissed` or `confirmed`",
                "\"dismissed\"",
            ),
        ],
    },
    EventKind {
        name: "activity.suspicion_flagged",
        meaning: "A suspicious pattern was found that was not there before. A flag is a reason to look, nothing more.",
        fields: &[
            COMMUNITY,
            field("suspicion", Shape::Integer, "the flag's id", "12"),
            field(
                "pattern",
                Shape::Text,
                "`known_bad`, `shared_handles`, `shared_timing`, `link_burst` or `community_links`",
                "\"shared_timing\"",
            ),
        ],
    },
    EventKind {
        name: "bots.appeal_answered",
        meaning: "A moderator answered somebody who says that they are no bot.",
        fields: &[
            COMMUNITY,
            CASE,
            field("appeal", Shape::Integer, "the appeal's id", "2"),
            field(
                "state",
                Shape::Text,
                "`granted` or `refused`",
                "\"granted\"",
            ),
        ],
    },
    EventKind {
        name: "bots.appeal_made",
        meaning: "Somebody who was called a bot says that they are none.",
        fields: &[
            COMMUNITY,
            CASE,
            field("appeal", Shape::Integer, "the appeal's id", "2"),
        ],
    },
    EventKind {
        name: "bots.burst",
        meaning: "Many newcomers came at once: people, a raid, or a wave of bots, of joins or of follows. For an hour they are looked at after fewer messages.",
        fields: &[
            COMMUNITY,
            field(
                "crowd",
                Shape::Text,
                "what came: `newcomers`, most of whom said something; `follows`, most of whom only followed; `joins`, most of whom only joined; or a `raid`",
                "\"follows\"",
            ),
            field(
                "newcomers",
                Shape::Integer,
                "who came in ten minutes; of a raid its viewers",
                "31",
            ),
            field("usual", Shape::Integer, "how many usually do, rounded", "1"),
        ],
    },
    EventKind {
        name: "bots.case_decided",
        meaning: "A moderator said what an account is, or took that back. It is a label: nothing was done to anybody.",
        fields: &[
            COMMUNITY,
            CASE,
            USER,
            field(
                "state",
                Shape::Text,
                "`bot`, `human` or `open`",
                "\"human\"",
            ),
        ],
    },
    EventKind {
        name: "bots.case_opened",
        meaning: "An account looks like a bot that did not before. It is a reason to look, nothing more.",
        fields: &[
            COMMUNITY,
            CASE,
            USER,
            field(
                "level",
                Shape::Text,
                "`likely`, `possible`, or `unlikely` where members reported it",
                "\"likely\"",
            ),
            field("confidence", Shape::Integer, "how sure, 0 to 100", "84"),
        ],
    },
    EventKind {
        name: "bots.model_promoted",
        meaning: "A model that was made for the community alone judges its accounts from now on. A model for everybody is not told to communities.",
        fields: &[COMMUNITY, MODEL, MODEL_NAME, MODEL_VERSION],
    },
    EventKind {
        name: "bots.model_retired",
        meaning: "A model of the community alone is used no more: it was replaced, taken back or put away.",
        fields: &[COMMUNITY, MODEL, MODEL_NAME, MODEL_VERSION],
    },
    EventKind {
        name: "bots.rollout_advanced",
        meaning: "Whoever runs the instance gives a new model to some communities first, and this one is among them from now on.",
        fields: &[COMMUNITY, ROLLOUT, MODEL, STEP],
    },
    EventKind {
        name: "bots.rollout_halted",
        meaning: "The new model was taken back: the community is judged by the one before again.",
        fields: &[COMMUNITY, ROLLOUT, MODEL, STEP],
    },
    EventKind {
        name: "bots.training_failed",
        meaning: "A training on what the community's moderators said failed. Whoever runs the instance sees why.",
        fields: &[COMMUNITY, TRAINING],
    },
    EventKind {
        name: "bots.training_finished",
        meaning: "A model came of a training on what the community's moderators said. It decides nothing yet.",
        fields: &[COMMUNITY, TRAINING, MODEL],
    },
    EventKind {
        name: "community.command_added",
        meaning: "A chat command of the community's own was made.",
        fields: &[
            COMMUNITY,
            field(
                "name",
                Shape::Text,
                "what is typed after the prefix",
                "\"hello\"",
            ),
            field("is_enabled", Shape::Flag, "whether it answers", "true"),
        ],
    },
    EventKind {
        name: "community.command_changed",
        meaning: "A chat command of the community's own was changed.",
        fields: &[
            COMMUNITY,
            field(
                "name",
                Shape::Text,
                "what is typed after the prefix",
                "\"hello\"",
            ),
            field("is_enabled", Shape::Flag, "whether it answers", "true"),
        ],
    },
    EventKind {
        name: "community.command_removed",
        meaning: "A chat command of the community's own was removed.",
        fields: &[
            COMMUNITY,
            field(
                "name",
                Shape::Text,
                "what is typed after the prefix",
                "\"hello\"",
            ),
        ],
    },
    EventKind {
        name: "community.command_set",
        meaning: "The community decided about a chat command of the program.",
        fields: &[
            COMMUNITY,
            field("name", Shape::Text, "the command's name", "\"ping\""),
            field("is_enabled", Shape::Flag, "whether it answers", "true"),
        ],
    },
    EventKind {
        name: "delivery.failed",
        meaning: "Something that was to be said in the community's name was not, or perhaps not.",
        fields: &[
            COMMUNITY,
            field("delivery", Shape::Integer, "the message's id", "90"),
            field(
                "medium",
                Shape::Text,
                "`discord`, `twitch`, `slack` or `email`",
                "\"discord\"",
            ),
            field(
                "state",
                Shape::Text,
                "`failed`, `expired` or `unknown`",
                "\"failed\"",
            ),
        ],
    },
    EventKind {
        name: "identity.community_created",
        meaning: "A community was made. Nobody can have a webhook in it yet, so this is listed for completeness.",
        fields: &[COMMUNITY],
    },
    EventKind {
        name: "identity.community_updated",
        meaning: "The community's name, description or settings were saved.",
        fields: &[
            COMMUNITY,
            field(
                "slug",
                Shape::Text,
                "its name in addresses; never changes",
                "\"pond\"",
            ),
            field("name", Shape::Text, "its name", "\"Pond\""),
            field(
                "description",
                Shape::Text,
                "what it is about; may be empty",
                "\"Ducks\"",
            ),
            field(
                "retention_days",
                Shape::Integer,
                "how many days live messages are kept",
                "90",
            ),
        ],
    },
    EventKind {
        name: "identity.person_erased",
        meaning: "Somebody who was known here is being erased: forget what you keep of them. May come twice.",
        fields: &[COMMUNITY, USER],
    },
    EventKind {
        name: "identity.person_merged",
        meaning: "Two people of whom one was known here became one. What was the merged person's is the kept person's.",
        fields: &[
            COMMUNITY,
            field(
                "kept",
                Shape::Integer,
                "the id of the person who stays",
                "42",
            ),
            field(
                "merged",
                Shape::Integer,
                "the id that is nobody's any more",
                "57",
            ),
        ],
    },
    EventKind {
        name: "identity.person_unmerged",
        meaning: "A merge was undone: the two are two people again.",
        fields: &[
            COMMUNITY,
            field(
                "kept",
                Shape::Integer,
                "the id of the person who stayed",
                "42",
            ),
            field(
                "merged",
                Shape::Integer,
                "the id of the person who is back",
                "57",
            ),
        ],
    },
    EventKind {
        name: "identity.role_changed",
        meaning: "A person's role in the community changed.",
        fields: &[
            COMMUNITY,
            USER,
            field(
                "role",
                Shape::MaybeText,
                "`owner`, `admin`, `moderator`, `vip`, `member` or `banned`; null = the person left",
                "\"moderator\"",
            ),
        ],
    },
    EventKind {
        name: "identity.server_connected",
        meaning: "A server, workspace or channel was connected to the community.",
        fields: &[
            COMMUNITY,
            field("server", Shape::Integer, "the server's id here", "4"),
            field(
                "platform",
                Shape::Text,
                "`discord`, `twitch` or `slack`",
                "\"discord\"",
            ),
            field(
                "name",
                Shape::Text,
                "its name on the platform; may be empty",
                "\"Duck Pond\"",
            ),
        ],
    },
    EventKind {
        name: "identity.server_disconnected",
        meaning: "A server, workspace or channel was disconnected from the community.",
        fields: &[
            COMMUNITY,
            field("server", Shape::Integer, "the server's id here", "4"),
            field(
                "platform",
                Shape::Text,
                "`discord`, `twitch` or `slack`",
                "\"discord\"",
            ),
            field(
                "name",
                Shape::Text,
                "its name on the platform; may be empty",
                "\"Duck Pond\"",
            ),
        ],
    },
    EventKind {
        name: PING,
        meaning: "Somebody tried the webhook out. Sent to that webhook only, whatever kinds it wants.",
        fields: &[
            COMMUNITY,
            field("webhook", Shape::Integer, "the webhook's id", "3"),
        ],
    },
];
