#include "terminal/source.h"

static uint64_t oldest(void *ctx)
{
    return timeline_oldest(ctx);
}

static uint64_t newest(void *ctx)
{
    return timeline_newest(ctx);
}

static bool get(void *ctx, uint64_t ordinal, struct entry *e)
{
    return timeline_get(ctx, ordinal, e);
}

static uint64_t previous(void *ctx, uint64_t ordinal)
{
    return timeline_previous(ctx, ordinal);
}

static size_t past(void *ctx, uint64_t ordinal, uint64_t *into, size_t n)
{
    return timeline_past(ctx, ordinal, into, n);
}

static size_t future(void *ctx, uint64_t ordinal, uint64_t *into, size_t n)
{
    return timeline_future(ctx, ordinal, into, n);
}

static void describe(void *ctx, const struct entry *e, struct buf *into)
{
    timeline_describe(ctx, e, into);
}

static const struct schema *schema(void *ctx)
{
    return timeline_schema(ctx);
}

static const Orrery__Start *start_of(void *ctx, uint32_t node, uint32_t boot)
{
    return timeline_start_of(ctx, node, boot);
}

static uint64_t uncertain(void *ctx, uint32_t a, uint32_t b, uint64_t ns, uint64_t latency_ns)
{
    return timeline_uncertain(ctx, a, b, ns, latency_ns);
}

struct terminal_source terminal_source_timeline(struct timeline *t)
{
    static const struct terminal_source_ops ops = {
        .oldest = oldest,
        .newest = newest,
        .get = get,
        .previous = previous,
        .past = past,
        .future = future,
        .describe = describe,
        .schema = schema,
        .start_of = start_of,
        .uncertain = uncertain,
    };
    return (struct terminal_source){&ops, t};
}
