/* What nodes hold of each other, read from the moves of their state machines: a machine of which a
 * node has one for each peer, such as heartbeat's "peer". */
#include "session/inside.h"

#include "base/check.h"
#include "base/must.h"
#include "cluster/units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Orrery__Machine *machine_of(const Orrery__Start *start, uint32_t instance,
                                         uint32_t machine)
{
    for (size_t i = 0; i < start->n_instances; i++)
        if (start->instances[i]->number == instance && machine < start->instances[i]->n_machines)
            return start->instances[i]->machines[machine];
    return NULL;
}

static uint8_t *state_of(struct session *s, uint32_t by, uint32_t of)
{
    if (by >= s->n_believers) {
        s->believers = realloc(s->believers, (by + 1) * sizeof *s->believers);
        CHECK(s->believers);
        for (uint32_t i = s->n_believers; i <= by; i++)
            s->believers[i] = (struct believer){0};
        s->n_believers = by + 1;
    }
    struct believer *b = &s->believers[by];
    if (of >= b->n) {
        b->states = realloc(b->states, of + 1);
        CHECK(b->states);
        memset(b->states + b->n, 0, of + 1 - b->n);
        b->n = of + 1;
    }
    return &b->states[of];
}

static void learn(struct session *s, const struct entry *e, const Orrery__Move *move)
{
    const Orrery__Start *start = timeline_start_of(s->timeline, e->node, e->boot);
    const Orrery__Machine *machine =
        start ? machine_of(start, e->head.instance, move->machine) : NULL;
    if (!machine || strcmp(machine->name, "peer") != 0 || move->to >= machine->n_states)
        return;
    if (move->to >= BELIEF_STATES_MAX || move->of >= BELIEF_NODES_MAX ||
        e->node >= BELIEF_NODES_MAX)
        return;
    *state_of(s, e->node, move->of) = (uint8_t)move->to;
    snprintf(s->belief_names[move->to], sizeof s->belief_names[0], "%s", machine->states[move->to]);
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
    if (node < s->n_believers && s->believers[node].n)
        memset(s->believers[node].states, 0, s->believers[node].n);
}

void beliefs_free(struct session *s)
{
    for (uint32_t i = 0; i < s->n_believers; i++)
        free(s->believers[i].states);
    free(s->believers);
}

static bool alive(const struct session *s, uint32_t node)
{
    struct cluster_node n;
    return s->cluster->ops->node(s->cluster, node, &n) &&
           (n.state == NODE_RUNNING || n.state == NODE_PAUSED);
}

/* "suspected by n1,n3": only what living nodes hold, and only where it is not the first state. */
void beliefs_of(const struct session *s, uint32_t node, Orrery__NodeStatus *into)
{
    uint32_t *by = calloc(s->n_believers + 1, sizeof *by);
    into->beliefs = calloc(BELIEF_STATES_MAX, sizeof *into->beliefs);
    CHECK(by && into->beliefs);
    for (uint32_t state = 1; state < BELIEF_STATES_MAX; state++) {
        size_t n = 0;
        for (uint32_t i = 1; i < s->n_believers; i++)
            if (node < s->believers[i].n && s->believers[i].states[node] == state && alive(s, i))
                by[n++] = i;
        if (n == 0)
            continue;
        struct buf words = {0};
        buf_printf(&words, "%s by ", s->belief_names[state]);
        node_list_print(by, n, &words);
        buf_append(&words, bytes_of("", 1));
        into->beliefs[into->n_beliefs++] = must_copy((const char *)words.base);
        buf_free(&words);
    }
    free(by);
}
