/* The groups of a simulated cluster: what their nodes run, and who is a member with whom. */
#include "sim/inner.h"

#include "base/check.h"
#include "base/must.h"
#include "sim/modules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* KEY=VALUE become pairs. */
static bool pairs_of(const struct cluster_instance *from, struct host_instance *into, char *why,
                     size_t why_size)
{
    Orrery__KeyValue **pairs = must_alloc(from->n_settings, sizeof *pairs);
    into->settings = (const Orrery__KeyValue *const *)pairs;
    for (size_t k = 0; k < from->n_settings; k++) {
        Orrery__KeyValue *pair = must_alloc(1, sizeof *pair);
        orrery__key_value__init(pair);
        pair->key = must_copy(from->settings[k]); /* Its text holds both. */
        pairs[into->n_settings++] = pair;
        char *equals = strchr(pair->key, '=');
        if (!equals) {
            snprintf(why, why_size, "a setting is KEY=VALUE, not %s", from->settings[k]);
            return false;
        }
        *equals = 0;
        pair->value = equals + 1;
    }
    return true;
}

static bool role_init(struct role *r, const struct cluster_group *g, char *why, size_t why_size)
{
    CHECK(g->n_instances > 0 && g->n_instances <= INSTANCES_MAX);
    for (size_t i = 0; i < g->n_instances; i++) {
        const struct cluster_instance *from = &g->instances[i];
        struct host_instance *into = &r->instances[r->n_instances++];
        into->number = (uint32_t)i + 1;
        into->ops = sim_find(from->protocol);
        into->flaws = from->flaws;
        into->n_flaws = from->n_flaws;
        if (!into->ops) {
            snprintf(why, why_size, "there is no protocol called %s", from->protocol);
            return false;
        }
        if (!pairs_of(from, into, why, why_size))
            return false;
        if (into->ops->store && !r->serves)
            r->serves = into->number;
    }
    return true;
}

/* Settings and flaws that no host takes are refused at once, not at the first spawn. */
static bool try_host(const struct world *w, const struct role *r, char *why, size_t why_size)
{
    node_id self = 1;
    struct host_config config = {
        .self = 1,
        .name = "n1",
        .boot = 1,
        .members = &self,
        .n_members = 1,
        .instances = r->instances,
        .n_instances = r->n_instances,
        .level = w->options.level,
    };
    struct host *h = host_new(&config, &node_io, NULL, why, why_size);
    if (!h)
        return false;
    host_free(h);
    return true;
}

bool roles_init(struct world *w, char *why, size_t why_size)
{
    groups_copy(&w->groups, w->options.groups, w->options.n_groups);
    w->options.groups = NULL;
    w->roles = must_alloc(w->groups.n, sizeof *w->roles);
    for (size_t i = 0; i < w->groups.n; i++)
        if (!role_init(&w->roles[i], &w->groups.all[i], why, why_size) ||
            !try_host(w, &w->roles[i], why, why_size))
            return false;
    return true;
}

void roles_free(struct world *w)
{
    for (size_t i = 0; w->roles && i < w->groups.n; i++) {
        struct role *r = &w->roles[i];
        for (uint32_t k = 0; k < r->n_instances; k++) {
            for (size_t s = 0; s < r->instances[k].n_settings; s++) {
                free(r->instances[k].settings[s]->key);
                free((void *)(uintptr_t)r->instances[k].settings[s]);
            }
            free((void *)(uintptr_t)r->instances[k].settings);
        }
        free(r->members);
    }
    free(w->roles);
    groups_free(&w->groups);
}

void roles_join(struct sim_node *n, size_t group)
{
    struct world *w = n->world;
    n->group = group;
    n->role = &w->roles[group];
    n->place = n->role->nodes++;
    for (size_t i = 0; i < w->groups.n; i++) {
        struct role *r = &w->roles[i];
        if (!groups_together(&w->groups, i, group))
            continue;
        r->members = realloc(r->members, (r->n_members + 1) * sizeof *r->members);
        CHECK(r->members);
        r->members[r->n_members++] = n->id;
    }
}

void roles_leave(struct sim_node *n)
{
    struct world *w = n->world;
    for (size_t i = 0; i < w->groups.n; i++) {
        struct role *r = &w->roles[i];
        uint32_t kept = 0;
        for (uint32_t k = 0; k < r->n_members; k++)
            if (r->members[k] != n->id)
                r->members[kept++] = r->members[k];
        r->n_members = kept;
    }
}
