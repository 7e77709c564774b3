/* Requests of one connection take effect in the order in which they were asked, though writes and
 * reads go different ways: so it is counted what of it waits. */
#include "base/check.h"
#include "raft_impl.h"

enum { LANES_FIRST = 256 };

static struct lane **place(const struct raft *r, client_id client)
{
    struct lane **at = &r->lanes[client & (r->n_lanes - 1)];
    while (*at && (*at)->client != client)
        at = &(*at)->next;
    return at;
}

struct lane *lane_of(const struct raft *r, client_id client)
{
    return r->lanes ? *place(r, client) : NULL;
}

void lane_add(struct raft *r, client_id client, int writes, int reads)
{
    if (!r->lanes) {
        r->n_lanes = LANES_FIRST;
        r->lanes = memory_alloc(r->memory, r->n_lanes * sizeof *r->lanes);
        CHECK(r->lanes);
    }
    struct lane **at = place(r, client);
    if (!*at) {
        *at = memory_alloc(r->memory, sizeof **at);
        CHECK(*at);
        (*at)->client = client;
    }
    struct lane *lane = *at;
    lane->writes += (uint32_t)writes;
    lane->reads += (uint32_t)reads;
    if (lane->writes + lane->reads > 0)
        return;
    *at = lane->next;
    memory_free(r->memory, lane);
}
