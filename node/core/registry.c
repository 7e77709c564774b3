#include "core/registry.h"

#include "protocols/heartbeat/heartbeat.h"
#include "protocols/kv/kv.h"
#include "protocols/limiter/limiter.h"
#include "protocols/raft/raft.h"

#include <string.h>

static const struct core_ops *const protocols[] = {
    &heartbeat_ops, &kv_ops, &limiter_ops, &raft_ops, NULL,
};

const struct core_ops *registry_find(const char *name)
{
    for (uint32_t i = 0; protocols[i]; i++)
        if (strcmp(protocols[i]->name, name) == 0)
            return protocols[i];
    return NULL;
}

const struct core_ops *registry_at(uint32_t i)
{
    return i < sizeof protocols / sizeof protocols[0] ? protocols[i] : NULL;
}
