//! What other programs used: processor time and memory, read from `/proc`; unknown on other systems.

use std::time::Duration;

/// The processor time of all children that have ended, with theirs.
pub(super) fn children_cpu() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let ticks = children_ticks(&stat)?;
    let millis = ticks
        .checked_mul(1_000)?
        .checked_div(rustix::param::clock_ticks_per_second())?;
    Some(Duration::from_millis(millis))
}

/// `cutime` + `cstime`, the 16th and 17th field; the second one, in parentheses, may hold anything.
fn children_ticks(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(13);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    user.checked_add(system)
}

/// Memory of a running process in KiB: `VmRSS` now, `VmHWM` at most.
pub(super) fn memory_kib(id: u32, field: &str) -> Option<u64> {
    field_kib(
        &std::fs::read_to_string(format!("/proc/{id}/status")).ok()?,
        field,
    )
}

fn field_kib(status: &str, field: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

/// KiB as MiB for people.
pub(super) fn mib(kib: Option<u64>) -> String {
    kib.map_or_else(
        || "unknown".to_owned(),
        |kib| format!("{} MiB", kib.div_ceil(1024)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_times_are_found_behind_any_name() {
        let stat = "7 (a) b) S 1 7 7 0 -1 0 0 0 0 0 11 12 130 14 20 0 1 0 5 0 0";
        assert_eq!(children_ticks(stat), Some(144));
        assert_eq!(children_ticks("7 (a"), None);
    }

    #[test]
    fn memory_is_read_by_field() {
        let status = "Name:\ta\nVmHWM:\t  2049 kB\nVmRSS:\t  1024 kB\n";
        assert_eq!(field_kib(status, "VmRSS"), Some(1024));
        assert_eq!(mib(field_kib(status, "VmHWM")), "3 MiB");
        assert_eq!(mib(field_kib(status, "VmSwap")), "unknown");
    }
}
