#!/usr/bin/env bash
# Every test, and a summary last. Needs the Rust toolchain and nothing else.
# Arguments go to cargo test, such as: tools/test.sh --test tidy
set -euo pipefail
cd "$(dirname "$0")/.."

log=$(mktemp)
trap 'rm -f "$log"' EXIT

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
