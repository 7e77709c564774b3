#include "timeline/landmarks.h"

#include "base/check.h"
#include "base/errors.h"
#include "recording.pb-c.h"
#include "timeline/column.h"

#include <stdlib.h>
#include <string.h>

enum { PACKED_MAX = 16 << 20 };

bool landmarks_is_rare(uint32_t body)
{
    switch (body) {
    case ORRERY__EVENT__BODY_START:
    case ORRERY__EVENT__BODY_STOP:
    case ORRERY__EVENT__BODY_HALT:
    case ORRERY__EVENT__BODY_VIOLATION:
    case ORRERY__EVENT__BODY_OPERATOR:
    case ORRERY__EVENT__BODY_SPAWN:
    case ORRERY__EVENT__BODY_EXIT:
    case ORRERY__EVENT__BODY_HOLE:
    case ORRERY__EVENT__BODY_SETTING:
    case ORRERY__EVENT__BODY_ORDER:
        return true;
    default:
        return false;
    }
}

bool landmarks_is_marked(uint32_t body)
{
    switch (body) {
    case ORRERY__EVENT__BODY_MOVE:
    case ORRERY__EVENT__BODY_TRACE:
    case ORRERY__EVENT__BODY_LINK:
    case ORRERY__EVENT__BODY_REQUEST:
    case ORRERY__EVENT__BODY_REPLY:
    case ORRERY__EVENT__BODY_DISCONNECT:
    case ORRERY__EVENT__BODY_APPEND:
    case ORRERY__EVENT__BODY_DURABLE:
    case ORRERY__EVENT__BODY_TRUNCATE:
    case ORRERY__EVENT__BODY_SNAPSHOT:
    case ORRERY__EVENT__BODY_HELD:
        return true;
    default:
        return landmarks_is_rare(body);
    }
}

static bool is_kept(uint32_t body)
{
    return landmarks_is_rare(body) || body == ORRERY__EVENT__BODY_MOVE ||
           body == ORRERY__EVENT__BODY_TRACE || body == ORRERY__EVENT__BODY_LINK;
}

/* --- what is marked --- */

static void *grown(void *all, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return all;
    *cap = *cap ? *cap * 2 : 64;
    all = realloc(all, *cap * size);
    CHECK(all);
    return all;
}

/* What is not rare goes first, of the older half; then whatever is oldest. */
static void thin_moments(struct landmarks *m)
{
    size_t kept = 0, half = m->n_moments / 2;
    for (size_t i = 0; i < m->n_moments; i++)
        if (i >= half || landmarks_is_rare(m->moments[i].body))
            m->moments[kept++] = m->moments[i];
    size_t over = kept > MOMENTS_MAX * 3 / 4 ? kept - MOMENTS_MAX * 3 / 4 : 0;
    memmove(m->moments, m->moments + over, (kept - over) * sizeof *m->moments);
    m->n_moments = kept - over;
}

static void note_moment(struct landmarks *m, const struct entry *e)
{
    if (m->n_moments == MOMENTS_MAX)
        thin_moments(m);
    m->moments = grown(m->moments, m->n_moments, &m->cap_moments, sizeof *m->moments);
    m->moments[m->n_moments++] =
        (struct moment){e->ordinal, e->head.mono_ns, landmarks_lane(e), e->head.body};
}

/* --- where a fold may begin --- */

/* Every other one of the older half goes, of each lane: what is left is only a longer way back. */
static void thin_bases(struct landmarks *m)
{
    size_t kept = 0, half = m->n_bases / 2;
    bool *odd = calloc(VIEW_LANES_MAX, sizeof *odd);
    CHECK(odd);
    for (size_t i = 0; i < m->n_bases; i++) {
        bool *at = &odd[m->bases[i].node];
        *at = !*at;
        if (i >= half || *at)
            m->bases[kept++] = m->bases[i];
    }
    free(odd);
    size_t over = kept > BASES_MAX * 3 / 4 ? kept - BASES_MAX * 3 / 4 : 0;
    memmove(m->bases, m->bases + over, (kept - over) * sizeof *m->bases);
    m->n_bases = kept - over;
}

