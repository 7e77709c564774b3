#include "session/filter.h"

#include "base/check.h"
#include "core/pattern.h"
#include "timeline/pattern.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct filter {
    uint32_t *nodes;
    size_t n_nodes;
    Orrery__Pattern *pattern;
};

static const Orrery__Start *any_start(struct timeline *t)
{
    const Orrery__Start *start = NULL;
    const Orrery__RunInfo *info = timeline_info(t);
    for (uint32_t node = 1; node <= info->nodes && node < 100000 && !start; node++)
        start = timeline_start(t, node);
    return start;
}

static bool compile(struct filter *f, struct timeline *t, const char *text, char *why,
                    size_t why_size)
{
    struct buf packed = {0};
    const Orrery__Start *start = any_start(t);
    if (!start) {
        snprintf(why, why_size, "no node has begun yet, so there is nothing to match");
        return false;
    }
    bool compiled = pattern_compile(text, timeline_schema(t), start, &packed, why, why_size);
    if (compiled) {
        f->pattern = orrery__pattern__unpack(NULL, packed.len, packed.base);
        CHECK(f->pattern);
    }
    buf_free(&packed);
    return compiled;
}

struct filter *filter_new(struct timeline *t, const char *pattern, const uint32_t *nodes,
                          size_t n_nodes, char *why, size_t why_size)
{
    struct filter *f = calloc(1, sizeof *f);
    CHECK(f);
    f->nodes = calloc(n_nodes + 1, sizeof *f->nodes);
    CHECK(f->nodes);
    if (n_nodes)
        memcpy(f->nodes, nodes, n_nodes * sizeof *f->nodes);
    f->n_nodes = n_nodes;
    if (*pattern && !compile(f, t, pattern, why, why_size)) {
        filter_free(f);
        return NULL;
    }
    return f;
}

void filter_free(struct filter *f)
{
    if (!f)
        return;
    if (f->pattern)
        orrery__pattern__free_unpacked(f->pattern, NULL);
    free(f->nodes);
    free(f);
}

bool filter_passes(const struct filter *f, const struct entry *e)
{
    if (!f)
        return true;
    bool wanted = f->n_nodes == 0;
    for (size_t i = 0; i < f->n_nodes && !wanted; i++)
        wanted = f->nodes[i] == e->node;
    if (!wanted || !f->pattern)
        return wanted;
    bool lane = f->pattern->node == 0 || f->pattern->node == e->node;
    return lane && pattern_match(f->pattern, e->event);
}
