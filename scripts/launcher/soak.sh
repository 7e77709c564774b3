# ./orrery soak [--minutes N] [--seed S]: raft as real processes under faults and load, in rounds, each judged
# (tests/cluster/test_soak.c). Closes with a line that says so, and exits 1 at the first round that does not hold.

run_soak() {
    local minutes=10 seed=1 status=0
    while [ $# -gt 0 ]; do
        case $1 in
        --minutes | --seed)
            [[ ${2-} =~ ^[0-9]+$ ]] && [ "$2" -ge 1 ] || refuse "$1 wants a whole number from 1 on"
            if [ "$1" = --minutes ]; then minutes=$2; else seed=$2; fi
            shift
            ;;
        *) refuse "soak knows --minutes N and --seed S; not '$1'" ;;
        esac
        shift
    done
    choose_build_folder
    need_packages "be tested" "$packages_to_run$packages_to_test"
    configure_and_build "$build/test" all -DCMAKE_BUILD_TYPE=Release -DORRERY_TESTS=ON || exit 1
    ORRERY_SOAK_MINUTES=$minutes ORRERY_SOAK_SEED=$seed "$build/test/tests/cluster_test_soak" || status=1
    if [ "$status" = 0 ]; then echo "raft held for $minutes minutes"; else echo "raft did not hold: see above"; fi
    exit "$status"
}