static void note_base(struct landmarks *m, const struct entry *e)
{
    if (e->node == 0 || e->node >= VIEW_LANES_MAX)
        return;
    if (m->n_bases == BASES_MAX)
        thin_bases(m);
    bool start = e->head.body == ORRERY__EVENT__BODY_START;
    m->bases = grown(m->bases, m->n_bases, &m->cap_bases, sizeof *m->bases);
    m->bases[m->n_bases++] =
        (struct view_base){e->ordinal, e->head.mono_ns, e->node, start ? 0 : e->head.instance};
}

/* --- how lanes are --- */

static struct lane_states *lane_of(struct landmarks *m, uint32_t lane)
{
    if (lane == 0 || lane >= VIEW_LANES_MAX)
        return NULL;
    if (lane >= m->n_lanes) {
        m->lanes = realloc(m->lanes, (lane + 1) * sizeof *m->lanes);
        CHECK(m->lanes);
        memset(m->lanes + m->n_lanes, 0, (lane + 1 - m->n_lanes) * sizeof *m->lanes);
        m->n_lanes = lane + 1;
    }
    return &m->lanes[lane];
}

static enum view_state newest_state(const struct lane_states *l)
{
    return l->n ? l->all[l->n - 1].state : VIEW_ABSENT;
}

/* The change, or NULL where there is none. */
static struct state_change *set_state(struct landmarks *m, uint32_t lane, enum view_state state,
                                      uint64_t ns)
{
    struct lane_states *l = lane_of(m, lane);
    if (!l || newest_state(l) == state)
        return NULL;
    if (l->n && l->all[l->n - 1].ns > ns)
        ns = l->all[l->n - 1].ns;
    l->all = grown(l->all, l->n, &l->cap, sizeof *l->all);
    l->all[l->n] = (struct state_change){ns, state, 0};
    return &l->all[l->n++];
}

static void set_those(struct landmarks *m, const uint32_t *lanes, size_t n, enum view_state were,
                      enum view_state are, uint64_t ns)
{
    for (size_t i = 0; i < n; i++) {
        const struct lane_states *l = lane_of(m, lanes[i]);
        enum view_state now = l ? newest_state(l) : VIEW_ABSENT;
        bool runs = now == VIEW_TRYING || now == VIEW_IN_CHARGE;
        if (now == were || (runs && were == VIEW_RUNNING))
            set_state(m, lanes[i], are, ns);
    }
}

static void obey(struct landmarks *m, const struct entry *e)
{
    const struct event_head *h = &e->head;
    Orrery__Operator *o = orrery__operator__unpack(NULL, h->payload.len, h->payload.base);
    if (!o)
        return;
    const Orrery__Command *c = o->command;
    if (c && c->verb_case == ORRERY__COMMAND__VERB_PAUSE)
        set_those(m, c->pause->nodes, c->pause->n_nodes, VIEW_RUNNING, VIEW_PAUSED, h->mono_ns);
    else if (c && c->verb_case == ORRERY__COMMAND__VERB_RESUME)
        set_those(m, c->resume->nodes, c->resume->n_nodes, VIEW_PAUSED, VIEW_RUNNING, h->mono_ns);
    orrery__operator__free_unpacked(o, NULL);
}

static void halt(struct landmarks *m, const struct entry *e)
{
    Orrery__Halt *halted = orrery__halt__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!halted)
        return;
    if (strcmp(halted->action, "pause") == 0)
        set_state(m, e->node, VIEW_PAUSED, e->head.mono_ns);
    orrery__halt__free_unpacked(halted, NULL);
}

/* Words of the field for one that is in charge of others, or tries to be. */
static enum view_state charge_of(const char *state)
{
    static const char *const leads[] = {"leader", "primary", "coordinator", "controller", "master"};
    static const char *const tries[] = {"candidate", "trying", "electing", "joining", "preparing"};
    for (size_t i = 0; i < sizeof leads / sizeof *leads; i++)
        if (strcmp(state, leads[i]) == 0)
            return VIEW_IN_CHARGE;
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
        if (strcmp(state, tries[i]) == 0)
            return VIEW_TRYING;
    return VIEW_RUNNING;
}

