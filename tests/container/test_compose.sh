# The compose file, with a real engine: five nodes in five containers under the observer of a sixth.
set -u
. "$ORRERY_ROOT/tests/container/engine.sh"

nodes=5
project=orrery$$
port=$((20000 + $$ % 10000))
export ORRERY_IMAGE=orrery-test:$project ORRERY_PORT=$port ORRERY_KEY=$engine/cluster.key

tried=
try() { # WHAT COMMAND...: ok, or not ok with what it said.
    local what=$1 said
    shift
    if said=$("$@" 2>&1); then
        echo "ok $what"
    else
        echo "not ok $what (exit $?): $*"
        printf '%s\n' "$said" | tail -n 25 | sed 's/^/# /'
        tried=failed
    fi
}

compose() {
    docker-compose -p "$project" -f "$ORRERY_ROOT/docker-compose.yml" "$@"
}

finish() {
    [ -z "$tried" ] || compose logs --tail 40 2>&1 | sed 's/^/# /'
    exec 8>&-
    compose down -v -t 5 >/dev/null 2>&1
    engine_stop
}

observer() { # COMMAND...: orrery, beside the observer that runs.
    docker exec "$(compose ps -q observer)" orrery "$@"
}

address() {
    compose logs observer 2>/dev/null | grep -o 'http://127[^ ]*token=[0-9a-f]*' | head -n 1
}

status_of() { # CODE: what the page's server says to a name for it.
    [ "$(curl -s -o /dev/null -w '%{http_code}' -H "Host: $2" "http://127.0.0.1:$port/")" = "$1" ]
}

# Every one of them runs, and no two in one container.
spread_over_containers() { # RUN
    local said hosts
    said=$(observer status --run "$1" --json) || return
    hosts=$(grep -o '"host":"[^"]*"' <<<"$said" | sort -u | grep -vc '""')
    [ "$(grep -o '"state":"running"' <<<"$said" | wc -l)" = "$nodes" ] && [ "$hosts" = "$nodes" ] || {
        echo "$said"
        return 1
    }
}

the_run() {
    observer runs --json | grep -o '"run":"[^"]*"' | head -n 1 | cut -d'"' -f4
}

container_of() { # NODE RUN: by its host, which is the container's name for itself
    observer status --run "$2" --json | grep -o "\"name\":\"$1\".*" | grep -o '"host":"[^"]*"' | head -n 1 | cut -d'"' -f4
}

came() { # RUN PATTERN
    observer timeline --json --run "$1" --from 1 --pattern "$2" | grep -q '"ordinal"'
}

state_of() { # NODE RUN STATE
    observer status --run "$2" | grep -qE "^$1 +$3 "
}

# Who may look at a process sees neither key nor secret.
no_key_in_sight() {
    local key container
    key=$(cat "$ORRERY_KEY")
    for container in $(compose ps -q); do
        docker exec "$container" sh -c 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ' | tr '\0' '\n' | grep -F "$key" && return 1
    done
    return 0
}

# The first process passes the signal on, and ends as its child does.
ends_when_asked() { # CONTAINER
    local began=$SECONDS
    docker stop -t 30 "$1" >/dev/null
    [ "$(docker inspect -f '{{.State.ExitCode}}' "$1")" = 0 ] && [ $((SECONDS - began)) -lt 25 ]
}

# While its agent is not back, a restart fails at once.
restarts() { # NODE RUN
    observer restart "$1" --run "$2" >/dev/null
    until state_of "$1" "$2" running; do
        if state_of "$1" "$2" failed; then return 1; fi
        sleep 0.1 # polls
    done
}

has_address() {
    [ -n "$(address)" ]
}

another_run() { # THAN: spread as well
    local run
    run=$(observer runs --json | grep -o '"run":"[^"]*"' | cut -d'"' -f4 | grep -v "^$1\$" | head -n 1)
    [ -n "$run" ] && spread_over_containers "$run" && echo "$run" >"$engine/run"
}

engine_needs
trap finish EXIT
engine_start
base_make
try "an image is made" image_make "$ORRERY_IMAGE"
head -c 32 /dev/urandom | base64 >"$ORRERY_KEY"

try "the compose file is valid" compose config -q
try "observer and nodes come up" compose up -d --no-build --scale node=$nodes
[ -z "$tried" ] || exit # All else would only wait in vain.
try "the observer says where its page is" wait_for "the address" has_address
try "the page is published at this machine" wait_for "the page" status_of 200 "127.0.0.1:$port"
try "and at no other name" status_of 403 evil.example
try "heartbeat is proven on containers" observer run heartbeat --headless
try "wal is proven on containers" observer run wal --headless

mkfifo "$engine/hold"
exec 8<>"$engine/hold"
python3 "$ORRERY_ROOT/tests/container/page.py" "$(address)" heartbeat 8<&- <"$engine/hold" >"$engine/page" 2>&1 &
try "the page opens a lab" wait_for "the lab" grep -q opened "$engine/page"
run=$(the_run)
try "its nodes are spread over the containers" wait_for "five nodes" spread_over_containers "$run"
try "no key can be seen in a process" no_key_in_sight
exec 8>&-

docker exec -d "$(compose ps -q observer)" orrery sandbox heartbeat --nodes $nodes --headless
try "a second observer in the same container finds the same agents" wait_for "a sandbox" another_run "$run"
run=$(cat "$engine/run")
victim=$(container_of n2 "$run")
docker kill "$victim" >/dev/null
try "a killed container is told as a node out of reach" wait_for "its end" came "$run" "exit unseen=true"
try "and is suspected by the others" wait_for "the suspicion" came "$run" "move node=n1 of=2 to=2"
docker start "$victim" >/dev/null
try "started again, it runs its node on the same disk" wait_for "n2 again" restarts n2 "$run"
try "a stopped container ends in order" ends_when_asked "$victim"
