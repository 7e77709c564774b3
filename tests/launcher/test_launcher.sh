# The launcher, on a small house of its own: the real scripts around a program that builds in a second.
# Stubs in PATH play what cannot be had: missing packages, a network that is down, a full disk.
set -u
root=${ORRERY_ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
scratch=$(mktemp -d)
trap 'chmod -R u+w "$scratch"; rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
out=$scratch/out
err=$scratch/err

verdict() { # CONDITION-STATUS WHAT
    if [ "$1" = 0 ]; then
        echo "ok $2"
    else
        echo "not ok $2"
        sed 's/^/    stdout: /' "$out"
        sed 's/^/    stderr: /' "$err"
    fi
}

# Runs COMMAND and checks its exit code and that stderr has PATTERN: expect WHAT CODE PATTERN COMMAND...
expect() {
    local what=$1 code=$2 pattern=$3 status=0
    shift 3
    "$@" >"$out" 2>"$err" </dev/null || status=$?
    [ "$status" = "$code" ] && { [ -z "$pattern" ] || grep -qE -- "$pattern" "$err"; }
    verdict $? "$what"
}

# A house at DIR whose program prints its words, with one test that passes and one that does not.
house() {
    mkdir -p "$1/proto" "$1/tests"
    cp -r "$root/orrery" "$root/scripts" "$1/"
    cat >"$1/CMakeLists.txt" <<'CMAKE'
cmake_minimum_required(VERSION 3.25)
project(small LANGUAGES C)
add_executable(orrery main.c)
set_target_properties(orrery PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
if(ORRERY_TESTS)
    enable_testing()
    add_test(NAME unit/passes COMMAND orrery)
    add_test(NAME unit/fails COMMAND orrery fail)
    add_test(NAME script/passes COMMAND orrery)
    set_tests_properties(unit/passes unit/fails PROPERTIES LABELS unit)
    set_tests_properties(script/passes PROPERTIES LABELS script)
endif()
CMAKE
    cat >"$1/main.c" <<'C'
#include <stdio.h>
#include <string.h>
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        printf("[%s]", argv[i]);
    return argc > 1 && strcmp(argv[1], "fail") == 0;
}
C
}

stub() { # DIR NAME: a program of that name whose script is stdin
    mkdir -p "$1"
    { echo '#!/bin/sh'; cat; } >"$1/$2"
    chmod 755 "$1/$2"
}

# Debian's packages as a stub has them: all but those that $1 names. What they bring cannot be found either.
stub_packages() { # DIR MISSING
    stub "$1" dpkg-query <<STUB
for word in "\$@"; do last=\$word; done
case " $2 " in *" \$last "*) exit 1 ;; esac
echo -n installed
STUB
    stub "$1" pkg-config <<'STUB'
exit 1
STUB
    stub "$1" apt-get <<'STUB'
echo "E: the archive cannot be reached" >&2
exit 100
STUB
}

all_there=$scratch/all-there
stub_packages "$all_there" ''
rm "$all_there/pkg-config"

# As somebody for whom permissions count: root sees none.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups env HOME=/nonexistent "$@"
    else
        "$@"
    fi
}

test_first_and_second_start() {
    local dir=$scratch/plain
    house "$dir"
    expect "the first start says that it builds" 0 'Building Orrery' "$dir/orrery" kill 'n 2'
    [ "$(cat "$out")" = '[kill][n 2]' ]
    verdict $? "words reach the program as they were typed"
    stub "$scratch/no-cmake" cmake <<'STUB'
echo "cmake was run" >&2
exit 1
STUB
    expect "the second start runs no cmake and says nothing" 0 '' env PATH="$scratch/no-cmake:$PATH" "$dir/orrery" a --yes b
    [ "$(cat "$out")" = '[a][b]' ] && [ ! -s "$err" ]
    verdict $? "--yes is the launcher's, and stdout the program's"
    expect "help tells of the launcher's own words, too" 0 '' "$dir/orrery" --help
    grep -qF '[--help]' "$out" && grep -q 'orrery doctor ' "$out"
    verdict $? "behind the program's"
    touch "$dir/main.c"
    sed -i 's/\[%s\]/<%s>/' "$dir/main.c"
    expect "a changed source is built again" 0 '' "$dir/orrery" a
    [ "$(cat "$out")" = '<a>' ]
    verdict $? "and runs as changed"
    mv "$dir" "$scratch/moved"
    expect "a folder that was moved builds anew" 0 '' "$scratch/moved/orrery" a
    expect "a link to the launcher finds its folder" 0 '' bash -c "ln -s '$scratch/moved/orrery' '$scratch/link' && '$scratch/link' a"
}

