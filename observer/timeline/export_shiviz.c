/* Vector clocks over a window, for ShiViz. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "timeline/export.h"
#include "timeline/export_window.h"

enum { HOST_MAX = 40 };

struct host {
    uint32_t node, boot;
    char label[HOST_MAX];
    uint32_t *clock; /* By host; 0: nothing known. */
};

/* What was known when an event happened that others may have been caused by. */
struct memory_of {
    uint64_t ordinal;
    uint32_t *clock;
};

struct shiviz {
    struct timeline *t;
    FILE *out;
    struct host *hosts;
    size_t n_hosts, cap_hosts;
    struct memory_of *kept; /* Ascending. */
    size_t n_kept, cap_kept;
};

static struct host *host_find(struct shiviz *s, uint32_t node, uint32_t boot)
{
    for (size_t i = 0; i < s->n_hosts; i++)
        if (s->hosts[i].node == node && s->hosts[i].boot == boot)
            return &s->hosts[i];
    return NULL;
}

static void note_host(void *ctx, const struct entry *e, bool wanted)
{
    struct shiviz *s = ctx;
    (void)wanted;
    if (host_find(s, e->node, e->boot))
        return;
    if (s->n_hosts == s->cap_hosts) {
        s->cap_hosts = s->cap_hosts ? s->cap_hosts * 2 : 16;
        s->hosts = realloc(s->hosts, s->cap_hosts * sizeof *s->hosts);
        CHECK(s->hosts);
    }
    s->hosts[s->n_hosts++] = (struct host){.node = e->node, .boot = e->boot};
}

static void label(struct shiviz *s, struct host *h, bool plain)
{
    char life[16] = "";
    if (h->boot > 1)
        (void)snprintf(life, sizeof life, "#%" PRIu32, h->boot);
    if (plain)
        (void)snprintf(h->label, sizeof h->label, "n%" PRIu32 "%s", h->node, life);
    else
        (void)snprintf(h->label, sizeof h->label, "%s%s", timeline_lane(s->t, h->node), life);
}

/* By name; by number for all when two nodes gave themselves the same one. */
static void label_all(struct shiviz *s)
{
    for (size_t i = 0; i < s->n_hosts; i++)
        label(s, &s->hosts[i], false);
    bool twice = false;
    for (size_t i = 0; i < s->n_hosts && !twice; i++)
        for (size_t k = 0; k < i && !twice; k++)
            twice = strcmp(s->hosts[i].label, s->hosts[k].label) == 0;
    for (size_t i = 0; i < s->n_hosts; i++) {
        if (twice)
            label(s, &s->hosts[i], true);
        s->hosts[i].clock = must_alloc(s->n_hosts, sizeof(uint32_t));
    }
}

static void learn(const struct shiviz *s, uint32_t *clock, const uint32_t *from)
{
    for (size_t i = 0; i < s->n_hosts; i++)
        if (from[i] > clock[i])
            clock[i] = from[i];
}

static const uint32_t *kept_at(const struct shiviz *s, uint64_t ordinal)
{
    size_t low = 0, high = s->n_kept;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (s->kept[middle].ordinal < ordinal)
            low = middle + 1;
        else
            high = middle;
    }
    return low < s->n_kept && s->kept[low].ordinal == ordinal ? s->kept[low].clock : NULL;
}

static void keep(struct shiviz *s, uint64_t ordinal, const uint32_t *clock)
{
    if (s->n_kept == s->cap_kept) {
        s->cap_kept = s->cap_kept ? s->cap_kept * 2 : 256;
        s->kept = realloc(s->kept, s->cap_kept * sizeof *s->kept);
        CHECK(s->kept);
    }
    size_t size = s->n_hosts * sizeof *clock;
    uint32_t *copy = malloc(size);
    CHECK(copy);
    memcpy(copy, clock, size);
    s->kept[s->n_kept++] = (struct memory_of){ordinal, copy};
}

static void print(struct shiviz *s, const struct host *h, const struct entry *e)
{
    struct buf text = {0};
    timeline_describe(s->t, e, &text);
    (void)fprintf(s->out, "e%" PRIu64 " %.3f %s %s {", e->ordinal, (double)e->head.mono_ns / 1e6,
                  h->label, timeline_kind(e->head.body));
    /* The own entry first, as people expect. */
    (void)fprintf(s->out, "\"%s\":%" PRIu32, h->label, h->clock[h - s->hosts]);
    for (size_t i = 0; i < s->n_hosts; i++)
        if (h->clock[i] > 0 && &s->hosts[i] != h)
            (void)fprintf(s->out, ",\"%s\":%" PRIu32, s->hosts[i].label, h->clock[i]);
    (void)fprintf(s->out, "} %.*s\n", (int)text.len, (const char *)text.base);
    buf_free(&text);
}

/* An exit knows all that its process did: the operating system has seen it end. */
static void learn_of_exit(struct shiviz *s, struct host *h, const struct entry *e)
{
    uint32_t node, boot;
    if (!export_exited(e, &node, &boot))
        return;
    const struct host *dead = host_find(s, node, boot);
    if (dead && dead != h)
        learn(s, h->clock, dead->clock);
}

static void each(void *ctx, const struct entry *e, bool wanted)
{
    struct shiviz *s = ctx;
    struct host *h = host_find(s, e->node, e->boot);
    CHECK(h);
    const uint32_t *known = e->cause ? kept_at(s, e->cause) : NULL;
    if (known)
        learn(s, h->clock, known);
    learn_of_exit(s, h, e);
    if (wanted)
        h->clock[h - s->hosts]++;
    bool causes = e->head.body == ORRERY__EVENT__BODY_SEND || e->node == 0;
    if (causes)
        keep(s, e->ordinal, h->clock);
    if (wanted) {
        struct entry copy = *e; /* Describing reads other entries. */
        print(s, h, &copy);
    }
}

static void shiviz_free(struct shiviz *s)
{
    for (size_t i = 0; i < s->n_hosts; i++)
        free(s->hosts[i].clock);
    for (size_t i = 0; i < s->n_kept; i++)
        free(s->kept[i].clock);
    free(s->hosts);
    free(s->kept);
}

int export_shiviz(struct timeline *t, const struct export_options *options, FILE *out,
                  struct export_done *done, char *why, size_t why_size)
{
    struct shiviz s = {.t = t, .out = out};
    struct export_options bounded = *options;
    if (!bounded.limit)
        bounded.limit = EXPORT_SHIVIZ_EVENTS;
    *done = (struct export_done){0};
    export_walk(t, &bounded, note_host, &s, done);
    int status = export_some(done, why, why_size);
    if (status == 0) {
        label_all(&s);
        (void)fputs("(?<ordinal>e\\d+) (?<ms>\\S+) (?<host>\\S+) (?<kind>\\S+) "
                    "(?<clock>\\{.*?\\}) (?<event>.*)\n\n",
                    out);
        export_walk(t, &bounded, each, &s, done);
        status = export_written(out, why, why_size);
    }
    shiviz_free(&s);
    return status;
}
