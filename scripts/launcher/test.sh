# ./orrery test [KIND...]: builds what the tests need, runs them kind by kind, and closes with
# `N passed, N failed`. A kind is test_KIND(), which calls count() or run_ctest().

# Kind, budget in seconds on two cores (builds not counted), what it is.
test_kinds='
tidy      60   walls between folders, names, lengths, formatting
unit      60   modules, one by one
script    30   transcripts of protocols
sim       120  simulated clusters: seeds that must hold, flaws that must be caught
cluster   120  real processes and real signals
web       60   the server of the page: who may come in, what is told, who is too slow
client    120  redis-cli, redis-benchmark, hiredis, ioredis, and beside a real redis-server
browser   480  the page: its types, its units, and in Chromium as a user sees it
container 150  the compose file under a Docker engine of our own, which takes root (90 s more the first time)
launcher  90   this launcher
fuzz      120  every decoder for six seconds
sanitize  150  unit, script and short simulations under address and undefined-behaviour checks
thread    60   what has threads (loop, event ring, disk, recorder) under the thread checker
'

sim_seeds=${ORRERY_SIM_SEEDS:-500}
sim_seeds_raft=${ORRERY_SIM_SEEDS:-1000} # Its faults are rarer, and it has more to get wrong.
sim_seeds_flawed=1000                    # At most: the first that is caught ends it.
sim_seeds_sanitized=100
fuzz_seconds=${ORRERY_FUZZ_SECONDS:-6}

passed=0
failed=0
skipped=0

count() { # PASSED FAILED
    passed=$((passed + $1))
    failed=$((failed + $2))
}

# Counts one thing that was tried: check_that WHAT COMMAND...
check_that() {
    local what=$1 log
    shift
    log=$(mktemp)
    if "$@" >"$log" 2>&1; then
        say "  ok    $what"
        count 1 0
    else
        say "  FAIL  $what (exit $?): $*"
        tail -n 60 "$log" | sed 's/^/        /' >&2
        count 0 1
    fi
    rm -f "$log"
}

# Things that are tried beside each other, as many as there are processors: begin_check WHAT COMMAND...; end_checks
begun=()

begin_check() {
    local what=$1 log
    shift
    log=$(mktemp)
    "$@" >"$log" 2>&1 &
    begun+=("$what" $! "$log")
    [ "${#begun[@]}" -lt $((3 * $(nproc))) ] || end_checks
}

end_checks() {
    set -- ${begun+"${begun[@]}"}
    begun=()
    while [ $# -gt 0 ]; do
        check_that "$1" ended "$2" "$3"
        shift 3
    done
}

# How something that was begun before ended, with what it said.
ended() { # PID LOG
    local status=0
    wait "$1" || status=$?
    cat "$2"
    rm -f "$2"
    return "$status"
}

build_tests() {
    configure_and_build "$build/test" all -DCMAKE_BUILD_TYPE=Release -DORRERY_TESTS=ON
}

# run_ctest FOLDER JOBS LABEL [CTEST-OPTION...]: every program is one test; the failed ones show what they said.
run_ctest() {
    local folder=$1 jobs=$2 label=$3 log ran bad
    shift 3
    log=$(mktemp)
    ctest --test-dir "$folder" -L "^($label)\$" -j "$jobs" --output-on-failure "$@" >"$log" 2>&1 || true
    read -r bad ran < <(sed -n 's/.* \([0-9]*\) tests\{0,1\} failed out of \([0-9]*\).*/\1 \2/p' "$log") || true
    if [ -z "${ran-}" ]; then
        if grep -q 'No tests were found' "$log"; then
            ran=0 bad=0
        else
            ran=1 bad=1
        fi
    fi
    if [ "$bad" != 0 ]; then cat "$log" >&2; else sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) .*Passed *\(.*\) sec/  ok    \1 (\2 s)/p' "$log" >&2; fi
    rm -f "$log"
    count $((ran - bad)) "$bad"
}

test_tidy() {
    check_that "the house is tidy" python3 "$root/tests/tidy/tidy.py" --build "$build/test" "$root"
    check_that "each check catches its bad example" python3 "$root/tests/tidy/prove.py" "$root"
}

test_unit() {
    run_ctest "$build/test" "$(nproc)" unit
}

test_script() {
    run_ctest "$build/test" "$(nproc)" script
}

# Names of the protocols that there are.
protocols() {
    "$build/test/bin/orrery-node" --list | awk '{ print $1 }'
}

