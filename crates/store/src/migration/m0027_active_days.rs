//! On how many days a member wrote, kept beside their messages, so that a page of members counts nothing.

use crate::schema::{Added, Kind::Int, Personal::Personal};

/// See [`super::columns`].
pub(super) const COLUMNS: &[Added] = &[Added::number("member", "active_days", Int, Personal, 0)];

/// See [`super::statements`].
pub(super) const FILL: &[&str] = &[
    "UPDATE member SET active_days = (SELECT COUNT(DISTINCT d.day) FROM activity_day d \
     WHERE d.community_id = member.community_id AND d.user_id = member.user_id)",
];
