#!/usr/bin/env bash
# Is this machine fit for a low-latency run that lasts days? One line a check: ok or WARN, with what
# to do. Changes nothing. Exit 0 if all is well, 1 if anything is not.
set -uo pipefail

warnings=0
ok() { printf 'ok    %-14s %s\n' "$1" "$2"; }
warn() {
    printf 'WARN  %-14s %s\n      %-14s -> %s\n' "$1" "$2" '' "$3"
    warnings=$((warnings + 1))
}
first_line() { head -n 1 "$1" 2>/dev/null; }
# The chosen word of a list like `always [madvise] never`.
chosen() { sed -n 's/.*\[\(.*\)\].*/\1/p' "$1" 2>/dev/null; }

check_cores() {
    local cores
    cores=$(nproc)
    if [ "$cores" -ge 4 ]; then
        ok cores "$cores usable"
    else
        warn cores "$cores usable; six threads do not each get one" \
            "set runtime.placement: shared (and idle: park), or take a machine with 4 cores"
    fi
    local isolated
    isolated=$(first_line /sys/devices/system/cpu/isolated)
    if [ -n "$isolated" ]; then
        ok isolated "cores $isolated are kept from other work"
    else
        warn isolated "no core is kept from other work" \
            "boot with isolcpus=2,3 nohz_full=2,3 rcu_nocbs=2,3 and pin engine and feeds there"
    fi
    local smt
    smt=$(first_line /sys/devices/system/cpu/smt/active)
    if [ "${smt:-0}" = 1 ]; then
        warn smt "two hardware threads share each core" "pin hot threads to different cores (lscpu -e)"
    else
        ok smt "no core is shared by two hardware threads"
    fi
}

check_governor() {
    local files=(/sys/devices/system/cpu/cpu*/cpufreq/scaling_governor) governors
    if [ ! -r "${files[0]}" ]; then
        ok governor "the host decides on the frequency (virtual machine)"
        return
    fi
    governors=$(sort -u "${files[@]}" | tr '\n' ' ')
    if [ "$governors" = "performance " ]; then
        ok governor "performance"
    else
        warn governor "$governors" "cpupower frequency-set -g performance"
    fi
}

check_clock() {
    local source
    source=$(first_line /sys/devices/system/clocksource/clocksource0/current_clocksource)
    case $source in
    tsc | kvm-clock) ok clocksource "$source" ;;
    *) warn clocksource "${source:-unknown}: reading the time may be a system call" \
        "boot with clocksource=tsc tsc=reliable if dmesg says that the TSC is stable" ;;
    esac
    local synced
    synced=$(timedatectl show -p NTPSynchronized --value 2>/dev/null)
    if [ "$synced" = yes ]; then
        ok time "synchronised (systemd)"
    elif chronyc -n tracking 2>/dev/null | grep -q 'Leap status *: Normal'; then
        ok time "synchronised (chrony)"
    else
        warn time "not known to be synchronised; venues refuse orders with a wrong time" \
            "apt install chrony, then chronyc tracking"
    fi
}

check_memory() {
    local thp=/sys/kernel/mm/transparent_hugepage/enabled
    case $(chosen "$thp") in
    madvise | never | '') ok hugepages "$(chosen "$thp")" ;;
    *) warn hugepages "always: the kernel may stop a thread to join pages" \
        "echo madvise > $thp" ;;
    esac
    local swap swappiness
    swap=$(awk 'NR > 1' /proc/swaps 2>/dev/null | wc -l)
    swappiness=$(first_line /proc/sys/vm/swappiness)
    if [ "$swap" -eq 0 ] || [ "${swappiness:-60}" -le 1 ]; then
        ok swap "none, or as a last resort only"
    else
        warn swap "on, swappiness $swappiness: idle pages of a running engine may go to disk" \
            "swapoff -a, or sysctl vm.swappiness=1"
    fi
    local free_kb
    free_kb=$(awk '/^MemAvailable/ { print $2 }' /proc/meminfo)
    if [ "${free_kb:-0}" -ge 262144 ]; then
        ok memory "$((free_kb / 1024)) MiB available"
    else
        warn memory "$((${free_kb:-0} / 1024)) MiB available" "free at least 256 MiB"
    fi
}

check_limits() {
    local files locked
    files=$(ulimit -n) locked=$(ulimit -l)
    if [ "$files" = unlimited ] || [ "$files" -ge 1024 ]; then
        ok descriptors "$files"
    else
        warn descriptors "$files" "LimitNOFILE=4096 in the unit, or ulimit -n 4096"
    fi
    if [ "$locked" = unlimited ] || [ "$locked" -ge 65536 ]; then
        ok memlock "$locked KiB"
    else
        warn memlock "$locked KiB" "LimitMEMLOCK=infinity in the unit, or ulimit -l unlimited"
    fi
    local free_kb
    free_kb=$(df -Pk . | awk 'NR == 2 { print $4 }')
    if [ "${free_kb:-0}" -ge 2097152 ]; then
        ok disk "$((free_kb / 1048576)) GiB free here"
    else
        warn disk "$((${free_kb:-0} / 1024)) MiB free here" "72 h of journal and snapshots need 2 GiB"
    fi
}

check_cores
check_governor
check_clock
check_memory
check_limits
if [ "$warnings" -eq 0 ]; then
    echo "fit for a long run"
    exit 0
fi
echo "$warnings warnings; the engine runs all the same, with a longer tail"
exit 1
