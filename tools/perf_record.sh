#!/usr/bin/env bash
# Where does the time go? Builds with frame pointers (profile `perf`) and records call stacks of a
# command of arb with perf; draws a flame graph if the tool for it is there.
#
#   tools/perf_record.sh                                  replays the demo recording, again and again
#   tools/perf_record.sh replay my.rec.gz --json          that replay, again and again
#   tools/perf_record.sh run --mode mock --loops 60       that run, once
#
# Environment: SECONDS_LONG=10 for replays, FREQUENCY=2000 samples a second, OUT=target/perf.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${SECONDS_LONG:-10} frequency=${FREQUENCY:-2000} out=${OUT:-target/perf}
say() { printf 'perf_record: %s\n' "$*" >&2; }
stop() { say "$@"; exit 1; }

command -v perf >/dev/null || stop "perf is not installed (Debian: apt install linux-perf;" \
    "Ubuntu: apt install linux-tools-generic)"
paranoid=$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo unknown)
# A virtual machine without performance counters still has the clock.
event=cycles
if perf stat -e cycles:u true 2>&1 | grep -qE 'not (supported|counted)|No permission'; then
    event=cpu-clock
fi
perf record -q -e "$event:u" -o /dev/null true >/dev/null 2>&1 ||
    stop "perf may not record (kernel.perf_event_paranoid is $paranoid):" \
        "sudo sysctl kernel.perf_event_paranoid=1, or run as root; in a container: --cap-add PERFMON"

[ $# -gt 0 ] || set -- replay tests/data/demo_btc.rec.gz --json
RUSTFLAGS="${RUSTFLAGS:-} -C force-frame-pointers=yes" \
    cargo build --profile perf --locked --target-dir target/frame-pointers
arb=target/frame-pointers/perf/arb
mkdir -p "$out"

# One replay of a minute's recording is over in a moment, so it is repeated for a while.
again() {
    local end=$((SECONDS + seconds)) runs=0
    while [ "$SECONDS" -lt "$end" ]; do
        "$arb" "$@" >/dev/null || return
        runs=$((runs + 1))
    done
    say "$runs runs in $seconds s"
}
export -f again say
export arb seconds
if [ "$1" = replay ]; then work=(bash -c 'again "$@"' again "$@"); else work=("$arb" "$@"); fi
say "event $event, $frequency samples a second: $*"
perf record -q -F "$frequency" -e "$event:u" --call-graph fp -o "$out/perf.data" -- "${work[@]}"

perf report -i "$out/perf.data" --comm arb --no-children --stdio -g none 2>/dev/null |
    grep -v '^#' | grep -v '^$' | head -25
say "all of it: perf report -i $out/perf.data"
if command -v inferno-collapse-perf >/dev/null && command -v inferno-flamegraph >/dev/null; then
    perf script -i "$out/perf.data" | inferno-collapse-perf | inferno-flamegraph >"$out/flame.svg"
    say "flame graph: $out/flame.svg"
elif command -v stackcollapse-perf.pl >/dev/null && command -v flamegraph.pl >/dev/null; then
    perf script -i "$out/perf.data" | stackcollapse-perf.pl | flamegraph.pl >"$out/flame.svg"
    say "flame graph: $out/flame.svg"
else
    say "no flame graph: cargo install inferno, or put Brendan Gregg's FlameGraph on the PATH"
fi
