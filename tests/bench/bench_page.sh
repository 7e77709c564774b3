#!/usr/bin/env bash
# The page: from an event in a real process to the frame that shows it, its weight, its first paint.
set -eu

exec node "${ORRERY_ROOT:?}/tests/bench/bench_page.mjs"
