//! Checks of the machine: cores, clock, memory, limits. Reads `/proc` and `/sys`, changes nothing.

use std::fs;
use std::path::Path;

use crate::cli::doctor::finding::Finding;
use crate::config::yaml::ConfigYaml;
use crate::config::yaml::IdlePolicy;
use crate::config::yaml::Placement;
use crate::runtime::cores;

const MIB: u64 = 1 << 20;
/// Descriptors that a run of five venues needs, with room: sockets, files, links.
const FEWEST_FILES: u64 = 256;

/// Every check of the machine.
pub fn checks(yaml: &ConfigYaml) -> Vec<Finding> {
    vec![
        core_count(yaml),
        spinning(yaml),
        pinning(yaml),
        isolated(),
        governor(),
        clock_source(),
        time_sync(),
        memory(yaml),
        swap(),
        huge_pages(),
        descriptors(),
        core_dumps(),
        service_watchdog(),
    ]
}

fn read(path: &str) -> Option<String> {
    fs::read_to_string(path).ok().map(|text| text.trim().to_owned())
}

fn core_count(yaml: &ConfigYaml) -> Finding {
    let (check, count) = ("cores.count", cores::usable());
    let found = format!("{count} usable");
    let shared = yaml.runtime.placement == Placement::Shared;
    let fix = "set runtime.placement: shared: below three cores the hop between threads costs \
               more than the work";
    Finding::warn_unless((count >= 3 || shared).into(), check, (found, fix))
}

fn spinning(yaml: &ConfigYaml) -> Finding {
    let busy = |idle: IdlePolicy| matches!(idle, IdlePolicy::Spin | IdlePolicy::Yield);
    let all = yaml.runtime.threads.all();
    let count = all.iter().filter(|(_, thread)| busy(thread.idle)).count();
    let found = format!("{count} threads never sleep, {} cores", cores::usable());
    let fix = "set runtime.threads.*.idle to auto or park: a thread that never sleeps needs a core \
               of its own, and one has to be left";
    Finding::warn_unless((count < cores::usable()).into(), "cores.spinning", (found, fix))
}

/// Numbers of a list such as `0-3,8`.
fn core_list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (from, to) = part.split_once('-').unwrap_or((part, part));
        Some(from.trim().parse::<usize>().ok()?..=to.trim().parse().ok()?)
    };
    text.split(',').filter_map(range).flatten().take(4_096).collect()
}

fn pinning(yaml: &ConfigYaml) -> Finding {
    let check = "cores.pinning";
    let all = yaml.runtime.threads.all();
    let wanted: Vec<(&str, usize)> =
        all.iter().filter_map(|(name, t)| Some((*name, t.core? as usize))).collect();
    if wanted.is_empty() {
        return Finding::skip(check, "no thread has a core in runtime.threads");
    }
    let Some(online) = read("/sys/devices/system/cpu/online") else {
        return Finding::skip(check, "the system does not list its cores");
    };
    let known = core_list(&online);
    let missing: Vec<String> = wanted
        .iter()
        .filter(|(_, core)| !known.contains(core))
        .map(|(name, core)| format!("{name} on core {core}"))
        .collect();
    let found = match missing.is_empty() {
        true => format!("{} threads on cores of {online}", wanted.len()),
        false => format!("{}; online are {online}", missing.join(", ")),
    };
    let fix = "name a core that is online, or null";
    Finding::warn_unless(missing.is_empty().into(), check, (found, fix))
}

fn isolated() -> Finding {
    match read("/sys/devices/system/cpu/isolated") {
        Some(list) if !list.is_empty() => {
            Finding::ok("cores.isolated", format!("isolated: {list}"))
        }
        _ => Finding::skip("cores.isolated", "none; isolcpus= keeps others off hot cores"),
    }
}

fn governor() -> Finding {
    let check = "cores.governor";
    match read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor") {
        None => {
            Finding::skip(check, "no frequency scaling to be seen, as on most virtual machines")
        }
        Some(name) => {
            let fix = "cpupower frequency-set -g performance: latency includes waking the clock up";
            Finding::warn_unless((name == "performance").into(), check, (name, fix))
        }
    }
}

fn clock_source() -> Finding {
    let check = "clock.source";
    let path = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let Some(source) = read(path) else {
        return Finding::skip(check, "the system does not name its clock source");
    };
    let fast = ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"];
    let fix = "a slow clock source costs a system call a reading: try clocksource=tsc at boot";
    Finding::warn_unless(fast.contains(&source.as_str()).into(), check, (source, fix))
}

