/* What nodes are set to: as they began, and as commands changed it since. Read from their own
 * events, so it is what a node obeys and not what somebody wished. */
#include "session/inside.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { SETTINGS_NODES_MAX = 1 << 16 };

static struct set_values *values_of(struct session *s, uint32_t node)
{
    if (node >= s->n_set) {
        s->set = must_grow(s->set, s->n_set, node + 1, sizeof *s->set);
        s->n_set = node + 1;
    }
    return &s->set[node];
}

static void forget(struct set_values *v)
{
    for (size_t i = 0; i < v->n; i++)
        free(v->pairs[i]);
    free(v->pairs);
    *v = (struct set_values){0};
}

/* The newest of a key counts. */
static void take(struct set_values *v, const Orrery__KeyValue *kv)
{
    struct buf pair = {0};
    size_t i = 0, key = strlen(kv->key);
    while (i < v->n && (strncmp(v->pairs[i], kv->key, key) != 0 || v->pairs[i][key] != '='))
        i++;
    buf_printf(&pair, "%s=%s", kv->key, kv->value);
    buf_append(&pair, bytes_of("", 1));
    if (i == v->n) {
        v->pairs = must_grow(v->pairs, v->n, v->n + 1, sizeof *v->pairs);
        v->n++;
    }
    free(v->pairs[i]);
    v->pairs[i] = must_copy((const char *)pair.base);
    buf_free(&pair);
}

static void begin(struct session *s, const struct entry *e)
{
    const Orrery__Start *start = timeline_start_of(s->timeline, e->node, e->boot);
    struct set_values *v = values_of(s, e->node);
    forget(v);
    for (size_t i = 0; start && i < start->n_instances; i++)
        for (size_t k = 0; k < start->instances[i]->n_settings; k++)
            take(v, start->instances[i]->settings[k]);
}

void settings_entry(struct session *s, const struct entry *e)
{
    if (e->node >= SETTINGS_NODES_MAX)
        return;
    if (e->head.body == ORRERY__EVENT__BODY_START)
        begin(s, e);
    if (e->head.body != ORRERY__EVENT__BODY_SETTING)
        return;
    Orrery__Setting *told =
        orrery__setting__unpack(NULL, e->head.payload.len, e->head.payload.base);
    for (size_t i = 0; told && i < told->n_settings; i++)
        take(values_of(s, e->node), told->settings[i]);
    if (told)
        orrery__setting__free_unpacked(told, NULL);
}

void settings_of(const struct session *s, uint32_t node, Orrery__NodeStatus *into)
{
    if (node >= s->n_set)
        return;
    const struct set_values *v = &s->set[node];
    into->settings = must_alloc(v->n, sizeof *into->settings);
    for (; into->n_settings < v->n; into->n_settings++)
        into->settings[into->n_settings] = must_copy(v->pairs[into->n_settings]);
}

void settings_free(struct session *s)
{
    for (uint32_t i = 0; i < s->n_set; i++)
        forget(&s->set[i]);
    free(s->set);
}
