/* What clients ask and are answered, as strokes between their lane and a node's. It is seen at the
 * node's client port alone: how long it was on its way is not known, so a stroke has one time. */
#include "timeline/window_inside.h"

#include "base/check.h"
#include "base/must.h"
#include "base/wire.h"
#include "history.pb-c.h"

#include <stdlib.h>
#include <string.h>

struct key {
    uint64_t client, request;
    uint32_t node, boot;
};

static const uint64_t hung_up = UINT64_MAX; /* As a request: the connection is over. */

struct one { /* A request; places are indices into the window's messages, and 1. */
    struct key key;
    uint64_t ns;
    size_t stroke, reply;
    bool answered, failed;
};

struct asked {
    struct one *all;
    size_t n, cap;
    size_t *table; /* Open addressing: index + 1. */
    size_t size;   /* A power of two. */
};

enum what { NOTHING, REQUEST, REPLY, COMPLETE, GONE };

static size_t place_of(const struct asked *a, const struct key *k)
{
    uint64_t h = (k->client * UINT64_C(0x9e3779b97f4a7c15) + k->request) ^
                 ((uint64_t)k->node << 32 | k->boot);
    size_t i = (size_t)(h * UINT64_C(0xbf58476d1ce4e5b9) >> 24) & (a->size - 1);
    while (a->table[i]) {
        const struct key *there = &a->all[a->table[i] - 1].key;
        if (there->client == k->client && there->request == k->request && there->node == k->node &&
            there->boot == k->boot)
            break;
        i = (i + 1) & (a->size - 1);
    }
    return i;
}

static void make_room(struct asked *a)
{
    if (a->n < a->cap)
        return;
    size_t cap = a->cap ? a->cap * 2 : 64;
    a->all = must_grow(a->all, a->cap, cap, sizeof *a->all);
    a->cap = cap;
    a->size = cap * 4;
    free(a->table);
    a->table = must_alloc(a->size, sizeof *a->table);
    for (size_t i = 0; i < a->n; i++)
        a->table[place_of(a, &a->all[i].key)] = i + 1;
}

static struct one *find(const struct asked *a, const struct key *k)
{
    size_t at = a->size ? a->table[place_of(a, k)] : 0;
    return at ? &a->all[at - 1] : NULL;
}

static struct one *find_or_add(struct asked *a, const struct key *k)
{
    struct one *found = find(a, k);
    if (found)
        return found;
    make_room(a);
    a->table[place_of(a, k)] = a->n + 1;
    a->all[a->n] = (struct one){.key = *k};
    return &a->all[a->n++];
}

/* --- what an event tells --- */

/* Where a node tells only what is always kept, its histories are all that there is. */
static const char *traced(const Orrery__Start *start, uint32_t kind)
{
    return start && kind > 0 && kind <= start->n_types ? start->types[kind - 1] : "";
}

static bool only_histories(const Orrery__Start *start)
{
    return start && start->level == ORRERY__LEVEL__LEVEL_OFF;
}

/* `told` is the message that has client and request. */
static enum what look(struct preparing *p, const struct entry *e, struct bytes *told)
{
    struct wire_field f;
    *told = e->head.payload;
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_REQUEST:
        return REQUEST;
    case ORRERY__EVENT__BODY_REPLY:
        return wire_number(*told, 5) ? NOTHING : REPLY; /* The last part is the answer. */
    case ORRERY__EVENT__BODY_DISCONNECT:
        return GONE;
    case ORRERY__EVENT__BODY_TRACE:
        break;
    default:
        return NOTHING;
    }
    const Orrery__Start *start = timeline_start_of(p->timeline, e->node, e->boot);
    const char *type = traced(start, e->head.kind);
    if (strncmp(type, "history.", 8) != 0 || !wire_find(*told, 2, &f) || f.type != WIRE_BYTES)
        return NOTHING;
    *told = f.bytes;
    if (strcmp(type, "history.Invoke") == 0)
        return only_histories(start) ? REQUEST : NOTHING;
    return strcmp(type, "history.Complete") == 0 ? COMPLETE : NOTHING;
}

const char *clients_counted(const Orrery__Start *start, uint32_t body, uint32_t kind,
                            uint32_t *lane)
{
    const char *type = body == ORRERY__EVENT__BODY_TRACE ? traced(start, kind) : "";
    bool histories = only_histories(start);
    if (body == ORRERY__EVENT__BODY_REQUEST || (histories && strcmp(type, "history.Invoke") == 0)) {
        *lane = VIEW_LANE_CLIENTS;
        return "Request";
    }
    bool reply =
        body == ORRERY__EVENT__BODY_REPLY || (histories && strcmp(type, "history.Complete") == 0);
    return reply ? "Reply" : NULL;
}

