# The build's output, made bearable: on a terminal one line that counts, elsewhere one line a tenth;
# the whole goes into a log.

# Reads ninja's output on stdin. show_progress LOG
show_progress() {
    local line done_ all told=0 width
    width=$(tput cols 2>/dev/null || echo 80)
    : >"$1"
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$1"
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\ (.*) ]] || continue
        done_=${BASH_REMATCH[1]} all=${BASH_REMATCH[2]}
        [ "$all" -gt 2 ] || continue
        if [ -t 2 ]; then
            printf '\r\033[K%s' "$(printf 'building %s of %s: %s' "$done_" "$all" "${BASH_REMATCH[3]##*/}" | cut -c "1-$((width - 1))")" >&2
            told=1
        elif [ $((done_ * 10 / all)) -gt "$told" ]; then
            told=$((done_ * 10 / all))
            say "building: $done_ of $all"
        fi
    done
    if [ "$told" != 0 ] && [ -t 2 ]; then printf '\r\033[K' >&2; fi
}
