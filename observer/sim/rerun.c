/* `orrery replay FILE --rerun n2 --to e1323`: a recorded life once more, by the code of today. */
#include "core/rerun.h"

#include "base/check.h"
#include "sim/modules.h"
#include "sim/sim.h"
#include "timeline/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WHY_MAX = 400, EXIT_PARTED = 1, EXIT_USAGE = 2, EXIT_UNKNOWN = 3 };

struct life {
    struct timeline *timeline;
    uint32_t node;
    uint32_t boot;
    struct bytes *events; /* By number - 1; base NULL where one is missing. Owned. */
    uint64_t *ordinals;
    uint64_t n;
    uint64_t to; /* Number of the last event that is asked for. */
};

static void life_free(struct life *l)
{
    for (uint64_t i = 0; i < l->n; i++)
        free((void *)(uintptr_t)l->events[i].base);
    free(l->events);
    free(l->ordinals);
}

/* The newest life of the node that began at or before `to`. */
static uint32_t newest_boot(struct timeline *t, uint32_t node, uint64_t to)
{
    uint32_t boot = 0;
    uint64_t newest = timeline_newest(t);
    for (uint64_t i = timeline_oldest(t); i && i <= newest && i <= to; i++) {
        struct entry e;
        if (timeline_get(t, i, &e) && e.node == node && e.boot > boot)
            boot = e.boot;
    }
    return boot;
}

static void keep(struct life *l, const struct entry *e)
{
    uint64_t seq = e->head.seq;
    if (seq > l->n) {
        l->events = realloc(l->events, seq * sizeof *l->events);
        l->ordinals = realloc(l->ordinals, seq * sizeof *l->ordinals);
        CHECK(l->events && l->ordinals);
        memset(l->events + l->n, 0, (seq - l->n) * sizeof *l->events);
        memset(l->ordinals + l->n, 0, (seq - l->n) * sizeof *l->ordinals);
        l->n = seq;
    }
    if (l->events[seq - 1].base)
        return;
    uint8_t *copy = malloc(e->event.len ? e->event.len : 1);
    CHECK(copy);
    memcpy(copy, e->event.base, e->event.len);
    l->events[seq - 1] = bytes_of(copy, e->event.len);
    l->ordinals[seq - 1] = e->ordinal;
}

/* Numbers come from a file: one that is far beyond how many events there are is a hole, and so
 * large that it is not worth the memory. */
static void load(struct life *l, uint64_t to)
{
    uint64_t oldest = timeline_oldest(l->timeline);
    uint64_t newest = timeline_newest(l->timeline);
    for (uint64_t i = oldest; i && i <= newest; i++) {
        struct entry e;
        if (!timeline_get(l->timeline, i, &e) || e.node != l->node || e.boot != l->boot ||
            e.head.seq == 0 || e.head.seq > 2 * newest)
            continue;
        keep(l, &e);
        if (i <= to)
            l->to = e.head.seq > l->to ? e.head.seq : l->to;
    }
}

static struct bytes event_at(void *ctx, uint64_t seq)
{
    const struct life *l = ctx;
    return seq >= 1 && seq <= l->n ? l->events[seq - 1] : bytes_of(NULL, 0);
}

/* False and a sentence: events are missing that the execution would need. */
static bool whole(const struct life *l, char *why, size_t size)
{
    for (uint64_t i = 0; i < l->to; i++)
        if (!l->events[i].base) {
            uint64_t end = i;
            while (end < l->to && !l->events[end].base)
                end++;
            (void)snprintf(why, size,
                           "events %" PRIu64 " to %" PRIu64 " of n%u's life %u are missing, and "
                           "what follows depends on them",
                           i + 1, end, l->node, l->boot);
            return false;
        }
    Orrery__Event *e = orrery__event__unpack(NULL, l->events[0].len, l->events[0].base);
    bool full = e && e->body_case == ORRERY__EVENT__BODY_START &&
                e->start->level == ORRERY__LEVEL__LEVEL_FULL;
    if (!full && e && e->body_case == ORRERY__EVENT__BODY_START)
        (void)snprintf(why, size, "n%u was not recorded at level full, so its inputs are not there",
                       l->node);
    else if (!full)
        (void)snprintf(why, size, "the recording does not begin with the start of n%u's life %u",
                       l->node, l->boot);
    if (e)
        orrery__event__free_unpacked(e, NULL);
    return full;
}

