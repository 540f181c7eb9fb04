//! Wordings that several commands share. Pure.

use std::time::Duration;

use kernel::Role;

/// For whom something is: `moderators and above`.
pub(crate) const fn audience(role: Role) -> &'static str {
    match role {
        Role::Banned | Role::Member => "everybody",
        Role::Vip => "VIPs and above",
        Role::Moderator => "moderators and above",
        Role::Admin => "admins and above",
        Role::Owner => "owners",
    }
}

/// A role as people type it.
pub(crate) fn role(text: &str) -> Option<Role> {
    match text.to_ascii_lowercase().as_str() {
        "everyone" | "everybody" | "all" | "member" => Some(Role::Member),
        "vip" => Some(Role::Vip),
        "mod" | "moderator" => Some(Role::Moderator),
        "admin" => Some(Role::Admin),
        "owner" | "streamer" | "broadcaster" => Some(Role::Owner),
        _ => None,
    }
}

/// A length of time in its two largest units: `3 h 2 min`.
pub(crate) fn lasting(length: Duration) -> String {
    let secs = length.as_secs();
    let (days, hours, minutes) = (secs / 86_400, secs / 3_600 % 24, secs / 60 % 60);
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "min")
    } else if minutes > 0 {
        two(minutes, "min", secs % 60, "s")
    } else {
        format!("{secs} s")
    }
}

/// As many of the names as fit into so many characters, with how many are left.
pub(crate) fn listed(names: &[String], room: usize) -> String {
    let mut text = String::new();
    for (n, name) in names.iter().enumerate() {
        let comma = if n == 0 { "" } else { ", " };
        if text.chars().count() + comma.len() + name.chars().count() > room {
            return format!("{text} and {} more", names.len() - n);
        }
        text.push_str(comma);
        text.push_str(name);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{lasting, listed};

    #[test]
    fn a_length_of_time_has_two_units_at_most() {
        for (secs, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (61, "1 min 1 s"),
            (3_600, "1 h"),
            (10_920, "3 h 2 min"),
            (86_400, "1 d"),
            (100_000, "1 d 3 h"),
        ] {
            assert_eq!(lasting(Duration::from_secs(secs)), expected);
        }
    }

    #[test]
    fn a_list_says_what_it_leaves_out() {
        let names: Vec<String> = ["!a", "!bb", "!c"].map(str::to_owned).to_vec();
        assert_eq!(listed(&names, 20), "!a, !bb, !c");
        assert_eq!(listed(&names, 8), "!a, !bb and 1 more");
        assert_eq!(listed(&[], 8), "");
    }
}
