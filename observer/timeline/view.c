#include "timeline/view_inside.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

bool timeline_view_is_rare(uint32_t body)
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

bool timeline_view_is_marked(uint32_t body)
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
        return timeline_view_is_rare(body);
    }
}

static bool is_kept(uint32_t body)
{
    return timeline_view_is_rare(body) || body == ORRERY__EVENT__BODY_MOVE ||
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
static void thin_moments(struct timeline_view *v)
{
    size_t kept = 0, half = v->n_moments / 2;
    for (size_t i = 0; i < v->n_moments; i++)
        if (i >= half || timeline_view_is_rare(v->moments[i].body))
            v->moments[kept++] = v->moments[i];
    size_t over = kept > MOMENTS_MAX * 3 / 4 ? kept - MOMENTS_MAX * 3 / 4 : 0;
    memmove(v->moments, v->moments + over, (kept - over) * sizeof *v->moments);
    v->n_moments = kept - over;
}

static void note_moment(struct timeline_view *v, const struct entry *e)
{
    if (v->n_moments == MOMENTS_MAX)
        thin_moments(v);
    v->moments = grown(v->moments, v->n_moments, &v->cap_moments, sizeof *v->moments);
    v->moments[v->n_moments++] =
        (struct moment){e->ordinal, e->head.mono_ns, timeline_view_lane(e), e->head.body};
}

/* --- where a fold may begin --- */

/* Every other one of the older half goes, of each lane: what is left is only a longer way back. */
static void thin_bases(struct timeline_view *v)
{
    size_t kept = 0, half = v->n_bases / 2;
    bool *odd = must_alloc(VIEW_LANES_MAX, sizeof *odd);
    for (size_t i = 0; i < v->n_bases; i++) {
        bool *at = &odd[v->bases[i].node];
        *at = !*at;
        if (i >= half || *at)
            v->bases[kept++] = v->bases[i];
    }
    free(odd);
    size_t over = kept > BASES_MAX * 3 / 4 ? kept - BASES_MAX * 3 / 4 : 0;
    memmove(v->bases, v->bases + over, (kept - over) * sizeof *v->bases);
    v->n_bases = kept - over;
}

static void note_base(struct timeline_view *v, const struct entry *e)
{
    if (e->node == 0 || e->node >= VIEW_LANES_MAX)
        return;
    if (v->n_bases == BASES_MAX)
        thin_bases(v);
    bool start = e->head.body == ORRERY__EVENT__BODY_START;
    v->bases = grown(v->bases, v->n_bases, &v->cap_bases, sizeof *v->bases);
    v->bases[v->n_bases++] =
        (struct view_base){e->ordinal, e->head.mono_ns, e->node, start ? 0 : e->head.instance};
}

static int by_ordinal(const void *a, const void *b)
{
    const struct view_base *x = a, *y = b;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

/* A start ends the search for its node: before it there was another life. It is given only where no
 * view came after it. */
size_t timeline_view_bases(const struct timeline_view *v, uint64_t at_ns, struct view_base **bases)
{
    size_t n = 0, cap = 0;
    struct view_base *found = NULL;
    uint64_t *seen = calloc(VIEW_LANES_MAX, sizeof *seen); /* By node: a bit for each instance. */
    CHECK(seen);
    for (size_t i = v->n_bases; i > 0; i--) {
        const struct view_base *b = &v->bases[i - 1];
        uint64_t bit = UINT64_C(1) << (b->instance % 64), *node = &seen[b->node];
        bool known = b->instance == 0 ? *node != 0 : *node & (bit | 1);
        if (b->ns > at_ns)
            continue;
        *node |= bit;
        if (known)
            continue;
        found = grown(found, n, &cap, sizeof *found);
        found[n++] = *b;
    }
    free(seen);
    if (n)
        qsort(found, n, sizeof *found, by_ordinal);
    *bases = found;
    return n;
}

/* --- how lanes are --- */

static struct lane_states *lane_of(struct timeline_view *v, uint32_t lane)
{
    if (lane == 0 || lane >= VIEW_LANES_MAX)
        return NULL;
    if (lane >= v->n_lanes) {
        v->lanes = realloc(v->lanes, (lane + 1) * sizeof *v->lanes);
        CHECK(v->lanes);
        memset(v->lanes + v->n_lanes, 0, (lane + 1 - v->n_lanes) * sizeof *v->lanes);
        v->n_lanes = lane + 1;
    }
    return &v->lanes[lane];
}

static enum view_state newest_state(const struct lane_states *l)
{
    return l->n ? l->all[l->n - 1].state : VIEW_ABSENT;
}

static void set_state(struct timeline_view *v, uint32_t lane, enum view_state state, uint64_t ns)
{
    struct lane_states *l = lane_of(v, lane);
    if (!l || newest_state(l) == state)
        return;
    if (l->n && l->all[l->n - 1].ns > ns)
        ns = l->all[l->n - 1].ns;
    l->all = grown(l->all, l->n, &l->cap, sizeof *l->all);
    l->all[l->n++] = (struct state_change){ns, state};
}

static void set_those(struct timeline_view *v, const uint32_t *lanes, size_t n,
                      enum view_state were, enum view_state are, uint64_t ns)
{
    for (size_t i = 0; i < n; i++) {
        const struct lane_states *l = lane_of(v, lanes[i]);
        if (l && newest_state(l) == were)
            set_state(v, lanes[i], are, ns);
    }
}

static void obey(struct timeline_view *v, const struct entry *e)
{
    const struct event_head *h = &e->head;
    Orrery__Operator *o = orrery__operator__unpack(NULL, h->payload.len, h->payload.base);
    if (!o)
        return;
    const Orrery__Command *c = o->command;
    if (c && c->verb_case == ORRERY__COMMAND__VERB_PAUSE)
        set_those(v, c->pause->nodes, c->pause->n_nodes, VIEW_RUNNING, VIEW_PAUSED, h->mono_ns);
    else if (c && c->verb_case == ORRERY__COMMAND__VERB_RESUME)
        set_those(v, c->resume->nodes, c->resume->n_nodes, VIEW_PAUSED, VIEW_RUNNING, h->mono_ns);
    orrery__operator__free_unpacked(o, NULL);
}

static void halt(struct timeline_view *v, const struct entry *e)
{
    Orrery__Halt *halted = orrery__halt__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!halted)
        return;
    if (strcmp(halted->action, "pause") == 0)
        set_state(v, e->node, VIEW_PAUSED, e->head.mono_ns);
    orrery__halt__free_unpacked(halted, NULL);
}

static void note_state(struct timeline_view *v, const struct entry *e)
{
    uint64_t ns = e->head.mono_ns;
    const struct lane_states *l = lane_of(v, e->node);
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_SPAWN:
        set_state(v, timeline_view_lane(e), VIEW_STARTING, ns);
        break;
    case ORRERY__EVENT__BODY_EXIT:
        set_state(v, timeline_view_lane(e), VIEW_DEAD, ns);
        break;
    case ORRERY__EVENT__BODY_START:
        set_state(v, e->node, VIEW_RUNNING, ns);
        break;
    case ORRERY__EVENT__BODY_OPERATOR:
        obey(v, e);
        break;
    case ORRERY__EVENT__BODY_HALT:
        halt(v, e);
        break;
    default: /* One that speaks lives, whatever was missed of it. */
        if (l && newest_state(l) == VIEW_ABSENT)
            set_state(v, e->node, VIEW_RUNNING, ns);
        break;
    }
}

