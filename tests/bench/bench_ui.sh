# What the page's timeline costs to look at, with a hundred to ten million events recorded: a
# simulated cluster's recordings, opened in the page by a headless Chromium; see ui.mjs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# record NAME NODES SECONDS INTERVAL
record() {
    "$ORRERY_BIN/orrery" sim heartbeat --seed 5 --nodes "$2" --seconds "$3" --set "interval_ms=$4" --set watch=all \
        --set transport=udp --set detector=fixed --set "timeout_ms=$((8 * $4))" --record "$folder/$1.orr" >"$folder/$1.log" || true
    [ -s "$folder/$1.orr" ] || { cat "$folder/$1.log" >&2; exit 1; }
}

record 1e2 2 1 1000
record 1e4 5 26 100
record 1e6 10 275 50
record 1e7 10 2800 50
for name in 1e2 1e4 1e6 1e7; do
    XDG_RUNTIME_DIR=$folder XDG_STATE_HOME=$folder node "$ORRERY_ROOT/tests/bench/ui.mjs" "$name" "$folder/$name.orr"
done