static void print_view(struct life *l, struct host *h, uint32_t instance, bool json)
{
    const struct core_ops *ops = host_ops(h, instance);
    const void *core = host_core(h, instance);
    struct random none = {{1, 2, 3, 4}};
    struct out *out = calloc(1, sizeof *out);
    struct arena arena;
    struct buf body = {0};
    struct buf text = {0};
    CHECK(out);
    if (!ops->view || !ops->view_type || !core) {
        free(out);
        return;
    }
    arena_init(&arena, 64 << 20);
    out->viewing = true;
    out->random = &none;
    out->ops = ops;
    out->arena = &arena;
    ops->view(core, out);
    for (uint32_t i = 0; i < out->n; i++)
        for (uint32_t k = 0; out->effects[i].kind == EFFECT_VIEW && k < out->effects[i].body.n; k++)
            if (out->effects[i].body.slices[k].kind == SLICE_MEMORY)
                buf_append(&body, out->effects[i].body.slices[k].memory);
    const struct schema_type *type =
        schema_find(timeline_schema(l->timeline), ops->view_type->name);
    if (type && json)
        schema_json(type, buf_bytes(&body), &text);
    else if (type)
        schema_lines(type, buf_bytes(&body), 2, &text);
    if (json)
        (void)printf("{\"instance\":%u,\"protocol\":\"%s\",\"view\":%.*s}", instance, ops->name,
                     text.len ? (int)text.len : 4, text.len ? (const char *)text.base : "null");
    else
        (void)printf("%s\n%.*s", ops->name, (int)text.len, (const char *)text.base);
    buf_free(&text);
    buf_free(&body);
    arena_free(&arena);
    free(out);
}

static void report(struct life *l, struct rerun *r, uint64_t asked, bool json)
{
    struct host *h = rerun_host(r);
    uint64_t at = rerun_at(r);
    uint64_t ordinal = at <= l->n && at ? l->ordinals[at - 1] : 0;
    if (json)
        (void)printf("{\"node\":%u,\"boot\":%u,\"executed\":%" PRIu64 ",\"ordinal\":%" PRIu64
                     ",\"as_recorded\":true,\"views\":[",
                     l->node, l->boot, at, ordinal);
    else
        (void)printf("n%u, life %u, at e%" PRIu64 "\n", l->node, l->boot, asked ? asked : ordinal);
    for (uint32_t i = 1; i <= host_instances(h); i++) {
        if (json && i > 1)
            putchar(',');
        print_view(l, h, i, json);
    }
    if (json)
        (void)printf("]}\n");
    else
        (void)printf("%" PRIu64 " events re-executed, all as recorded\n", at);
}

static const struct core_ops *protocol(void *ctx, const char *name)
{
    (void)ctx;
    return sim_find(name);
}

static int execute(struct life *l, uint64_t asked, bool json)
{
    char why[WHY_MAX] = "";
    if (!whole(l, why, sizeof why)) {
        (void)fprintf(stderr, "orrery: it cannot be executed again: %s\n", why);
        return EXIT_UNKNOWN;
    }
    struct rerun_life life = {.event = event_at, .protocol = protocol, .ctx = l};
    struct rerun *r = rerun_new(&life, why, sizeof why);
    if (!r) {
        (void)fprintf(stderr, "orrery: it cannot be executed again: %s\n", why);
        return EXIT_UNKNOWN;
    }
    int error = rerun_run(r, l->to, why, sizeof why);
    if (error) {
        uint64_t at = rerun_at(r);
        uint64_t ordinal = at >= 1 && at <= l->n ? l->ordinals[at - 1] : 0;
        (void)fprintf(stderr, "orrery: they part near e%" PRIu64 ": %s\n", ordinal, why);
    } else {
        report(l, r, asked, json);
    }
    rerun_free(r);
    return error ? EXIT_PARTED : 0;
}

int rerun_command(const char *path, uint32_t node, uint32_t boot, uint64_t to, bool json)
{
    char why[WHY_MAX];
    struct timeline *t = timeline_open(path, why, sizeof why);
    if (!t) {
        (void)fprintf(stderr, "orrery: %s\n", why);
        return EXIT_USAGE;
    }
    uint64_t until = to ? to : UINT64_MAX;
    struct life l = {.timeline = t, .node = node};
    l.boot = boot ? boot : newest_boot(t, node, until);
    load(&l, until);
    int code = EXIT_USAGE;
    if (node == 0 || l.to == 0)
        (void)fprintf(stderr, "orrery: the recording has no event of n%u up to there\n", node);
    else
        code = execute(&l, to, json);
    life_free(&l);
    timeline_free(t);
    return code;
}
