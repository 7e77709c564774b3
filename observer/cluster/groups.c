#include "cluster/groups.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

static char *copy_text(const char *text)
{
    return must_copy(text ? text : "");
}

static const char *const *copy_texts(const char *const *texts, size_t n)
{
    char **copy = must_alloc(n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = copy_text(texts[i]);
    return (const char *const *)copy;
}

static void free_texts(const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free((char *)(uintptr_t)texts[i]);
    free((void *)(uintptr_t)texts);
}

static const struct cluster_instance *copy_instances(const struct cluster_instance *from, size_t n)
{
    struct cluster_instance *copy = must_alloc(n, sizeof *copy);
    for (size_t i = 0; i < n; i++)
        copy[i] = (struct cluster_instance){
            .protocol = copy_text(from[i].protocol),
            .settings = copy_texts(from[i].settings, from[i].n_settings),
            .n_settings = from[i].n_settings,
            .flaws = copy_texts(from[i].flaws, from[i].n_flaws),
            .n_flaws = from[i].n_flaws,
        };
    return copy;
}

void groups_copy(struct groups *g, const struct cluster_group *all, size_t n)
{
    CHECK(n >= 1 && n <= CLUSTER_GROUPS_MAX);
    *g = (struct groups){must_alloc(n, sizeof *g->all), n};
    for (size_t i = 0; i < n; i++) {
        g->all[i] = all[i];
        g->all[i].name = copy_text(all[i].name);
        g->all[i].instances = copy_instances(all[i].instances, all[i].n_instances);
    }
}

void groups_free(struct groups *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct cluster_group *group = &g->all[i];
        for (size_t k = 0; k < group->n_instances; k++) {
            const struct cluster_instance *in = &group->instances[k];
            free((char *)(uintptr_t)in->protocol);
            free_texts(in->settings, in->n_settings);
            free_texts(in->flaws, in->n_flaws);
        }
        free((void *)(uintptr_t)group->instances);
        free((char *)(uintptr_t)group->name);
    }
    free(g->all);
    *g = (struct groups){0};
}

uint32_t groups_nodes(const struct cluster_group *all, size_t n)
{
    uint64_t nodes = 0;
    for (size_t i = 0; i < n; i++)
        nodes += all[i].nodes;
    return nodes < UINT32_MAX ? (uint32_t)nodes : UINT32_MAX;
}

size_t groups_of(const struct groups *g, uint32_t node)
{
    size_t i = 0;
    for (uint32_t last = g->all[0].nodes; node > last && i + 1 < g->n;)
        last += g->all[++i].nodes;
    return i;
}

static bool wants(const struct groups *g, size_t a, size_t b)
{
    const struct cluster_group *x = &g->all[a], *y = &g->all[b];
    if (x->peers)
        return x->peers >> b & 1;
    bool same = x->n_instances == y->n_instances;
    for (size_t i = 0; same && i < x->n_instances; i++)
        same = strcmp(x->instances[i].protocol, y->instances[i].protocol) == 0;
    return same;
}

bool groups_together(const struct groups *g, size_t a, size_t b)
{
    return a == b || (wants(g, a, b) && wants(g, b, a));
}

size_t groups_find(const struct groups *g, const char *name)
{
    for (size_t i = 0; i < g->n; i++)
        if (!name || strcmp(g->all[i].name, name) == 0)
            return i;
    return g->n;
}