test_broken_source() {
    local dir=$scratch/broken
    house "$dir"
    echo 'int main(void) { return nothing; }' >"$dir/main.c"
    expect "a source that does not compile: exit 2, with the compiler's word" 2 'nothing. undeclared' "$dir/orrery"
    expect "no compiler: a sentence, exit 2" 2 'no C compiler' env CC=/nonexistent/cc bash -c "rm -rf '$dir/build'; '$dir/orrery'"
    stub "$scratch/full-disk" ninja <<STUB
[ "\$1 \$3" = "-C all" ] || exec $(command -v ninja) "\$@"
echo "fatal error: error writing to a.o: No space left on device"
exit 1
STUB
    rm -rf "$dir/build"
    expect "a full disk: a sentence, exit 2" 2 'the disk is full' env PATH="$scratch/full-disk:$PATH" "$dir/orrery"
}

test_packages() {
    local dir=$scratch/missing stubs=$scratch/without-sodium
    house "$dir"
    stub_packages "$stubs" libsodium-dev
    expect "a missing package is named, with the command; exit 2" 2 'libsodium-dev' env PATH="$stubs:$PATH" "$dir/orrery"
    grep -q "apt-get install libsodium-dev" "$err" && ! grep -q libuv1-dev "$err"
    verdict $? "and no other package"
    expect "packages that cannot be fetched: a sentence, exit 2" 2 'Is there a network' env PATH="$stubs:$PATH" "$dir/orrery" --yes
    expect "a missing package stops the tests too" 2 'libsodium-dev' env PATH="$stubs:$PATH" "$dir/orrery" test unit
    stub "$stubs" apt-get <<STUB
echo "apt-get \$*" >>"$scratch/asked"
if [ "\$1" = install ]; then printf '#!/bin/sh\necho -n installed\n' >"$stubs/dpkg-query"; fi
STUB
    stub "$stubs" sudo <<'STUB'
exec "$@"
STUB
    expect "--yes installs what is missing, and goes on to build" 0 'Built' env PATH="$stubs:$PATH" "$dir/orrery" --yes a
    grep -q '^apt-get install .*libsodium-dev$' "$scratch/asked" && [ "$(cat "$out")" = '[a]' ]
    verdict $? "and asks for no other package"
    stub "$scratch/elsewhere" pkg-config <<'STUB'
exit 1
STUB
    local tool
    for tool in bash env readlink dirname id tr awk sed head cut grep cat mkdir cksum find; do
        ln -sf "$(command -v "$tool")" "$scratch/elsewhere/$tool"
    done
    expect "elsewhere than on Debian the list is printed; exit 2" 2 'not Debian.*libuv1-dev' env PATH="$scratch/elsewhere" bash "$dir/orrery"
}

test_read_only() {
    local dir=$scratch/locked cache=$scratch/cache
    house "$dir"
    chmod -R a+rX,a-w "$dir"
    mkdir -p "$cache"
    chmod 777 "$cache"
    expect "a read-only folder is built in the cache" 0 'is read-only: building in .*/cache/orrery/' as_user env XDG_CACHE_HOME="$cache" "$dir/orrery" a
    [ "$(cat "$out")" = '[a]' ] && [ ! -e "$dir/build" ]
    verdict $? "and runs from there"
    expect "nowhere to write: a sentence, exit 2" 2 'can be written to' as_user env XDG_CACHE_HOME=/nonexistent "$dir/orrery" a
}

test_two_at_once() {
    local dir=$scratch/twice pid
    house "$dir"
    mkdir -p "$dir/build"
    mkfifo "$scratch/words"
    exec 8>"$dir/build/.lock"
    flock 8
    "$dir/orrery" a >"$out" 2>"$scratch/words" 8>&- </dev/null &
    pid=$!
    : >"$err"
    # It says that it waits, and only then the lock is let go.
    while IFS= read -r line; do
        echo "$line" >>"$err"
        if [[ $line == *waiting* ]]; then exec 8>&-; fi
    done <"$scratch/words"
    wait "$pid"
    verdict $? "a second build waits for the first"
    grep -q 'another build is under way' "$err" && [ "$(cat "$out")" = '[a]' ]
    verdict $? "says so, and goes on"
}

test_kinds() {
    local dir=$scratch/kinds
    house "$dir"
    expect "an unknown kind of tests: what there is, exit 2" 2 "no kind of tests called 'nonsense'.*unit script sim" "$dir/orrery" test nonsense
    expect "a failed test: exit 1" 1 'unit took [0-9]+ s of [0-9]+' env PATH="$all_there:$PATH" "$dir/orrery" test unit
    [ "$(tail -n 1 "$out")" = '1 passed, 1 failed' ]
    verdict $? "the closing line counts"
    expect "tests that pass: exit 0" 0 'script: .*budget' env PATH="$all_there:$PATH" "$dir/orrery" test script
    [ "$(tail -n 1 "$out")" = '1 passed, 0 failed' ]
    verdict $? "and the closing line stands alone"
    expect "an unknown benchmark: exit 2" 2 "no benchmark called 'nonsense'" "$dir/orrery" bench nonsense
    expect "doctor takes no words" 2 'takes no words' "$dir/orrery" doctor now
}

test_first_and_second_start
test_broken_source
test_packages
test_read_only
test_two_at_once
test_kinds
