# Where and how it is built. Ninja decides what is to do; cmake runs only for a folder without a
# build, or when ninja says so.

# Sets `build`: build/ here, or where this folder is read-only, one in the user's cache.
choose_build_folder() {
    build=$root/build
    if [ -d "$build" ] && [ -w "$build" ]; then return; fi
    if [ ! -e "$build" ] && [ -w "$root" ]; then
        mkdir -p "$build"
        return
    fi
    local cache=${XDG_CACHE_HOME:-${HOME:-}/.cache}
    build=$cache/orrery/build-$(printf '%s' "$root" | cksum | cut -d' ' -f1)
    if ! mkdir -p "$build" 2>/dev/null || [ ! -w "$build" ]; then
        refuse "neither $root nor $cache can be written to. Copy the folder to where you may write, or set XDG_CACHE_HOME."
    fi
    [ -x "$build/bin/orrery" ] || say "$root is read-only: building in $build"
}

need_room() {
    local free
    free=$(df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }')
    [ "${free:-1000000}" -ge 200000 ] ||
        refuse "only $((free / 1024)) MB are free for $1, and a build takes up to 200 MB: make room first."
}

# One build at a time in one folder. The lock is file 9, and ends with end_of_build().
begin_build() {
    exec 9>"$1/.lock"
    if ! flock -n 9; then
        say "another build is under way in $1: waiting for it."
        flock 9
    fi
}

end_of_build() {
    exec 9>&-
}

# Says why a build failed. explain_failure FOLDER LOG
explain_failure() {
    if grep -q 'No space left on device' "$2"; then
        refuse "the disk is full: make room for $1, then start again."
    fi
    if grep -qE 'No CMAKE_C_COMPILER could be found|Could not find compiler set in|is not a full path to an existing compiler|C compiler .* is not able to compile' "$2"; then
        refuse "there is no C compiler that works here. On Debian and Ubuntu: apt-get install gcc libc6-dev"
    fi
    if grep -qE 'npm (error|ERR!) (code )?(network|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT)' "$2"; then
        refuse "npm could not fetch the packages that the browser page is built with: it needs a network, this once."
    fi
    # From the first error on, without the commands' own lines.
    { grep -nE 'error|Error|FAILED|undefined reference' "$2" || tail -n 20 "$2"; } | head -n 40 >&2
    say "The build failed; all of its output is in $2"
}

building_s=0 # Seconds spent building so far.

# configure_and_build FOLDER TARGETS CMAKE-OPTION...: 0, or 1 with the reason said.
configure_and_build() {
    local began=$SECONDS status=0
    configure_and_make "$@" || status=1
    building_s=$((building_s + SECONDS - began))
    return "$status"
}

configure_and_make() {
    local folder=$1 targets=$2 status=0
    shift 2
    mkdir -p "$folder"
    set -- "$@" "-DORRERY_PAGE_DIR=$build/page"
    begin_build "$folder"
    # A build that was made for a folder of another name (this one was moved or copied) is no use.
    if [ -f "$folder/CMakeCache.txt" ] &&
        ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        rm -rf "$folder/CMakeCache.txt" "$folder/CMakeFiles" "$folder/build.ninja"
    fi
    if [ ! -f "$folder/build.ninja" ]; then
        need_room "$folder"
        cmake -S "$root" -B "$folder" -G Ninja "$@" >"$folder/configure.log" 2>&1 9>&- || {
            explain_failure "$folder" "$folder/configure.log"
            end_of_build
            return 1
        }
    fi
    # shellcheck disable=SC2086
    ninja -C "$folder" $targets 2>&1 9>&- | show_progress "$folder/build.log" || status=1
    if [ "$status" != 0 ]; then explain_failure "$folder" "$folder/build.log"; fi
    end_of_build
    return "$status"
}

# The two programs, for use.
build_program() {
    local first=no
    if [ ! -x "$build/bin/orrery" ]; then
        need_packages "be built" "$packages_to_run"
        first=yes
        say "Building Orrery in $build: the first time takes a minute or two."
    fi
    if ! configure_and_build "$build" all -DCMAKE_BUILD_TYPE=Release; then
        # A package may have gone since.
        need_packages "be built" "$packages_to_run"
        exit 2
    fi
    if [ "$first" = yes ]; then say "Built."; fi
}
