//! What this process used, from Linux's `/proc/self`. Zero where there is no such file.

/// CPU time in microseconds (user and system, all threads) and peak resident memory in bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) cpu_micros: u64,
    pub(super) peak_bytes: u64,
}

/// Reads the usage of this moment.
pub(super) fn now() -> Usage {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Fields 14 and 15 (proc(5)), counted after the command's name, which may contain spaces.
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|n| n.parse::<u64>().ok())
        .sum();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap_or("");
    let kilobytes: u64 = peak
        .split_whitespace()
        .next()
        .and_then(|n| n.parse().ok())
        .unwrap_or(0);
    Usage {
        cpu_micros: ticks.saturating_mul(1_000_000)
            / rustix::param::clock_ticks_per_second().max(1),
        peak_bytes: kilobytes.saturating_mul(1_024),
    }
}
