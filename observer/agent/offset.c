#include "agent/offset.h"

uint64_t offset_bound(const struct offset *o, uint64_t now)
{
    uint64_t age = now > o->at_ns ? now - o->at_ns : 0;
    return o->bound_ns + age / 1000000 * OFFSET_DRIFT_PPM;
}

void offset_sample(struct offset *o, uint64_t sent, uint64_t theirs, uint64_t back)
{
    if (back < sent)
        return;
    uint64_t half = (back - sent + 1) / 2;
    o->samples++;
    if (o->known && offset_bound(o, back) <= half)
        return;
    o->known = true;
    o->ns = (int64_t)(theirs - (sent + (back - sent) / 2));
    o->bound_ns = half;
    o->at_ns = back;
}
