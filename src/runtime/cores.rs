//! Which cores there are and where a thread may run, as the kernel says in `/sys` and `/proc`.

use std::fs;

const ONLINE: &str = "/sys/devices/system/cpu/online";
const OWN_STATUS: &str = "/proc/thread-self/status";
/// More than Linux can have; keeps a broken list from filling the memory.
const MOST_CORES: usize = 65_536;

/// Numbers of the cores that are online, ascending; not cut to the present affinity list. Where
/// the kernel does not say, as many as the system thinks usable, from 0.
pub fn online() -> Vec<usize> {
    let listed = fs::read_to_string(ONLINE).ok().and_then(|text| parse(text.trim()));
    listed.unwrap_or_else(|| (0..available()).collect())
}

/// Cores that the process can keep busy: online, and within its CPU quota and affinity.
pub fn usable() -> usize {
    online().len().min(available())
}

/// The cores on which the calling thread may run; `None` where the kernel does not say.
pub fn allowed() -> Option<Vec<usize>> {
    let status = fs::read_to_string(OWN_STATUS).ok()?;
    parse(status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?.trim())
}

/// The kernel's id of the calling thread; 0 where it does not say.
pub fn own_tid() -> u32 {
    let link = fs::read_link("/proc/thread-self").unwrap_or_default();
    let tid = link.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
    tid.unwrap_or(0)
}

fn available() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// A kernel list such as `0-3,8`. `None` for anything else.
fn parse(list: &str) -> Option<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last) = (first.parse::<usize>().ok()?, last.parse::<usize>().ok()?);
        if first > last || last >= MOST_CORES {
            return None;
        }
        cores.extend(first..=last);
    }
    Some(cores)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernel_list_is_ranges_and_single_cores() {
        assert_eq!(parse("0-3,8"), Some(vec![0, 1, 2, 3, 8]));
        assert_eq!(parse("5"), Some(vec![5]));
        for bad in ["", "x", "3-1", "0-99999999999", "1,", "-2"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn this_thread_may_run_somewhere_that_is_online() {
        let online = online();
        assert!(usable() >= 1 && usable() <= online.len());
        let allowed = allowed().unwrap_or_else(|| online.clone());
        assert!(allowed.iter().any(|core| online.contains(core)));
    }
}
