/* Who is who: the lives of each node, with what its start event said. */
#ifndef ORRERY_TIMELINE_LIVES_H
#define ORRERY_TIMELINE_LIVES_H

#include "event.pb-c.h"
#include "timeline/schema.h"

enum { LIVES_NODES_MAX = 1 << 16, LIVES_NAME_MAX = 24 };

struct life {
    uint32_t boot;
    uint64_t spawned;     /* Ordinal of its spawn; 0 unknown. */
    Orrery__Start *start; /* Without its schemas; NULL before there is one. */
    struct life *older;
};

struct lane {
    char name[LIVES_NAME_MAX];
    struct life *newest;
};

struct lives {
    struct lane **lanes; /* By node. */
    uint32_t n;
    struct buf *sets; /* Distinct descriptor sets, in order of appearance. */
    size_t n_sets;
};

void lives_init(struct lives *l);
void lives_free(struct lives *l);

/* NULL for a node beyond LIVES_NODES_MAX. */
struct life *lives_get(struct lives *l, uint32_t node, uint32_t boot);
const struct life *lives_find(const struct lives *l, uint32_t node, uint32_t boot);
const char *lives_name(struct lives *l, uint32_t node);

/* Takes note of a start event's payload and learns its types. *new_set: a descriptor set that was
 * not known before, valid until lives_free(); empty when there is none. False: malformed. */
bool lives_start(struct lives *l, struct schema *schema, uint32_t node, uint32_t boot,
                 struct bytes payload, struct bytes *new_set);
bool lives_set(struct lives *l, struct schema *schema, struct bytes set, struct bytes *kept);
void lives_spawn(struct lives *l, struct bytes payload, uint64_t ordinal);

#endif