/* A machine that is there once tells of the node itself; one of many, of its peers. */
static void move(struct landmarks *m, struct timeline *t, const struct entry *e)
{
    const Orrery__Start *start = timeline_start_of(t, e->node, e->boot);
    const Orrery__Instance *of = NULL;
    Orrery__Move *moved = orrery__move__unpack(NULL, e->head.payload.len, e->head.payload.base);
    for (size_t i = 0; start && i < start->n_instances; i++)
        if (start->instances[i]->number == e->head.instance)
            of = start->instances[i];
    if (moved && of && (moved->of == 0 || moved->of == e->node) &&
        moved->machine < of->n_machines && moved->to < of->machines[moved->machine]->n_states)
        set_state(m, e->node, charge_of(of->machines[moved->machine]->states[moved->to]),
                  e->head.mono_ns);
    if (moved)
        orrery__move__free_unpacked(moved, NULL);
}

/* Who took charge says in which term, in the same step. */
static void learn_term(struct landmarks *m, struct timeline *t, const struct entry *e)
{
    struct lane_states *l = lane_of(m, e->node);
    struct state_change *newest = l && l->n ? &l->all[l->n - 1] : NULL;
    if (!newest || newest->state != VIEW_IN_CHARGE || newest->term || newest->ns != e->head.mono_ns)
        return;
    const struct schema_type *type = timeline_trace_type(t, e);
    double term;
    if (type && schema_number(type, trace_body(e->head.payload), "term", &term) && term > 0)
        newest->term = (uint64_t)term;
}

static void note_state(struct landmarks *m, struct timeline *t, const struct entry *e)
{
    uint64_t ns = e->head.mono_ns;
    const struct lane_states *l = lane_of(m, e->node);
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_SPAWN:
        set_state(m, landmarks_lane(e), VIEW_STARTING, ns);
        break;
    case ORRERY__EVENT__BODY_EXIT:
        set_state(m, landmarks_lane(e), VIEW_DEAD, ns);
        break;
    case ORRERY__EVENT__BODY_START:
        set_state(m, e->node, VIEW_RUNNING, ns);
        break;
    case ORRERY__EVENT__BODY_OPERATOR:
        obey(m, e);
        break;
    case ORRERY__EVENT__BODY_HALT:
        halt(m, e);
        break;
    case ORRERY__EVENT__BODY_MOVE:
        move(m, t, e);
        break;
    case ORRERY__EVENT__BODY_TRACE:
        learn_term(m, t, e);
        /* fallthrough */
    default: /* One that speaks lives, whatever was missed of it. */
        if (l && newest_state(l) == VIEW_ABSENT)
            set_state(m, e->node, VIEW_RUNNING, ns);
        break;
    }
}

/* --- following --- */

uint32_t landmarks_lane(const struct entry *e)
{
    struct bytes p = e->head.payload;
    uint32_t lane = e->node;
    if (e->head.body == ORRERY__EVENT__BODY_SPAWN) {
        Orrery__Spawn *spawn = orrery__spawn__unpack(NULL, p.len, p.base);
        lane = spawn ? spawn->node : 0;
        orrery__spawn__free_unpacked(spawn, NULL);
    } else if (e->head.body == ORRERY__EVENT__BODY_EXIT) {
        Orrery__Exit *end = orrery__exit__unpack(NULL, p.len, p.base);
        lane = end ? end->node : 0;
        orrery__exit__free_unpacked(end, NULL);
    } else if (e->head.body == ORRERY__EVENT__BODY_HOLE) {
        Orrery__Hole *hole = orrery__hole__unpack(NULL, p.len, p.base);
        lane = hole ? hole->node : 0;
        orrery__hole__free_unpacked(hole, NULL);
    }
    return lane;
}

