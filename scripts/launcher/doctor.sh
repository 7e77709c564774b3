# ./orrery doctor: what is here and what is missing. Exit 0, or 2 when Orrery could not run.

trouble=no

report() { # STATE WHAT DETAIL
    printf '%-8s %-22s %s\n' "$1" "$2" "$3"
    if [ "$1" = missing ]; then trouble=yes; fi
}

version_of() {
    if debian_like && installed_by_debian "$1"; then
        dpkg-query -W -f '${Version}' "$1"
    else
        echo "not from a package"
    fi
}

report_packages() { # LIST STATE-WHEN-MISSING
    local package probe
    while read -r package probe; do
        [ -n "$package" ] || continue
        if [ -z "$(missing_of "$package $probe")" ]; then
            report ok "$package" "$(version_of "$package")"
        else
            report "$2" "$package" "apt-get install $package"
        fi
    done <<<"$1"
}

report_compiler() {
    local dir
    dir=$(mktemp -d)
    printf '#include <stdio.h>\nint main(void) { return puts("runs") < 0; }\n' >"$dir/a.c"
    if ! have cc; then
        report missing "C compiler" "apt-get install gcc libc6-dev"
    elif cc -std=c11 -o "$dir/a" "$dir/a.c" 2>/dev/null && "$dir/a" >/dev/null; then
        report ok "C compiler" "$(cc --version | head -1)"
    else
        report missing "C compiler" "$(command -v cc) cannot compile and run a program: apt-get install gcc libc6-dev"
    fi
    rm -rf "$dir"
}

report_kernel() {
    local release major minor
    release=$(uname -r)
    IFS=.- read -r major minor _ <<<"$release"
    # memfd_create came with 3.17, its seals and the parent-death signal are older; pidfd_open with 5.3.
    if [ "$(uname -s)" = Linux ] && { [ "$major" -gt 5 ] || { [ "$major" = 5 ] && [ "${minor:-0}" -ge 3 ]; }; }; then
        report ok "kernel" "Linux $release: memfd, pdeathsig, pidfd"
    else
        report missing "kernel" "$(uname -s) $release: Linux 5.3 or newer is needed"
    fi
    local files
    files=$(ulimit -n)
    if [ "$files" != unlimited ] && [ "$files" -lt 4096 ]; then
        report note "open files" "$files: clusters of hundreds of nodes need more (ulimit -n 8192)"
    else
        report ok "open files" "$files"
    fi
}

report_folder() { # WHAT PATH
    local dir=$2
    while [ ! -e "$dir" ] && [ "$dir" != / ]; do dir=$(dirname "$dir"); done
    if [ -w "$dir" ]; then
        report ok "$1" "$2, $(df -Ph "$dir" | awk 'NR == 2 { print $4 }') free"
    else
        report missing "$1" "$2 cannot be written to"
    fi
}

# Nodes take any free ports of loopback: three each.
report_ports() {
    local low high
    if ! read -r low high 2>/dev/null </proc/sys/net/ipv4/ip_local_port_range; then
        report note "ports" "the range of free ports cannot be read"
    elif [ $((high - low)) -lt 3000 ]; then
        report note "ports" "$((high - low)) for programs to take: too few for a thousand nodes"
    else
        report ok "ports" "$low to $high for nodes to take, three each"
    fi
}

run_doctor() {
    [ $# = 0 ] || refuse "doctor takes no words; try ./orrery doctor"
    echo "To run:"
    report_compiler
    report_packages "$packages_to_run" missing
    report_kernel
    report_ports
    choose_build_folder
    report_folder "build folder" "$build"
    report_folder "state folder" "${XDG_STATE_HOME:-${HOME:-/}/.local/state}/orrery"
    report_folder "temporary files" "${TMPDIR:-/tmp}"
    echo
    echo "To test and to measure:"
    report_packages "$packages_to_test$(browser_package)
$(fuzz_runtime_package)" absent
    if have clang-tidy; then report ok clang-tidy "$(version_of clang-tidy)"; else report note clang-tidy "optional: apt-get install clang-tidy"; fi
    echo
    if [ "$trouble" = yes ]; then
        say "orrery: something is missing above; './orrery --yes' installs packages by itself on Debian and Ubuntu."
        exit 2
    fi
    echo "Orrery can run."
}
