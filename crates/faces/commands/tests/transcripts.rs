//! Plays `fixtures/transcripts/*.txt` on Discord, Twitch and Slack, each on both databases: what is
//! said, what is answered, and that nothing else is.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod transcripts {
    mod face;
    mod play;
    mod script;
    mod stage;
}
