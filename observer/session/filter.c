#include "session/filter.h"

#include "base/check.h"
#include "base/must.h"
#include "core/pattern.h"
#include "timeline/pattern.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Nodes that began alike, and what the pattern means for them; NULL: nothing. */
struct kind {
    uint32_t node; /* One of them. */
    Orrery__Pattern *pattern;
};

struct filter {
    struct timeline *timeline;
    uint32_t *nodes;
    size_t n_nodes;
    char *text;  /* Of the pattern; NULL: there is none. */
    char *words; /* That an event's own must have in them; NULL: any will do. */
    struct kind *kinds;
    size_t n_kinds;
    uint32_t *kind_of; /* By node: index in kinds, from 1; 0: not known yet. */
    uint32_t n_known;
};

static size_t find_kind(const struct filter *f, const Orrery__Start *start)
{
    size_t i = 0;
    for (; i < f->n_kinds; i++) {
        const Orrery__Start *other = timeline_start(f->timeline, f->kinds[i].node);
        if (other && pattern_same_kind(other, start))
            break;
    }
    return i;
}

static void add_kind(struct filter *f, uint32_t node)
{
    f->kinds = realloc(f->kinds, (f->n_kinds + 1) * sizeof *f->kinds);
    CHECK(f->kinds);
    f->kinds[f->n_kinds++] = (struct kind){.node = node};
}

static void set_pattern(struct kind *k, const struct buf *packed)
{
    k->pattern = orrery__pattern__unpack(NULL, packed->len, packed->base);
    CHECK(k->pattern);
}

static bool compile(struct filter *f, char *why, size_t why_size)
{
    const Orrery__RunInfo *info = timeline_info(f->timeline);
    for (uint32_t node = 1; node <= info->nodes && node < 100000; node++) {
        const Orrery__Start *start = timeline_start(f->timeline, node);
        if (start && find_kind(f, start) == f->n_kinds)
            add_kind(f, node);
    }
    if (!f->n_kinds) {
        snprintf(why, why_size, "no node has begun yet, so there is nothing to match");
        return false;
    }
    const Orrery__Start **starts = calloc(f->n_kinds, sizeof *starts);
    struct pattern_meaning *means = calloc(f->n_kinds, sizeof *means);
    CHECK(starts && means);
    for (size_t i = 0; i < f->n_kinds; i++)
        starts[i] = timeline_start(f->timeline, f->kinds[i].node);
    bool compiled = pattern_compile_each(f->text, timeline_schema(f->timeline), starts, f->n_kinds,
                                         means, why, why_size);
    for (size_t i = 0; i < f->n_kinds; i++) {
        if (means[i].any)
            set_pattern(&f->kinds[i], &means[i].packed);
        buf_free(&means[i].packed);
    }
    free(means);
    free(starts);
    return compiled;
}

struct filter *filter_new(struct timeline *t, const char *pattern, const uint32_t *nodes,
                          size_t n_nodes, char *why, size_t why_size)
{
    struct filter *f = must_alloc(1, sizeof *f);
    f->timeline = t;
    f->nodes = must_alloc(n_nodes + 1, sizeof *f->nodes);
    if (n_nodes)
        memcpy(f->nodes, nodes, n_nodes * sizeof *f->nodes);
    f->n_nodes = n_nodes;
    if (*pattern) {
        f->text = strdup(pattern);
        CHECK(f->text);
        if (!compile(f, why, why_size)) {
            filter_free(f);
            return NULL;
        }
    }
    return f;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n_kinds; i++)
        if (f->kinds[i].pattern)
            orrery__pattern__free_unpacked(f->kinds[i].pattern, NULL);
    free(f->kinds);
    free(f->kind_of);
    free(f->text);
    free(f->words);
    free(f->nodes);
    free(f);
}

/* Index of a node's kind, from 1. One that came later may be of a new kind. */
static uint32_t kind_of(struct filter *f, uint32_t node)
{
    if (node < f->n_known && f->kind_of[node])
        return f->kind_of[node];
    const Orrery__Start *start = timeline_start(f->timeline, node);
    if (!start)
        return 0;
    size_t i = find_kind(f, start);
    if (i == f->n_kinds) {
        struct buf packed = {0};
        char why[300];
        add_kind(f, node);
        if (pattern_compile(f->text, timeline_schema(f->timeline), start, &packed, why, sizeof why))
            set_pattern(&f->kinds[i], &packed);
        buf_free(&packed);
    }
    if (node >= f->n_known) {
        uint32_t n = node + 16;
        f->kind_of = realloc(f->kind_of, n * sizeof *f->kind_of);
        CHECK(f->kind_of);
        memset(f->kind_of + f->n_known, 0, (n - f->n_known) * sizeof *f->kind_of);
        f->n_known = n;
    }
    return f->kind_of[node] = (uint32_t)i + 1;
}

/* The node that an event of lane 0 tells of; 0: none. */
static uint32_t told_of(const struct entry *e)
{
    Orrery__Event *m = orrery__event__unpack(NULL, e->event.len, e->event.base);
    uint32_t node = !m                                           ? 0
                    : m->body_case == ORRERY__EVENT__BODY_EXIT   ? m->exit->node
                    : m->body_case == ORRERY__EVENT__BODY_SPAWN  ? m->spawn->node
                    : m->body_case == ORRERY__EVENT__BODY_HOLE   ? m->hole->node
                    : m->body_case == ORRERY__EVENT__BODY_OFFSET ? m->offset->node
                                                                 : 0;
    if (m)
        orrery__event__free_unpacked(m, NULL);
    return node;
}

static const Orrery__Pattern *pattern_for(struct filter *f, const struct entry *e)
{
    uint32_t node = e->node;
    if (f->n_kinds > 1 && node == 0)
        node = told_of(e);
    uint32_t kind = node ? kind_of(f, node) : 0;
    if (kind)
        return f->kinds[kind - 1].pattern;
    for (size_t i = 0; i < f->n_kinds; i++) /* It tells of no node: any will do. */
        if (f->kinds[i].pattern)
            return f->kinds[i].pattern;
    return NULL;
}

void filter_by_words(struct filter *f, const char *words)
{
    free(f->words);
    f->words = *words ? strdup(words) : NULL;
}

static bool has_words(const struct filter *f, const struct entry *e)
{
    struct buf described = {0};
    timeline_describe(f->timeline, e, &described);
    buf_append(&described, bytes_of("", 1));
    bool has = strcasestr((const char *)described.base, f->words) != NULL;
    buf_free(&described);
    return has;
}

/* Clients have a lane and no events of their own: what they ask and are answered, nodes tell. */
static bool is_on(const struct entry *e, uint32_t lane)
{
    bool client = e->head.body == ORRERY__EVENT__BODY_REQUEST ||
                  e->head.body == ORRERY__EVENT__BODY_REPLY ||
                  e->head.body == ORRERY__EVENT__BODY_DISCONNECT;
    return lane == e->node || (lane == VIEW_LANE_CLIENTS && client);
}

bool filter_passes(struct filter *f, const struct entry *e)
{
    if (!f)
        return true;
    bool wanted = f->n_nodes == 0;
    for (size_t i = 0; i < f->n_nodes && !wanted; i++)
        wanted = is_on(e, f->nodes[i]);
    if (wanted && f->text) {
        const Orrery__Pattern *pattern = pattern_for(f, e);
        bool lane = pattern && (pattern->node == 0 || pattern->node == e->node);
        wanted = lane && pattern_match(pattern, e->event);
    }
    return wanted && (!f->words || has_words(f, e));
}