enum view_state timeline_view_state_at(const struct timeline_view *v, uint32_t lane, uint64_t ns)
{
    if (lane >= v->n_lanes)
        return VIEW_ABSENT;
    const struct lane_states *l = &v->lanes[lane];
    size_t low = 0, high = l->n; /* Changes below `low` are at or before that moment. */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->all[middle].ns <= ns)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? l->all[low - 1].state : VIEW_ABSENT;
}

/* --- following --- */

uint32_t timeline_view_lane(const struct entry *e)
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

static void on_entry(void *ctx, const struct entry *e)
{
    struct timeline_view *v = ctx;
    if (e->head.mono_ns > v->newest_ns)
        v->newest_ns = e->head.mono_ns;
    note_state(v, e);
    if (is_kept(e->head.body))
        note_moment(v, e);
    if (e->head.body == ORRERY__EVENT__BODY_VIEW || e->head.body == ORRERY__EVENT__BODY_START)
        note_base(v, e);
}

struct timeline_view *timeline_view_new(struct timeline *t)
{
    struct timeline_view *v = calloc(1, sizeof *v);
    struct entry e;
    CHECK(v);
    v->timeline = t;
    uint64_t newest = timeline_newest(t);
    for (uint64_t at = timeline_oldest(t); at <= newest; at++)
        if (timeline_get(t, at, &e))
            on_entry(v, &e);
    v->follow = timeline_follow(t, on_entry, v);
    return v;
}

void timeline_view_free(struct timeline_view *v)
{
    timeline_unfollow(v->timeline, v->follow);
    for (uint32_t i = 0; i < v->n_lanes; i++)
        free(v->lanes[i].all);
    free(v->lanes);
    free(v->moments);
    free(v->bases);
    free(v);
}

uint64_t timeline_view_newest_ns(const struct timeline_view *v)
{
    return v->newest_ns;
}

struct timeline *timeline_view_timeline(const struct timeline_view *v)
{
    return v->timeline;
}
