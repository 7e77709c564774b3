# Which packages there must be, and how they come. A line is a Debian package and how to see, without
# asking Debian, that what it brings is there: a command, or a pkg-config module.

packages_to_run='
cmake               command:cmake
ninja-build         command:ninja
gcc                 command:cc
libc6-dev           header:stdio.h
pkg-config          command:pkg-config
libuv1-dev          module:libuv
libprotobuf-c-dev   module:libprotobuf-c
protobuf-c-compiler command:protoc-c
protobuf-compiler   command:protoc
libprotobuf-dev     header:google/protobuf/descriptor.proto
libzstd-dev         module:libzstd
zlib1g-dev          module:zlib
libsodium-dev       module:libsodium
libncurses-dev      module:ncursesw
libyaml-dev         module:yaml-0.1
libwebsockets-dev   module:libwebsockets
libwebsockets-evlib-uv plugin:libwebsockets-evlib_uv.so
nodejs              command:node
npm                 command:npm
'

packages_to_test='
libcmocka-dev       module:cmocka
libhiredis-dev      module:hiredis
clang               command:clang
llvm                command:llvm-symbolizer
clang-format        command:clang-format
redis-server        command:redis-server
redis-tools         command:redis-benchmark
tmux                command:tmux
python3             command:python3
binutils            command:nm
'

# An engine that tests start by hand, and what makes an image for it without anybody's registry.
packages_of_containers='
docker.io           command:dockerd
docker-compose      command:docker-compose
iptables            command:iptables
debootstrap         command:debootstrap
curl                command:curl
'

have() {
    command -v "$1" >/dev/null 2>&1
}

debian_like() {
    have dpkg-query && have apt-get
}

# The fuzzers' run-time comes apart from clang, under the number of clang's version.
fuzz_runtime_package() {
    local version=''
    if have clang; then
        version=$(clang -dumpversion 2>/dev/null | cut -d. -f1)
    elif have apt-cache; then
        version=$(apt-cache depends clang 2>/dev/null | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p' | head -1)
    fi
    [ -z "$version" ] || printf 'libclang-rt-%s-dev clang-runtime:\n' "$version"
}

# A browser goes by several names; Ubuntu's package of it does, too.
find_browser() {
    local name
    for name in chromium chromium-browser google-chrome; do
        if have "$name"; then
            command -v "$name"
            return
        fi
    done
}

browser_package() {
    local name=chromium
    if have apt-cache && ! apt-cache show chromium >/dev/null 2>&1 && apt-cache show chromium-browser >/dev/null 2>&1; then
        name=chromium-browser
    fi
    printf '%s browser:\n' "$name"
}

there_without_debian() {
    local what=${1%%:*} name=${1#*:}
    case $what in
    command) have "$name" ;;
    module) have pkg-config && pkg-config --exists "$name" ;;
    header) [ -e "/usr/include/$name" ] || [ -e "/usr/local/include/$name" ] ;;
    plugin) [ -n "$(find /usr/lib /usr/local/lib -name "$name" -print -quit 2>/dev/null)" ] ;;
    browser) [ -n "$(find_browser)" ] ;;
    clang-runtime) have clang && [ -n "$(find "$(clang -print-resource-dir)" -name '*fuzzer*' -print -quit)" ] ;;
    *) return 1 ;;
    esac
}

installed_by_debian() {
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Of a list as above, the packages that are not there, one a line.
missing_of() {
    local package probe
    while read -r package probe; do
        [ -n "$package" ] || continue
        if debian_like && installed_by_debian "$package"; then continue; fi
        there_without_debian "$probe" || printf '%s\n' "$package"
    done <<<"$1"
}

# need_packages WHAT LIST: has them, or gets them, or says how and ends.
need_packages() {
    local what=$1 missing
    missing=$(missing_of "$2" | tr '\n' ' ')
    missing=${missing% }
    [ -n "$missing" ] || return 0
    say "To $what, Orrery needs packages that are not here: $missing"
    debian_like || refuse "this is not Debian or Ubuntu: install what these packages hold in your system's way (${missing// /, }), then start again."
    local install="apt-get install $missing"
    if [ "$(id -u)" != 0 ]; then
        have sudo || refuse "ask somebody who may: $install"
        install="sudo $install"
    fi
    if [ "$yes" != yes ]; then
        [ -t 0 ] || refuse "run '$install', or start again with --yes to have that done."
        local answer
        read -r -p "Install them now? [Y/n] " answer
        case $answer in
        '' | y | Y | yes) ;;
        *) refuse "then nothing can be built. When you want to: $install" ;;
        esac
    fi
    install_packages "$missing" "$install"
}

install_packages() {
    local as=()
    [ "$(id -u)" = 0 ] || as=(sudo)
    local -a apt=("${as[@]+"${as[@]}"}" env DEBIAN_FRONTEND=noninteractive apt-get)
    # shellcheck disable=SC2086
    {
        "${apt[@]}" update -q >&2 &&
            "${apt[@]}" install -q -y --no-install-recommends $1 >&2
    } || refuse "the packages could not be fetched or installed (see above). Is there a network? To try again by hand: $2"
}