void landmarks_note(struct landmarks *m, struct timeline *t, const struct entry *e)
{
    if (e->head.mono_ns > m->newest_ns)
        m->newest_ns = e->head.mono_ns;
    note_state(m, t, e);
    if (is_kept(e->head.body))
        note_moment(m, e);
    if (e->head.body == ORRERY__EVENT__BODY_VIEW || e->head.body == ORRERY__EVENT__BODY_START)
        note_base(m, e);
    holes_note(&m->holes, e);
    clocks_note(&m->clocks, e);
}

void landmarks_note_all(struct landmarks *m, struct timeline *t)
{
    struct entry e;
    uint64_t newest = timeline_newest(t);
    for (uint64_t at = timeline_oldest(t); at <= newest; at++)
        if (timeline_get(t, at, &e))
            landmarks_note(m, t, &e);
}

const struct state_change *landmarks_state_at(const struct landmarks *m, uint32_t lane, uint64_t ns)
{
    if (lane >= m->n_lanes)
        return NULL;
    const struct lane_states *l = &m->lanes[lane];
    size_t low = 0, high = l->n; /* Changes below `low` are at or before that moment. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->all[middle].ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &l->all[low - 1] : NULL;
}

void landmarks_free(struct landmarks *m)
{
    for (uint32_t i = 0; i < m->n_lanes; i++)
        free(m->lanes[i].all);
    free(m->lanes);
    free(m->moments);
    free(m->bases);
    holes_free(&m->holes);
    clocks_free(&m->clocks);
    *m = (struct landmarks){0};
}

/* --- in a recording --- */

static void pack_states(const struct landmarks *m, Orrery__Landmarks *l)
{
    size_t n = 0;
    for (uint32_t i = 0; i < m->n_lanes; i++)
        n += m->lanes[i].n;
    l->state_lane = must_alloc(n, sizeof *l->state_lane);
    l->state_ns = must_alloc(n, sizeof *l->state_ns);
    l->state = must_alloc(n, sizeof *l->state);
    l->state_term = must_alloc(n, sizeof *l->state_term);
    for (uint32_t i = 0; i < m->n_lanes; i++)
        for (size_t k = 0; k < m->lanes[i].n; k++) {
            l->state_lane[l->n_state_lane++] = i;
            l->state_ns[l->n_state_ns++] = m->lanes[i].all[k].ns;
            l->state[l->n_state++] = (uint32_t)m->lanes[i].all[k].state;
            l->state_term[l->n_state_term++] = m->lanes[i].all[k].term;
        }
}

void landmarks_pack(const struct landmarks *m, struct buf *into)
{
    Orrery__Landmarks *l = must_alloc(1, sizeof *l);
    orrery__landmarks__init(l);
    l->newest_ns = m->newest_ns;
    COLUMN(l, moment_ordinal, m->moments, m->n_moments, ordinal);
    COLUMN(l, moment_ns, m->moments, m->n_moments, ns);
    COLUMN(l, moment_lane, m->moments, m->n_moments, lane);
    COLUMN(l, moment_body, m->moments, m->n_moments, body);
    COLUMN(l, base_ordinal, m->bases, m->n_bases, ordinal);
    COLUMN(l, base_ns, m->bases, m->n_bases, ns);
    COLUMN(l, base_node, m->bases, m->n_bases, node);
    COLUMN(l, base_instance, m->bases, m->n_bases, instance);
    COLUMN(l, hole_ordinal, m->holes.all, m->holes.n, ordinal);
    COLUMN(l, hole_from_ns, m->holes.all, m->holes.n, from_ns);
    COLUMN(l, hole_to_ns, m->holes.all, m->holes.n, to_ns);
    COLUMN(l, hole_lane, m->holes.all, m->holes.n, lane);
    COLUMN(l, hole_events, m->holes.all, m->holes.n, events);
    COLUMN(l, offset_ns, m->clocks.all, m->clocks.n, ns);
    COLUMN(l, offset_node, m->clocks.all, m->clocks.n, node);
    COLUMN(l, offset_clock, m->clocks.all, m->clocks.n, clock);
    COLUMN(l, offset_shift_ns, m->clocks.all, m->clocks.n, shift_ns);
    COLUMN(l, offset_bound_ns, m->clocks.all, m->clocks.n, bound_ns);
    pack_states(m, l);
    orrery__landmarks__pack(l, buf_extend(into, orrery__landmarks__get_packed_size(l)));
    orrery__landmarks__free_unpacked(l, NULL);
}

static bool sane(const Orrery__Landmarks *l)
{
    size_t moments = l->n_moment_ordinal, bases = l->n_base_ordinal, states = l->n_state_lane;
    bool ok = moments == l->n_moment_ns && moments == l->n_moment_lane &&
              moments == l->n_moment_body && moments <= MOMENTS_MAX && bases == l->n_base_ns &&
              bases == l->n_base_node && bases == l->n_base_instance && bases <= BASES_MAX &&
              states == l->n_state_ns && states == l->n_state &&
              (states == l->n_state_term || l->n_state_term == 0);
    size_t holes = l->n_hole_ordinal, clocks = l->n_offset_ns;
    ok = ok && holes == l->n_hole_from_ns && holes == l->n_hole_to_ns && holes == l->n_hole_lane &&
         holes == l->n_hole_events && holes <= HOLES_MAX && clocks == l->n_offset_node &&
         clocks == l->n_offset_clock && clocks == l->n_offset_shift_ns &&
         clocks == l->n_offset_bound_ns && clocks <= CLOCKS_MAX;
    for (size_t i = 0; ok && i < bases; i++)
        ok = l->base_node[i] > 0 && l->base_node[i] < VIEW_LANES_MAX;
    for (size_t i = 0; ok && i < states; i++)
        ok = l->state_lane[i] < VIEW_LANES_MAX && l->state[i] >= VIEW_RUNNING &&
             l->state[i] <= VIEW_IN_CHARGE;
    return ok;
}

static void take_over(struct landmarks *m, const Orrery__Landmarks *l)
{
    m->newest_ns = l->newest_ns;
    m->n_moments = m->cap_moments = l->n_moment_ordinal;
    m->moments = must_alloc(m->n_moments, sizeof *m->moments);
    for (size_t i = 0; i < m->n_moments; i++)
        m->moments[i] = (struct moment){l->moment_ordinal[i], l->moment_ns[i], l->moment_lane[i],
                                        l->moment_body[i]};
    m->n_bases = m->cap_bases = l->n_base_ordinal;
    m->bases = must_alloc(m->n_bases, sizeof *m->bases);
    for (size_t i = 0; i < m->n_bases; i++)
        m->bases[i] = (struct view_base){l->base_ordinal[i], l->base_ns[i], l->base_node[i],
                                         l->base_instance[i]};
    for (size_t i = 0; i < l->n_hole_ordinal; i++)
        holes_add(&m->holes, &(struct hole){l->hole_ordinal[i], l->hole_from_ns[i],
                                            l->hole_to_ns[i], l->hole_events[i], l->hole_lane[i]});
    for (size_t i = 0; i < l->n_offset_ns; i++)
        clocks_add(&m->clocks,
                   &(struct clock_told){l->offset_ns[i], l->offset_clock[i], l->offset_shift_ns[i],
                                        l->offset_bound_ns[i], l->offset_node[i]});
    for (size_t i = 0; i < l->n_state; i++) {
        struct state_change *change =
            set_state(m, l->state_lane[i], (enum view_state)l->state[i], l->state_ns[i]);
        if (change && l->n_state_term)
            change->term = l->state_term[i];
    }
}

int landmarks_unpack(struct landmarks *m, struct bytes packed)
{
    Orrery__Landmarks *l =
        packed.len <= PACKED_MAX ? orrery__landmarks__unpack(NULL, packed.len, packed.base) : NULL;
    bool ok = l && sane(l);
    if (ok) {
        landmarks_free(m);
        take_over(m, l);
    }
    if (l)
        orrery__landmarks__free_unpacked(l, NULL);
    return ok ? 0 : ERROR_MALFORMED;
}
