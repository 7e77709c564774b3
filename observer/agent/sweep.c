#include "agent/agent.h"

#include "base/check.h"

#include <stdlib.h>
#include <string.h>

enum {
    A_NODE_A_SWEEP = 4096, /* Events of one node before it is another's turn. */
    SWEEP_BUSY_MS = 1,
    SWEEP_IDLE_MS = 2,      /* So long, at most, an event waits in its ring. */
    OFFSET_AHEAD_MS = 1500, /* Agents are asked every second. */
};

/* Which case of Event.body a packed event has; 0 when it cannot be told. */
static uint32_t body_case(struct bytes event)
{
    size_t at = 0;
    while (at < event.len) {
        uint32_t key = event.base[at++];
        if (key & 0x80 && at < event.len)
            key = (key & 0x7f) | (uint32_t)event.base[at++] << 7;
        if (key >> 3 >= ORRERY__EVENT__BODY_START)
            return key >> 3;
        while (at < event.len && event.base[at] & 0x80)
            at++;
        at++;
    }
    return 0;
}

static void was_held(struct life *l, const Orrery__Held *held, uint64_t event)
{
    struct agent *a = l->node->agent;
    a->held = realloc(a->held, (a->n_held + 1) * sizeof *a->held);
    CHECK(a->held);
    a->held[a->n_held++] = (struct agent_held){l->node->node, held->event ? held->event : event,
                                               held->to, held->in_order};
}

void agent_drop_held(struct agent *a, uint32_t node, uint32_t to)
{
    size_t kept = 0;
    for (size_t i = 0; i < a->n_held; i++)
        if ((node && a->held[i].node != node) || (to && a->held[i].to != to))
            a->held[kept++] = a->held[i];
    a->n_held = kept;
}

static void has_halted(struct life *l, const Orrery__Halt *halt)
{
    struct agent *a = l->node->agent;
    const struct fault_break *b = faults_broke(&a->faults, l->node->node, halt->breakpoint);
    if (!b)
        return;
    l->because = b->because;
    if (b->what.then == ORRERY__ACTION__ACTION_POWER) {
        l->power = true;
        l->torn = b->what.lose == ORRERY__LOSE__LOSE_RANDOM;
        l->power_seed = random_split(a->seed, b->because).s[0];
    }
    faults_unbreak(&a->faults, l->node->node, halt->breakpoint);
}

/* The few kinds that the agent itself must know of. */
static void look(struct life *l, struct bytes bytes)
{
    uint32_t kind = body_case(bytes);
    if (kind != ORRERY__EVENT__BODY_HALT && kind != ORRERY__EVENT__BODY_HELD)
        return;
    Orrery__Event *event = orrery__event__unpack(NULL, bytes.len, bytes.base);
    if (!event)
        return;
    if (event->body_case == ORRERY__EVENT__BODY_HALT)
        has_halted(l, event->halt);
    else if (event->body_case == ORRERY__EVENT__BODY_HELD)
        was_held(l, event->held, event->seq);
    orrery__event__free_unpacked(event, NULL);
}

void life_event(struct life *l, struct bytes event)
{
    struct agent *a = l->node->agent;
    look(l, event);
    a->cluster.sink.event(a->cluster.sink_ctx, l->node->node, l->boot, event);
}

void life_drain(struct life *l)
{
    /* A ring holds no more than its capacity, and nobody writes any more: this ends. */
    while (l->ops->read(l, A_NODE_A_SWEEP) == A_NODE_A_SWEEP)
        ;
}

/* Of all lives, since `now`, when the sweep began; never goes back. */
static uint64_t seen(struct agent *a, uint64_t now)
{
    uint64_t least = now;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        const struct life *l = a->nodes[i]->life;
        uint64_t its = l && l->pid ? l->ops->seen(l, now) : now;
        least = its < least ? its : least;
    }
    if (least > a->seen_ns)
        a->seen_ns = least;
    return a->seen_ns;
}

static void schedule(struct agent *a, bool left_over, bool busy)
{
    /* Looking into many rings costs a little even if they are empty. */
    uint64_t least = SWEEP_BUSY_MS + a->n_nodes / 200;
    uint64_t idle = a->sweep_ms + 1 < SWEEP_IDLE_MS ? a->sweep_ms + 1 : SWEEP_IDLE_MS;
    a->sweep_ms = left_over ? 0 : busy || idle < least ? least : idle;
    CHECK(uv_timer_start(&a->sweep, agent_sweep, a->sweep_ms, 0) == 0);
}

static void tell_clock(struct life *l, const struct life_clock *c, double pace)
{
    struct agent *a = l->node->agent;
    Orrery__Offset offset = ORRERY__OFFSET__INIT;
    Orrery__Event event = ORRERY__EVENT__INIT;
    offset.node = l->node->node;
    offset.boot = l->boot;
    offset.clock = c->which;
    offset.shift_ns = (int64_t)((double)c->shift_ns * pace);
    offset.bound_ns = l->bound_ns;
    offset.raw = c->raw;
    agent_now(a, &event.mono_ns, &event.wall_ns);
    event.body_case = ORRERY__EVENT__BODY_OFFSET;
    event.offset = &offset;
    a->cluster.sink.outside(a->cluster.sink_ctx, &event);
}

/* What is told holds for a while, as far as clocks drift: it is told anew when it is outgrown, or
 * when much better is known. Both in the cluster's time, which has its pace. */
static void watch_clock(struct life *l)
{
    struct life_clock c;
    if (!l->ops->clock || !l->ops->clock(l, &c))
        return;
    const struct clock *paced = &l->node->agent->clock;
    double pace = paced->n ? paced->paces[paced->n - 1].factor : 1;
    uint64_t bound = (uint64_t)((double)c.bound_ns * pace);
    uint64_t ahead = (uint64_t)((double)(OFFSET_AHEAD_MS * OFFSET_DRIFT_PPM) * pace);
    if (bound <= l->bound_ns && bound + ahead >= l->bound_ns / 2)
        return;
    l->bound_ns = bound + ahead;
    tell_clock(l, &c, pace);
}

void agent_sweep(uv_timer_t *timer)
{
    struct agent *a = timer->data;
    uint64_t began = machine_now(), total = 0;
    bool left_over = false;
    for (uint32_t i = 0; i < a->n_nodes; i++) {
        struct life *l = a->nodes[i]->life;
        if (!l)
            continue;
        watch_clock(l);
        uint32_t n = l->ops->read(l, A_NODE_A_SWEEP);
        left_over = left_over || n == A_NODE_A_SWEEP;
        total += n;
    }
    if (!left_over && began > a->epoch_ns)
        a->cluster.sink.watermark(a->cluster.sink_ctx, clock_now(&a->clock, seen(a, began)));
    schedule(a, left_over, total > 0);
}