# Names of flaws of a protocol, as its settings' schema lists them: "wall-clock".
flaws_of() {
    sed -n '/^enum Flaw {/,/^}/s/^ *\([A-Z_]*\) = [1-9].*/\1/p' "$root/proto/$1.proto" | tr 'A-Z_' 'a-z-'
}

# A simulation with a flaw on must fail: the checkers find it without knowing it.
caught() {
    local status=0
    "$@" || status=$?
    [ "$status" = 1 ]
}

test_sim() {
    local protocol flaw seeds program=$build/test/bin/orrery
    run_ctest "$build/test" "$(nproc)" sim
    check_that "leaders are replaced in the paper's times" "$program" figure raft --simulated --trials 60
    for protocol in $(protocols); do
        seeds=$sim_seeds
        [ "$protocol" != raft ] || seeds=$sim_seeds_raft
        check_that "$protocol holds under $seeds seeds" "$program" sim "$protocol" --seeds "$seeds"
        for flaw in $(flaws_of "$protocol"); do
            check_that "$protocol with $flaw is caught" caught "$program" sim "$protocol" --seeds "$sim_seeds_flawed" --first --flaw "$flaw"
        done
    done
}

test_cluster() {
    run_ctest "$build/test" "$(nproc)" cluster # They mostly wait.
}

test_web() {
    run_ctest "$build/test" 1 web
}

test_client() {
    run_ctest "$build/test" 1 client
    run_scripts client
}

# tests/KIND/test_*.sh: each says "ok WHAT" or "not ok WHAT" a line, or "skip WHAT: WHY" for what cannot
# be tried on this machine. run_scripts KIND [SECONDS each]
run_scripts() {
    local script log good bad
    for script in "$root/tests/$1"/test_*.sh; do
        [ -e "$script" ] || continue
        log=$(mktemp)
        ORRERY_ROOT=$root ORRERY_BIN=$build/test/bin ORRERY_BUILD=$build timeout "${2:-300}" bash "$script" >"$log" 2>&1 || echo "not ok ${script##*/} ended with $?" >>"$log"
        good=$(grep -c '^ok ' "$log" || true)
        bad=$(grep -c '^not ok ' "$log" || true)
        skipped=$((skipped + $(grep -c '^skip ' "$log" || true)))
        sed -n 's/^skip /  SKIP  /p' "$log" >&2
        if [ "$bad" != 0 ]; then cat "$log" >&2; else sed -n 's/^ok /  ok    /p' "$log" >&2; fi
        rm -f "$log"
        count "$good" "$bad"
    done
}

# The page's tests run in the copy that it was built in, where npm's packages are. Pictures of what was seen: build/artefacts.
test_browser() {
    local page=$build/page
    rm -rf "$page/tests" "$page/browser"
    cp -r "$root/observer/ui/tests" "$root/observer/ui/vitest.browser.config.ts" "$page/"
    cp -r "$root/tests/browser" "$page/browser"
    mkdir -p "$build/artefacts"
    check_that "the page's types" in_folder "$page" node_modules/.bin/svelte-check --fail-on-warnings --tsconfig ./tsconfig.json
    check_that "the page's units" in_folder "$page" node_modules/.bin/vitest run
    # Walks mostly wait for what happens at its own pace, so the rest is looked at meanwhile.
    begin_check "its labs walked to their ends" in_a_browser browser/walk.test.ts
    begin_check "the page in a browser" in_a_browser --exclude browser/walk.test.ts
    end_checks
}

in_a_browser() { # VITEST-WORD...
    in_folder "$page" env ORRERY_BIN="$build/test/bin" ORRERY_ROOT="$root" ORRERY_CHROMIUM="${ORRERY_CHROMIUM:-$(find_browser)}" \
        ORRERY_ARTEFACTS="$build/artefacts" node_modules/.bin/vitest run --config vitest.browser.config.ts "$@"
}

in_folder() {
    (cd "$1" && shift && "$@")
}

test_container() {
    run_scripts container 900
}

test_launcher() {
    run_scripts launcher
}

# Fuzzers and checked tests share a build, by the other compiler: what a seed does must not hang on that either.
build_sanitized() {
    CC=clang configure_and_build "$build/sanitize" all -DCMAKE_BUILD_TYPE=RelWithDebInfo -DORRERY_TESTS=ON -DORRERY_FUZZ=ON -DORRERY_SANITIZE=address -DORRERY_PAGE=OFF
}

