#include "lab/vocabulary.h"

#include "base/check.h"

#include <stdlib.h>

static const uint64_t moment_ns = 200000000; /* Of simulated time: until its node has begun. */

static void event(void *ctx, uint32_t node, uint32_t boot, struct bytes packed)
{
    struct vocabulary *v = ctx;
    (void)node, (void)boot;
    if (v->start)
        return;
    Orrery__Event *e = orrery__event__unpack(NULL, packed.len, packed.base);
    if (e && e->body_case == ORRERY__EVENT__BODY_START) {
        schema_add(v->schema, bytes_of(e->start->schemas.data, e->start->schemas.len));
        v->start = e->start;
        e->start = NULL;
        e->body_case = ORRERY__EVENT__BODY__NOT_SET;
    }
    if (e)
        orrery__event__free_unpacked(e, NULL);
}

static uint64_t outside(void *ctx, Orrery__Event *e)
{
    (void)ctx, (void)e;
    return 1;
}

static void stream_end(void *ctx, uint32_t node, uint32_t boot)
{
    (void)ctx, (void)node, (void)boot;
}

static void watermark(void *ctx, uint64_t ns)
{
    (void)ctx, (void)ns;
}

static void changed(void *ctx, uint32_t node)
{
    (void)ctx, (void)node;
}

static void done(void *ctx)
{
    (void)ctx;
}

bool vocabulary_learn(struct vocabulary *v, const struct cluster_instance *instances, size_t n,
                      char *why, size_t why_size)
{
    static const struct cluster_sink sink = {event, outside, stream_end, watermark, changed};
    const struct cluster_load load = {.keys = 1};
    struct cluster_spec spec = {
        .nodes = 1, .instances = instances, .n_instances = n, .seed = 1, .load = &load};
    *v = (struct vocabulary){.schema = schema_new()};
    struct cluster *c = cluster_sim_new(&spec, &sink, v, why, why_size);
    if (!c) {
        vocabulary_free(v);
        return false;
    }
    cluster_sim_run(c, moment_ns);
    c->ops->end(c, done, NULL);
    c->ops->free(c);
    CHECK(v->start);
    return true;
}

void vocabulary_free(struct vocabulary *v)
{
    if (v->start)
        orrery__start__free_unpacked(v->start, NULL);
    if (v->schema)
        schema_free(v->schema);
    *v = (struct vocabulary){0};
}
