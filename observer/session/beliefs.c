/* What nodes hold of each other, read from the moves of their state machines: a machine of which a
 * node has one for each peer, such as heartbeat's "peer". */
#include "session/inside.h"

#include "base/check.h"
#include "cluster/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct belief *find(struct session *s, uint32_t by, uint32_t of)
{
    for (size_t i = 0; i < s->n_beliefs; i++)
        if (s->beliefs[i].by == by && s->beliefs[i].of == of)
            return &s->beliefs[i];
    return NULL;
}

static const Orrery__Machine *machine_of(const Orrery__Start *start, uint32_t instance,
                                         uint32_t machine)
{
    for (size_t i = 0; i < start->n_instances; i++)
        if (start->instances[i]->number == instance && machine < start->instances[i]->n_machines)
            return start->instances[i]->machines[machine];
    return NULL;
}

static void learn(struct session *s, const struct entry *e, const Orrery__Move *move)
{
    const Orrery__Start *start = timeline_start_of(s->timeline, e->node, e->boot);
    const Orrery__Machine *machine =
        start ? machine_of(start, e->head.instance, move->machine) : NULL;
    if (!machine || strcmp(machine->name, "peer") != 0 || move->to >= machine->n_states)
        return;
    struct belief *b = find(s, e->node, move->of);
    if (!b) {
        s->beliefs = realloc(s->beliefs, (s->n_beliefs + 1) * sizeof *s->beliefs);
        CHECK(s->beliefs);
        b = &s->beliefs[s->n_beliefs++];
        *b = (struct belief){.by = e->node, .of = move->of};
    }
    b->state = move->to;
    snprintf(b->name, sizeof b->name, "%s", machine->states[move->to]);
}

void beliefs_entry(struct session *s, const struct entry *e)
{
    if (e->head.body == ORRERY__EVENT__BODY_START)
        beliefs_forget(s, e->node);
    if (e->head.body != ORRERY__EVENT__BODY_MOVE)
        return;
    Orrery__Move *move = orrery__move__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!move)
        return;
    learn(s, e, move);
    orrery__move__free_unpacked(move, NULL);
}

void beliefs_forget(struct session *s, uint32_t node)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->n_beliefs; i++)
        if (s->beliefs[i].by != node)
            s->beliefs[kept++] = s->beliefs[i];
    s->n_beliefs = kept;
}

static bool alive(const struct session *s, uint32_t node)
{
    struct cluster_node n;
    return s->cluster->ops->node(s->cluster, node, &n) &&
           (n.state == NODE_RUNNING || n.state == NODE_PAUSED);
}

/* "suspected by n1,n3": only what living nodes hold, and only where it is not the first state,
 * which is the hope that they begin with. */
void beliefs_of(const struct session *s, uint32_t node, Orrery__NodeStatus *into)
{
    enum { STATES_MAX = 8 };
    into->beliefs = calloc(STATES_MAX, sizeof *into->beliefs);
    CHECK(into->beliefs);
    for (uint32_t state = 1; state < STATES_MAX; state++) {
        uint32_t *by = calloc(s->n_beliefs + 1, sizeof *by);
        size_t n = 0;
        const char *name = "";
        CHECK(by);
        for (size_t i = 0; i < s->n_beliefs; i++) {
            const struct belief *b = &s->beliefs[i];
            if (b->of != node || b->state != state || !alive(s, b->by))
                continue;
            name = b->name;
            size_t at = n++;
            for (; at > 0 && by[at - 1] > b->by; at--)
                by[at] = by[at - 1];
            by[at] = b->by;
        }
        if (n > 0) {
            struct buf words = {0};
            buf_printf(&words, "%s by ", name);
            node_list_print(by, n, &words);
            buf_append(&words, bytes_of("", 1));
            into->beliefs[into->n_beliefs++] = session_text((const char *)words.base);
            buf_free(&words);
        }
        free(by);
    }
}
