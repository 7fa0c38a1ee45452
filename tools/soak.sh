#!/usr/bin/env bash
# A soak under cron: runs arb for hours, judges what it left behind, keeps everything in a directory
# of its own. Silent when all is well, so that cron mails failures only. Needs bash, flock, the
# usual file tools and the arb binary. tools/soak.sh --help says more.
set -euo pipefail

usage() {
    cat <<'TEXT'
Usage: tools/soak.sh [--hours N] [options]

Runs `arb run --mode mock` for N hours on real threads, then `arb report` over its run directory.
Prints nothing and exits 0 when the run ended in order and the report says PASS. Otherwise prints
the report and the last lines of the log, and exits with the code of the run, or of the report if
the run itself was in order (10 FAIL, 12 INCONCLUSIVE; all codes: arb --help).

  --hours N       length, 1 to 720 (default 24)
  --config FILE   default config/soak_24h.yml; above 24 hours config/soak_72h.yml
  --interval S    seconds between two cycles (default 60)
  --loops N       cycles instead of hours: a rehearsal of seconds. Too short to be judged, it ends
                  with 12, never with 0
  --dir DIR       where the run directories go (default soak/ beside tools/)
  --keep N        run directories to keep, this one included (default 10); older ones are removed
  --arb FILE      the binary (default target/release/arb, else arb in PATH)
  --if-free       exit 0 at once, silently, if a soak is running in DIR already (for @reboot)
  --help          this text

Two soaks never overlap in one DIR: the second says so and exits 73. A run that a reboot, a power
cut or kill -9 ended is judged by the next start, which says so and then begins a run of its own.
SIGTERM and SIGINT end the run in order; what there is, is judged.

In DIR/soak_<UTC>/: logs/, journal/ and the lock of the run; summary.json and console.log (its
stdout and stderr), report.txt, report.json, exit_code.
TEXT
}

die() {
    printf 'soak: %s\n' "$2" >&2
    exit "$1"
}

is_whole() {
    [[ $1 =~ ^[1-9][0-9]{0,8}$ ]]
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
hours=24 interval=60 loops='' config='' base=$root/soak keep=10 arb='' if_free=''

while [ $# -gt 0 ]; do
    case $1 in
    --help | -h)
        usage
        exit 0
        ;;
    --if-free)
        if_free=yes
        shift
        continue
        ;;
    --hours | --config | --interval | --loops | --dir | --keep | --arb) ;;
    *) die 2 "unknown argument $1; see --help" ;;
    esac
    [ $# -ge 2 ] || die 2 "$1 needs a value; see --help"
    case $1 in
    --hours) hours=$2 ;;
    --config) config=$2 ;;
    --interval) interval=$2 ;;
    --loops) loops=$2 ;;
    --dir) base=$2 ;;
    --keep) keep=$2 ;;
    --arb) arb=$2 ;;
    esac
    shift 2
done

is_whole "$hours" && [ "$hours" -le 720 ] || die 2 "--hours: 1 to 720"
is_whole "$keep" && [ "$keep" -le 1000 ] || die 2 "--keep: 1 to 1000"
if [ -z "$loops" ]; then
    is_whole "$interval" || die 2 "--interval: whole seconds, or give --loops"
    loops=$((hours * 3600 / interval))
fi
is_whole "$loops" || die 2 "--loops: at least 1"
if [ -z "$config" ]; then
    config=$root/config/soak_24h.yml
    [ "$hours" -le 24 ] || config=$root/config/soak_72h.yml
fi
if [ -z "$arb" ]; then
    arb=$root/target/release/arb
    [ -x "$arb" ] || arb=$(command -v arb) || die 69 "no arb binary: cargo build --release, or --arb FILE"
fi
command -v flock >/dev/null || die 69 "flock is missing (package util-linux)"

mkdir -p "$base" || die 73 "cannot use $base"
# The lock is inherited by arb: killing this script does not set it free while the run goes on.
exec 9>>"$base/soak.lock" || die 73 "cannot use $base"
if ! flock -n 9; then
    [ -z "$if_free" ] || exit 0
    die 73 "another soak is running in $base"
fi

# Judges a run directory; leaves the exit code of the report in `verdict`.
judge() {
    verdict=0
    "$arb" report "$1" --json >"$1/report.json" 2>"$1/report.err" || verdict=$?
    # The same evidence, so the same code; what could not be judged is said in the text.
    "$arb" report "$1" --ascii >"$1/report.txt" 2>&1 || true
}

# Which directories are runs of ours, oldest first: the name sorts by time.
runs() {
    local dir
    for dir in "$base"/soak_[0-9]*T[0-9]*Z*; do
        [ -d "$dir" ] && [ ! -L "$dir" ] && printf '%s\n' "$dir"
    done
    return 0
}

finish_interrupted() {
    local dir
    while read -r dir; do
        [ -e "$dir/exit_code" ] && continue
        judge "$dir"
        printf 'soak: %s was cut short; its report: exit code %s\n' "$dir" "$verdict" >&2
        printf 'interrupted\n' >"$dir/exit_code"
    done < <(runs)
}

new_run() {
    local stamp number=1
    stamp=$(TZ=UTC0 printf '%(%Y%m%dT%H%M%SZ)T' -1)
    run=$base/soak_$stamp
    # Two starts within a second.
    until mkdir "$run" 2>/dev/null; do
        number=$((number + 1))
        [ "$number" -lt 100 ] || die 73 "cannot use $base"
        run=$base/soak_${stamp}_$(printf '%02d' "$number")
    done
}

# Never the new one, wherever a clock that was set back puts its name.
remove_old() {
    local dir others=() count i
    while read -r dir; do
        [ "$dir" = "$run" ] || others+=("$dir")
    done < <(runs)
    count=$((${#others[@]} - keep + 1))
    for ((i = 0; i < count; i++)); do
        rm -rf -- "${others[i]}"
    done
}

finish_interrupted
new_run
remove_old

child='' signalled=''
forward() {
    signalled=yes
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
}
trap forward TERM INT HUP

"$arb" --config "$config" --run-dir "$run" --json --quiet run --mode mock \
    --loops "$loops" --interval "$interval" >"$run/summary.json" 2>"$run/console.log" &
child=$!
# Sent before the run began.
[ -z "$signalled" ] || forward
while true; do
    signalled='' ended=0
    wait "$child" || ended=$?
    # A signal ends the wait but not the run, which is waited for again.
    [ -n "$signalled" ] || break
done
child=''

judge "$run"
code=$ended
[ "$code" -ne 0 ] || code=$verdict
# On a full disk the code must still reach the caller.
printf '%s\n' "$code" >"$run/exit_code" || true

if [ "$code" -ne 0 ]; then
    printf 'soak: run exit code %s, report exit code %s, in %s\n\n' "$ended" "$verdict" "$run"
    cat "$run/report.txt"
    for log in "$run/console.log" "$run/logs/live.log"; do
        if [ -s "$log" ]; then
            printf '\nlast lines of %s:\n' "$log"
            tail -n 20 "$log"
        fi
    done
fi
exit "$code"
