#!/usr/bin/env bash
# Every test, and a summary last. Needs the Rust toolchain and a redis-server, which it installs
# where it can: the tests start servers of their own and never use one that runs.
# Arguments go to cargo test, such as: tools/test.sh --test tidy
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Installs by name through the system's own package manager; the service is not wanted.
install_redis() {
    local root=()
    if [ "$(id -u)" -ne 0 ] && ! command -v brew >/dev/null; then
        command -v sudo >/dev/null || return 1
        root=(sudo -n)
    fi
    if command -v apt-get >/dev/null; then
        "${root[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 sh -c \
            'apt-get install -y redis-server || { apt-get update && apt-get install -y redis-server; }'
        if command -v systemctl >/dev/null; then
            "${root[@]}" systemctl disable --now redis-server || true
        fi
    elif command -v dnf >/dev/null; then
        "${root[@]}" dnf install -y redis
    elif command -v apk >/dev/null; then
        "${root[@]}" apk add redis
    elif command -v brew >/dev/null; then
        brew install redis
    else
        return 1
    fi
}

if ! command -v redis-server >/dev/null; then
    printf 'redis-server is missing, installing it\n'
    install_redis >"$log" 2>&1 || tail -n 3 "$log" >&2
fi
if ! command -v redis-server >/dev/null; then
    printf 'NOT RUN: tests against a real Redis: redis-server is missing and cannot be installed\n' >&2
    if [ "${ARB_REQUIRE_ALL:-0}" = 1 ]; then
        printf 'ARB_REQUIRE_ALL=1: they will fail\n' >&2
    fi
fi

status=0
cargo test --locked --no-fail-fast "$@" 2>&1 | tee "$log" || status=$?

printf '\n'
grep -E '^test .* FAILED$' "$log" || true
summary=$(awk '/^test result:/ { passed += $4; failed += $6; ignored += $8 }
    END { printf "%d passed, %d failed, %d ignored", passed, failed, ignored }' "$log")
printf 'tests: %s, %d s\n' "$summary" "$SECONDS"

case $summary in
"0 passed, 0 failed"*)
    if [ "$status" -eq 0 ]; then
        printf 'no test ran: check the arguments\n' >&2
        status=1
    fi
    ;;
esac
exit "$status"