/* --- strokes --- */

static void requested(struct preparing *p, const struct entry *e, struct one *one)
{
    one->ns = e->head.mono_ns;
    (void)window_beside(p, &(struct message){
                               .sent_ns = (double)e->head.mono_ns,
                               .received_ns = (double)e->head.mono_ns,
                               .receive = (double)e->ordinal,
                               .from = VIEW_LANE_CLIENTS,
                               .to = e->node,
                               .name = window_name(p, "Request"),
                               .fate = VIEW_WAITS,
                               .client = (double)one->key.client,
                           });
    one->stroke = p->n_besides;
    p->under_way++;
}

static void answered(struct preparing *p, struct one *one, uint32_t fate)
{
    if (!one->stroke || one->answered)
        return;
    one->answered = true;
    p->besides[one->stroke - 1].fate = fate;
    p->under_way--;
}

static void name_reply(struct preparing *p, const struct one *one)
{
    if (one->reply)
        p->besides[one->reply - 1].name = window_name(p, one->failed ? "Refusal" : "Reply");
}

static void replied(struct preparing *p, const struct entry *e, struct one *one)
{
    (void)window_beside(p, &(struct message){
                               .sent_ns = (double)e->head.mono_ns,
                               .received_ns = (double)e->head.mono_ns,
                               .send = (double)e->ordinal,
                               .from = e->node,
                               .to = VIEW_LANE_CLIENTS,
                               .fate = VIEW_RECEIVED,
                               .client = (double)one->key.client,
                           });
    one->reply = p->n_besides;
    name_reply(p, one);
}

bool clients_look_at(struct preparing *p, const struct entry *e)
{
    struct bytes told;
    enum what what = look(p, e, &told);
    bool inside = e->head.mono_ns >= p->from && e->head.mono_ns <= p->to;
    bool stroke = what == REQUEST || what == REPLY;
    if (what == NOTHING)
        return e->head.body == ORRERY__EVENT__BODY_REPLY;
    if (!window_asked_for(p, VIEW_LANE_CLIENTS) && !window_asked_for(p, e->node))
        return stroke;
    if (!p->asked)
        p->asked = must_alloc(1, sizeof *p->asked);
    struct key key = {wire_number(told, 1), what == GONE ? hung_up : wire_number(told, 2), e->node,
                      e->boot};
    /* What came before the span, and is not answered in it, is no matter of its. */
    struct one *one = inside || what == GONE ? find_or_add(p->asked, &key) : find(p->asked, &key);
    if (!one || what == GONE)
        return false;
    bool histories = only_histories(timeline_start_of(p->timeline, e->node, e->boot));
    if (what == REQUEST && inside && !one->stroke)
        requested(p, e, one);
    if (what == COMPLETE) {
        uint64_t outcome = wire_number(told, 3);
        one->failed = outcome == HISTORY__OUTCOME__FAIL;
        if (outcome == HISTORY__OUTCOME__INFO)
            answered(p, one, VIEW_UNANSWERED);
        name_reply(p, one);
    }
    if (what == REPLY || (what == COMPLETE && histories)) {
        answered(p, one, VIEW_RECEIVED);
        if (inside)
            replied(p, e, one);
    }
    return stroke;
}

/* Its node died before it answered, as far as was looked. */
static bool died(const struct preparing *p, const struct one *one, uint64_t seen_ns)
{
    const struct landmarks *m = p->view->marks;
    if (one->key.node >= m->n_lanes)
        return false;
    const struct lane_states *l = &m->lanes[one->key.node];
    for (size_t i = l->n; i > 0 && l->all[i - 1].ns >= one->ns; i--)
        if (l->all[i - 1].state == VIEW_DEAD && l->all[i - 1].ns <= seen_ns)
            return true;
    return false;
}

void clients_settle(struct preparing *p, uint64_t seen_ns)
{
    struct asked *a = p->asked;
    if (!a)
        return;
    for (size_t i = 0; i < a->n; i++) {
        struct one *one = &a->all[i];
        struct key over = one->key;
        over.request = hung_up;
        if (one->stroke && !one->answered && (find(a, &over) || died(p, one, seen_ns)))
            answered(p, one, VIEW_UNANSWERED);
    }
    free(a->all);
    free(a->table);
    free(a);
    p->asked = NULL;
}
