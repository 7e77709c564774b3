/* What a node is told when it begins: its group's settings, and behind them those that were
 * changed while it ran, so that the newest counts. */
#include "sim/inner.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

struct host *kept_host(struct sim_node *n, struct host_config *config, char *why, size_t size)
{
    const struct role *r = n->role;
    uint32_t count = r->n_instances;
    struct host_instance instances[INSTANCES_MAX];
    const Orrery__KeyValue **lists[INSTANCES_MAX];
    for (uint32_t i = 0; i < count; i++) {
        instances[i] = r->instances[i];
        size_t given = instances[i].n_settings;
        lists[i] = must_alloc(given + n->n_kept + 1, sizeof(Orrery__KeyValue *));
        for (size_t k = 0; k < given; k++)
            lists[i][k] = instances[i].settings[k];
        for (size_t k = 0; k < n->n_kept; k++)
            if (n->kept[k].instance == instances[i].number)
                lists[i][given++] = &n->kept[k].pair;
        instances[i].settings = lists[i];
        instances[i].n_settings = given;
    }
    config->instances = instances;
    config->n_instances = count;
    struct host *h = host_new(config, &node_io, n, why, size);
    for (uint32_t i = 0; i < count; i++)
        free(lists[i]);
    return h;
}

void kept_add(struct sim_node *n, uint32_t instance, const char *key_value)
{
    const char *equals = strchr(key_value, '=');
    if (!equals)
        return;
    n->kept = realloc(n->kept, (n->n_kept + 1) * sizeof *n->kept);
    char *text = strdup(key_value);
    CHECK(n->kept && text);
    struct kept_setting *k = &n->kept[n->n_kept++];
    k->instance = instance;
    orrery__key_value__init(&k->pair);
    text[equals - key_value] = 0;
    k->pair.key = text;
    k->pair.value = text + (equals - key_value) + 1;
}

void kept_free(struct sim_node *n)
{
    for (size_t i = 0; i < n->n_kept; i++)
        free(n->kept[i].pair.key);
    free(n->kept);
}
