#include "lab/vocabulary.h"

#include "base/check.h"

#include <ctype.h>
#include <string.h>

static const uint64_t moment_ns = 200000000; /* Of simulated time: until its node has begun. */

static void event(void *ctx, uint32_t node, uint32_t boot, struct bytes packed)
{
    struct vocabulary *v = ctx;
    (void)node, (void)boot;
    if (v->starts[v->n])
        return;
    Orrery__Event *e = orrery__event__unpack(NULL, packed.len, packed.base);
    if (e && e->body_case == ORRERY__EVENT__BODY_START) {
        schema_add(v->schema, bytes_of(e->start->schemas.data, e->start->schemas.len));
        v->starts[v->n] = e->start;
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

bool vocabulary_learn(struct vocabulary *v, const struct cluster_group *group, char *why,
                      size_t why_size)
{
    static const struct cluster_sink sink = {event, outside, stream_end, watermark, changed};
    const struct cluster_load load = {.keys = 1};
    struct cluster_group one = *group;
    struct cluster_spec spec = {.groups = &one, .n_groups = 1, .seed = 1, .load = &load};
    CHECK(v->n < CLUSTER_GROUPS_MAX);
    one.nodes = 1;
    one.peers = 0;
    if (!v->schema)
        v->schema = schema_new();
    struct cluster *c = cluster_sim_new(&spec, &sink, v, why, why_size);
    if (!c)
        return false;
    cluster_sim_run(c, moment_ns);
    c->ops->end(c, done, NULL);
    c->ops->free(c);
    CHECK(v->starts[v->n]);
    v->n++;
    return true;
}

/* As settings are read: "interval-ms" is interval_ms. */
static bool same_name(const char *typed, size_t len, const char *name)
{
    bool same = strlen(name) == len;
    for (size_t i = 0; same && i < len; i++)
        same = typed[i] == '-'
                   ? name[i] == '_'
                   : tolower((unsigned char)typed[i]) == tolower((unsigned char)name[i]);
    return same;
}

bool vocabulary_has_setting(const struct vocabulary *v, size_t group, const char *name, size_t len)
{
    const struct schema_type *type =
        schema_find(v->schema, v->starts[group]->instances[0]->config_type);
    struct schema_field field;
    for (uint32_t i = 0; type && schema_field(type, i, &field); i++)
        if (same_name(name, len, field.name))
            return true;
    return false;
}

void vocabulary_free(struct vocabulary *v)
{
    for (size_t i = 0; i < v->n; i++)
        orrery__start__free_unpacked(v->starts[i], NULL);
    if (v->schema)
        schema_free(v->schema);
    *v = (struct vocabulary){0};
}
