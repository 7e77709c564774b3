# ./orrery bench [NAME] [--json FILE]: runs tests/bench/bench_NAME.c and bench_NAME.sh. Each prints, a
# line each, what it measured, as JSON: {"what": "cost of an event", "value": 0.21, "unit": "us"}, and
# where there is one "aim": "< 0.3" and "met": true; for a median, "range": [0.19, 0.3] of what it is
# the median of; "name" will do for "what". Other lines it prints are passed through.

packages_to_bench='
python3             command:python3
redis-server        command:redis-server
redis-tools         command:redis-benchmark
etcd-server         command:etcd
libnghttp2-dev      module:libnghttp2
'

bench_names() {
    local file
    for file in "$root"/tests/bench/bench_*.c "$root"/tests/bench/bench_*.sh; do
        [ -e "$file" ] || continue
        file=${file##*/bench_}
        printf '%s\n' "${file%.*}"
    done | sort -u
}

run_bench() { # NAME: its lines on stdout
    local script=$root/tests/bench/bench_$1.sh program=$build/bench/tests/bench_$1
    if [ -e "$root/tests/bench/bench_$1.c" ]; then
        ORRERY_BIN=$build/bench/bin "$program" || return
    fi
    if [ -e "$script" ]; then
        ORRERY_ROOT=$root ORRERY_BIN=$build/bench/bin ORRERY_PAGE=$build/page ORRERY_CHROMIUM="${ORRERY_CHROMIUM:-$(find_browser)}" bash "$script" || return
    fi
}

run_benches() {
    local names=() all json='' name lines status=0
    all=$(bench_names | tr '\n' ' ')
    while [ $# -gt 0 ]; do
        case $1 in
        --json)
            [ $# -ge 2 ] || refuse "--json wants the name of a file to write"
            json=$2
            shift
            ;;
        -*) refuse "bench knows --json FILE and names; not '$1'" ;;
        *)
            case " $all" in
            *" $1 "*) names+=("$1") ;;
            *) refuse "there is no benchmark called '$1'. There are: ${all% }" ;;
            esac
            ;;
        esac
        shift
    done
    # shellcheck disable=SC2206
    [ ${#names[@]} -gt 0 ] || names=($all)
    choose_build_folder
    need_packages "be measured" "$packages_to_run$packages_to_bench$(browser_package)
"
    configure_and_build "$build/bench" all -DCMAKE_BUILD_TYPE=Release -DORRERY_BENCH=ON || exit 1
    lines=$(mktemp)
    for name in "${names[@]}"; do
        say "measuring $name ..."
        run_bench "$name" | sed "s/^{/{\"bench\": \"$name\", /" >>"$lines" || {
            say "orrery: the benchmark $name failed"
            status=1
        }
    done
    python3 "$root/scripts/launcher/bench_table.py" ${json:+--json "$json"} <"$lines" || status=1
    rm -f "$lines"
    exit "$status"
}
