//! What a process used, from Linux's `/proc`. Zero where there is no such file.

/// CPU time in microseconds (user and system, all threads) and resident memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) cpu_micros: u64,
    pub(super) resident_bytes: u64,
    pub(super) peak_bytes: u64,
}

/// Reads the usage of this process at this moment.
pub(super) fn now() -> Usage {
    of("self")
}

/// Reads the usage of the process with an id at this moment.
pub(super) fn of(process: &str) -> Usage {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Fields 14 and 15 (proc(5)), counted after the command's name, which may contain spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let bytes = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        kilobytes.unwrap_or(0).saturating_mul(1_024)
    };
    Usage {
        cpu_micros: ticks.saturating_mul(1_000_000)
            / rustix::param::clock_ticks_per_second().max(1),
        resident_bytes: bytes("VmRSS:"),
        peak_bytes: bytes("VmHWM:"),
    }
}
