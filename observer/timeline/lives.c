#include "timeline/lives.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/must.h"
#include "timeline/clean.h"

enum { SETS_MAX = 256 };

static bool is_plain(const char *name)
{
    size_t n = 0;
    for (; name[n] && n < LIVES_NAME_MAX; n++) {
        char c = name[n];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '-' || c == '_' || c == '.'))
            return false;
    }
    return n > 0 && n < LIVES_NAME_MAX;
}

/* By the name that it gave itself, where that is fit to be printed anywhere. */
static void lane_name(struct lane *lane, uint32_t node, const char *name)
{
    if (name && is_plain(name))
        (void)snprintf(lane->name, sizeof lane->name, "%s", name);
    else
        (void)snprintf(lane->name, sizeof lane->name, "n%u", (unsigned)node);
}

static struct lane *lane_get(struct lives *l, uint32_t node)
{
    if (node >= LIVES_NODES_MAX)
        return NULL;
    if (node >= l->n) {
        uint32_t n = node + 1 < 2 * l->n ? 2 * l->n : node + 1;
        l->lanes = realloc(l->lanes, n * sizeof *l->lanes);
        CHECK(l->lanes);
        for (uint32_t i = l->n; i < n; i++) {
            /* One by one: whoever holds a lane's name keeps it while there come more. */
            l->lanes[i] = must_alloc(1, sizeof *l->lanes[i]);
            lane_name(l->lanes[i], i, i == 0 ? "you" : NULL);
        }
        l->n = n;
    }
    return l->lanes[node];
}

void lives_init(struct lives *l)
{
    *l = (struct lives){0};
    lane_get(l, 0);
}

void lives_free(struct lives *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        for (struct life *life = l->lanes[i]->newest, *older; life; life = older) {
            older = life->older;
            if (life->start)
                orrery__start__free_unpacked(life->start, NULL);
            free(life);
        }
        free(l->lanes[i]);
    }
    for (size_t i = 0; i < l->n_sets; i++)
        buf_free(&l->sets[i]);
    free(l->sets);
    free(l->lanes);
    *l = (struct lives){0};
}

const struct life *lives_find(const struct lives *l, uint32_t node, uint32_t boot)
{
    struct life *life = node < l->n ? l->lanes[node]->newest : NULL;
    while (life && life->boot != boot)
        life = life->older;
    return life;
}

struct life *lives_get(struct lives *l, uint32_t node, uint32_t boot)
{
    struct lane *lane = lane_get(l, node);
    if (!lane)
        return NULL;
    struct life **at = &lane->newest;
    while (*at && (*at)->boot > boot)
        at = &(*at)->older;
    if (*at && (*at)->boot == boot)
        return *at;
    struct life *life = must_alloc(1, sizeof *life);
    life->boot = boot;
    life->older = *at;
    return *at = life;
}

const char *lives_name(struct lives *l, uint32_t node)
{
    const struct lane *lane = lane_get(l, node);
    return lane ? lane->name : "n?";
}

bool lives_set(struct lives *l, struct schema *schema, struct bytes set, struct bytes *kept)
{
    *kept = bytes_of(NULL, 0);
    for (size_t i = 0; i < l->n_sets; i++)
        if (bytes_equal(buf_bytes(&l->sets[i]), set))
            return true;
    if (l->n_sets == SETS_MAX || schema_add(schema, set) < 0)
        return false;
    l->sets = realloc(l->sets, (l->n_sets + 1) * sizeof *l->sets);
    CHECK(l->sets);
    l->sets[l->n_sets] = (struct buf){0};
    buf_append(&l->sets[l->n_sets], set);
    *kept = buf_bytes(&l->sets[l->n_sets++]);
    return true;
}

bool lives_start(struct lives *l, struct schema *schema, uint32_t node, uint32_t boot,
                 struct bytes payload, struct bytes *new_set)
{
    *new_set = bytes_of(NULL, 0);
    Orrery__Start *start = orrery__start__unpack(NULL, payload.len, payload.base);
    struct life *life = start ? lives_get(l, node, boot) : NULL;
    if (!life) {
        if (start)
            orrery__start__free_unpacked(start, NULL);
        return false;
    }
    clean_message(&start->base);
    struct bytes set = bytes_of(start->schemas.data, start->schemas.len);
    bool ok = set.len == 0 || lives_set(l, schema, set, new_set);
    free(start->schemas.data);
    start->schemas = (ProtobufCBinaryData){0, NULL};
    if (life->start)
        orrery__start__free_unpacked(life->start, NULL);
    life->start = start;
    if (life == l->lanes[node]->newest)
        lane_name(l->lanes[node], node, start->name);
    return ok;
}

void lives_spawn(struct lives *l, struct bytes payload, uint64_t ordinal)
{
    Orrery__Spawn *spawn = orrery__spawn__unpack(NULL, payload.len, payload.base);
    if (!spawn)
        return;
    struct life *life = spawn->node > 0 ? lives_get(l, spawn->node, spawn->boot) : NULL;
    if (life)
        life->spawned = ordinal;
    if (life && !life->start && life == l->lanes[spawn->node]->newest)
        lane_name(l->lanes[spawn->node], spawn->node, spawn->name);
    orrery__spawn__free_unpacked(spawn, NULL);
}
