#include "sim/settings.h"

#include "base/check.h"
#include "base/must.h"
#include "core/host.h"
#include "sim/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Orrery__Instance *instance_of(const Orrery__Start *start, uint32_t number)
{
    for (size_t i = 0; i < start->n_instances; i++)
        if (start->instances[i]->number == number)
            return start->instances[i];
    return NULL;
}

/* A host of this one instance: making it is being asked. */
static bool host_takes(const struct core_ops *ops, const Orrery__Instance *in,
                       const Orrery__KeyValue *const *settings, size_t n, char *why,
                       size_t why_size)
{
    const node_id self = 1;
    struct host_instance instance = {1,          ops, settings, n, (const char *const *)in->flaws,
                                     in->n_flaws};
    struct host_config config = {.self = self,
                                 .name = "n1",
                                 .boot = 1,
                                 .members = &self,
                                 .n_members = 1,
                                 .instances = &instance,
                                 .n_instances = 1};
    static const struct host_io none;
    struct host *h = host_new(&config, &none, NULL, why, why_size);
    if (h)
        host_free(h);
    return h != NULL;
}

bool settings_accepted(const Orrery__Start *start, uint32_t instance, char *const *settings,
                       size_t n, char *why, size_t why_size)
{
    const Orrery__Instance *in = instance_of(start, instance);
    if (!in) {
        (void)snprintf(why, why_size, "there is no instance %u", instance);
        return false;
    }
    const struct core_ops *ops = sim_find(in->protocol);
    if (!ops)
        return true;
    size_t all = in->n_settings + n;
    Orrery__KeyValue *pairs = calloc(all + 1, sizeof *pairs);
    const Orrery__KeyValue **list = calloc(all + 1, sizeof *list);
    CHECK(pairs && list);
    for (size_t i = 0; i < in->n_settings; i++)
        list[i] = in->settings[i];
    bool ok = true;
    for (size_t i = 0; ok && i < n; i++) {
        char *key = must_copy(settings[i]);
        char *equal = strchr(key, '=');
        ok = equal != NULL;
        if (!ok)
            (void)snprintf(why, why_size, "settings are given as KEY=VALUE, not as '%.60s'", key);
        else
            *equal = 0;
        orrery__key_value__init(&pairs[i]);
        pairs[i].key = key;
        pairs[i].value = ok ? equal + 1 : key;
        list[in->n_settings + i] = &pairs[i];
    }
    ok = ok && host_takes(ops, in, list, all, why, why_size);
    for (size_t i = 0; i < n && pairs[i].key; i++)
        free(pairs[i].key);
    free(list);
    free(pairs);
    return ok;
}