test_fuzz() {
    local target name corpus
    build_sanitized || {
        count 0 1
        return
    }
    for target in "$build"/sanitize/tests/fuzz_*; do
        [ -x "$target" ] && [ -f "$target" ] || continue
        name=${target##*/fuzz_}
        corpus=$build/fuzz/corpus/$name
        mkdir -p "$corpus" "$build/fuzz/found"
        local seeds=()
        [ ! -d "$root/tests/fuzz/$name" ] || seeds=("$root/tests/fuzz/$name")
        begin_check "$name" "$target" -max_total_time="$fuzz_seconds" -rss_limit_mb=1024 \
            -artifact_prefix="$build/fuzz/found/$name-" "$corpus" ${seeds+"${seeds[@]}"}
    done
    end_checks
}

test_sanitize() {
    local protocol folder=$build/sanitize
    build_sanitized || {
        count 0 1
        return
    }
    run_ctest "$folder" "$(nproc)" 'unit|script|sim'
    for protocol in $(protocols); do
        check_that "$protocol: $sim_seeds_sanitized seeds, checked" "$folder/bin/orrery" sim "$protocol" --seeds "$sim_seeds_sanitized"
        check_that "$protocol: the same hashes as without checks" same_hash "$protocol"
    done
}

# What a seed does must not depend on how the program was built.
same_hash() { # PROTOCOL
    local seed one other
    for seed in 1 2 3; do
        one=$("$build/test/bin/orrery" sim "$1" --seed "$seed") || return
        other=$("$build/sanitize/bin/orrery" sim "$1" --seed "$seed") || return
        echo "seed $seed: $one and $other"
        [ "$one" = "$other" ] || return
    done
}

# Only what has threads: building all of it again would cost more than it shows.
threaded='loop|ring|disk|record|recorder'

test_thread() {
    local folder=$build/thread targets=() source
    for source in "$root"/tests/unit/test_*.c; do
        source=$(basename "$source" .c)
        if [[ $source =~ ^test_($threaded)(_|$) ]]; then targets+=("unit_$source"); fi
    done
    configure_and_build "$folder" "${targets[*]}" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DORRERY_TESTS=ON -DORRERY_SANITIZE=thread -DORRERY_PAGE=OFF || {
        count 0 1
        return
    }
    run_ctest "$folder" 1 unit -R "/test_($threaded)(_|\$)"
}

budget_of() {
    awk -v kind="$1" '$1 == kind { print $2 }' <<<"$test_kinds"
}

purpose_of() {
    awk -v kind="$1" '$1 == kind { $1 = $2 = ""; sub(/^ +/, ""); print }' <<<"$test_kinds"
}

run_kind() {
    local kind=$1 began took budget built
    budget=$(budget_of "$kind")
    say ""
    say "$kind: $(purpose_of "$kind") (budget $budget s)"
    began=$SECONDS built=$building_s
    "test_$kind"
    built=$((building_s - built))
    took=$((SECONDS - began - built))
    if [ "$built" -gt 0 ]; then built=", after $built s of building"; else built=''; fi
    say "$kind took $took s of $budget$built"
    if [ "$took" -gt "$budget" ]; then say "  (over its budget: a busy machine, or it has grown too slow)"; fi
}

run_tests() {
    local kind all needs_c=no
    all=$(awk 'NF { print $1 }' <<<"$test_kinds" | tr '\n' ' ')
    for kind in "$@"; do
        case " $all" in
        *" $kind "*) ;;
        *) refuse "there is no kind of tests called '$kind'. There are: ${all% }" ;;
        esac
    done
    # shellcheck disable=SC2086
    [ $# -gt 0 ] || set -- $all
    choose_build_folder
    need_packages "be tested" "$packages_to_run$packages_to_test$(browser_package)
$(fuzz_runtime_package)"
    case " $* " in *" container "*) need_packages "be tested in containers" "$packages_of_containers" ;; esac
    for kind in "$@"; do
        case $kind in tidy | unit | script | sim | cluster | web | client | browser | container | launcher | sanitize) needs_c=yes ;; esac
    done
    if [ "$needs_c" = yes ] && ! build_tests; then
        count 0 1
    else
        for kind in "$@"; do run_kind "$kind"; done
    fi
    if [ "$skipped" != 0 ]; then say "$skipped skipped, since this machine cannot try them: see SKIP above"; fi
    printf '\n%s passed, %s failed\n' "$passed" "$failed"
    [ "$failed" = 0 ] || exit 1
    exit 0
}
