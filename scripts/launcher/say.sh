# What the launcher says. Sentences go to stderr; stdout is for what was asked for.

say() {
    printf '%s\n' "$*" >&2
}

# Bad usage, or a missing thing: says what to do about it.
refuse() {
    say "orrery: $*"
    exit 2
}
