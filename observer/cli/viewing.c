#include "cli/viewing.h"

#include "base/check.h"

#include <stdio.h>

enum { VIEW_BYTES = 128 << 20 };

struct timeline *viewing_new(const Orrery__RunInfo *run)
{
    struct timeline_options options = {.window_bytes = VIEW_BYTES};
    char why[300];
    if (run)
        options.info = *run;
    else
        orrery__run_info__init(&options.info);
    struct timeline *t = timeline_new(&options, why, sizeof why);
    CHECK(t); /* It records nothing, so there is nothing to fail. */
    return t;
}

bool viewing_entry(const Orrery__Entries *entries, size_t i, struct entry *e)
{
    const Orrery__Entry *from = entries->entries[i];
    *e = (struct entry){.ordinal = from->ordinal,
                        .node = from->node,
                        .boot = from->boot,
                        .cause = from->cause,
                        .event = bytes_of(from->event.data, from->event.len)};
    return event_head_read(e->event, &e->head) == 0;
}

void print_entry(struct timeline *t, const struct entry *e, bool json)
{
    struct buf text = {0};
    if (json) {
        timeline_json(t, e, &text);
        printf("%.*s\n", (int)text.len, (const char *)text.base);
    } else {
        timeline_describe(t, e, &text);
        printf("e%-8llu %12.6f s  %.*s\n", (unsigned long long)e->ordinal,
               (double)e->head.mono_ns / 1e9, (int)text.len, (const char *)text.base);
    }
    buf_free(&text);
}

void viewing_details(struct timeline *t, const struct entry *e)
{
    struct buf text = {0};
    const struct schema_type *event = schema_find(timeline_schema(t), "orrery.Event");
    if (event)
        schema_lines(event, e->event, 2, &text);
    printf("%.*s", (int)text.len, (const char *)text.base);
    if (e->cause)
        printf("  caused by e%llu\n", (unsigned long long)e->cause);
    buf_free(&text);
}
