# The page: from an event of a real process to the frame that shows it, its weight and first paint
# (ui_live.mjs); and what its timeline costs with a hundred to ten million events recorded: to open,
# in memory, and to look at (ui_recorded.mjs, on recordings of a simulated cluster).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
export XDG_RUNTIME_DIR=$folder XDG_STATE_HOME=$folder

# record NAME NODES SECONDS INTERVAL
record() {
    "$ORRERY_BIN/orrery" sim heartbeat --seed 5 --nodes "$2" --seconds "$3" --set "interval_ms=$4" --set watch=all \
        --set transport=udp --set detector=fixed --set "timeout_ms=$((8 * $4))" --record "$folder/$1.orr" >"$folder/$1.log" || true
    [ -s "$folder/$1.orr" ] || { cat "$folder/$1.log" >&2; exit 1; }
}

sizes=${ORRERY_BENCH_UI_SIZES:-1e2 1e4 1e6 1e7}
node "$ORRERY_ROOT/tests/bench/ui_live.mjs"
for size in $sizes; do
    case $size in
    1e2) record 1e2 2 1 1000 ;;
    1e4) record 1e4 5 26 100 ;;
    1e6) record 1e6 10 275 50 ;;
    1e7) record 1e7 10 2800 50 ;;
    *) echo "ORRERY_BENCH_UI_SIZES wants some of 1e2 1e4 1e6 1e7, not $size" >&2; exit 2 ;;
    esac
    node "$ORRERY_ROOT/tests/bench/ui_recorded.mjs" "$size" "$folder/$size.orr"
    rm "$folder/$size.orr"
done