fn time_sync() -> Finding {
    let check = "clock.sync";
    let marks = ["/run/systemd/timesync/synchronized", "/run/chrony/chronyd.pid", "/run/ntpd.pid"];
    match marks.iter().find(|mark| Path::new(mark).exists()) {
        Some(mark) => Finding::ok(check, format!("{mark} is there")),
        None => Finding::warn(
            check,
            "no sign of a time service (timesyncd, chrony, ntpd)",
            "start one: day limits roll over at Korean midnight, and venues refuse requests whose \
             time is a second off",
        ),
    }
}

/// A value of `/proc/meminfo`, bytes.
fn meminfo(key: &str) -> Option<u64> {
    let text = read("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    let kib: u64 =
        line.trim_start_matches(':').trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kib << 10)
}

fn memory(yaml: &ConfigYaml) -> Finding {
    let check = "memory.available";
    let Some(available) = meminfo("MemAvailable") else {
        return Finding::skip(check, "the system does not say what is available");
    };
    let limit = yaml.sys_monitor.max_rss_mb;
    let found = format!("{} MiB; sys_monitor.max_rss_mb is {limit}", available / MIB);
    let fix = "the kernel would kill before the watchdog sees its limit: lower max_rss_mb";
    Finding::warn_unless((available / MIB > limit).into(), check, (found, fix))
}

fn swap() -> Finding {
    let total = meminfo("SwapTotal").unwrap_or(0);
    let found = format!("{} MiB of swap", total / MIB);
    let fix = "swapoff -a, or vm.swappiness=1: a page that was swapped out costs milliseconds";
    Finding::warn_unless((total == 0).into(), "memory.swap", (found, fix))
}

fn huge_pages() -> Finding {
    let check = "memory.huge_pages";
    let Some(text) = read("/sys/kernel/mm/transparent_hugepage/enabled") else {
        return Finding::skip(check, "the system has no transparent huge pages");
    };
    let chosen = text.split(['[', ']']).nth(1).unwrap_or(&text).to_owned();
    let fix = "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled: compaction stalls";
    Finding::warn_unless((chosen != "always").into(), check, (chosen, fix))
}

/// A soft limit of this process; `None` if it is unlimited or not told.
fn soft_limit(name: &str) -> Option<u64> {
    let text = read("/proc/self/limits")?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

fn descriptors() -> Finding {
    let check = "limits.open_files";
    match soft_limit("Max open files") {
        None => Finding::ok(check, "unlimited"),
        Some(limit) => {
            let fix = "ulimit -n 1024, or LimitNOFILE= in the unit";
            let enough = limit >= FEWEST_FILES;
            Finding::warn_unless(enough.into(), check, (format!("{limit}"), fix))
        }
    }
}

fn core_dumps() -> Finding {
    let limit = soft_limit("Max core file size");
    let found = limit.map_or("unlimited".to_owned(), |bytes| format!("{bytes} bytes"));
    let fix = "ulimit -c 0: a dump of this process could hold keys";
    Finding::warn_unless((limit == Some(0)).into(), "limits.core_dumps", (found, fix))
}

fn service_watchdog() -> Finding {
    let check = "service.watchdog";
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return Finding::skip(check, "not started by systemd");
    }
    match std::env::var("WATCHDOG_USEC") {
        Ok(time) => Finding::ok(check, format!("WatchdogSec is {time} us")),
        Err(_) => Finding::warn(check, "no WatchdogSec", "set WatchdogSec=30 in the unit"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::finding::Status;

    #[test]
    fn a_list_of_cores_is_read_as_the_kernel_writes_it() {
        assert_eq!(core_list("0-3,8"), [0, 1, 2, 3, 8]);
        assert_eq!(core_list(""), [] as [usize; 0]);
        assert_eq!(core_list("x,2-,4"), [4]);
    }

    #[test]
    fn a_thread_on_a_core_that_is_not_there_is_named() {
        let mut yaml = ConfigYaml::default();
        assert_eq!(pinning(&yaml).status, Status::Skip);
        yaml.runtime.threads.engine.core = Some(4_095);
        let found = pinning(&yaml);
        assert_eq!(found.status, Status::Warn);
        assert!(found.found.contains("engine on core 4095"), "{found:?}");
        yaml.runtime.threads.engine.core = Some(0);
        assert_eq!(pinning(&yaml).status, Status::Ok);
    }
}
