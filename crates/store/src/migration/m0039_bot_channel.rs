//! Where a community's moderators are told of new cases, and of which cases they were. Never edited after a release.

use crate::schema::{
    Added,
    Kind::{Big, Int, Small, Text},
    Personal::None,
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        // No row = nowhere.
        Table::new("bot_channel", "bots")
            .col("community_id", Int, None)
            .col("server_id", Int, None)
            // As the platform names it, by its id and by its name.
            .col("channel", Text, None)
            .col("channel_name", Text, None)
            // From which level on: 1 possible, 2 likely.
            .col("least", Small, None)
            // When something was posted of cases last; 0 = never.
            .col("told_at", Big, None)
            .col("updated_at", Big, None)
            .primary(&["community_id"])
            .references("community_id", "community"),
    ]
}

/// See [`super::columns`]. 0 = nobody is to be told of it, 1 = somebody is, 2 = they were. Of this opening.
pub(super) const COLUMNS: &[Added] = &[Added::number("bot_case", "told", Small, None, 0)];

/// See [`super::statements`]. Nearly no case waits to be told of.
pub(super) const INDEXES: &[&str] =
    &["CREATE INDEX ix_bot_case_untold ON bot_case (community_id) WHERE told = 1"];
