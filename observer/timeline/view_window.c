/* A span of the timeline, made ready for drawing. */
#include "timeline/window_inside.h"

#include "base/check.h"
#include "timeline/column.h"
#include "timeline/pyramid.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    WALK_MAX = 200000,  /* Entries that one window looks at, */
    BEYOND_MAX = 20000, /* and so many past its end, for what was under way there. */
    COLUMNS_MAX = 16384,
    NAME_SIZE = 96,
    COLUMNS_A_BIN = 2,
};
static const uint64_t shuffled_ns = 50000000; /* Causality may have moved entries by about that. */
static const uint64_t beyond_ns = 5000000000;

static void *grown(void *all, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return all;
    *cap = *cap ? *cap * 2 : 64;
    all = realloc(all, *cap * size);
    CHECK(all);
    return all;
}

bool window_asked_for(const struct preparing *p, uint32_t lane)
{
    for (size_t i = 0; i < p->n_only; i++)
        if (p->only[i] == lane)
            return true;
    return p->n_only == 0;
}

/* --- names --- */

uint32_t window_name(struct preparing *p, const char *text)
{
    char name[NAME_SIZE];
    strncpy(name, text, sizeof name - 1);
    name[sizeof name - 1] = 0;
    for (size_t i = 0; i < p->n_names; i++)
        if (strcmp(p->names[i], name) == 0)
            return (uint32_t)i;
    if (p->n_names == WINDOW_NAMES_MAX)
        return WINDOW_NAMES_MAX - 1;
    p->names[p->n_names] = must_copy(name);
    return (uint32_t)p->n_names++;
}

/* "Beat": the case of a protocol's message, by the number that the head of its event has. */
static uint32_t message_name(struct preparing *p, const Orrery__Start *start, uint32_t instance,
                             uint32_t kind)
{
    const struct schema_type *type = NULL;
    struct schema_field f;
    for (size_t i = 0; start && i < start->n_instances && !type; i++)
        if (start->instances[i]->number == instance)
            type = schema_find(timeline_schema(p->timeline), start->instances[i]->message_type);
    for (uint32_t i = 0; type && kind && schema_field(type, i, &f); i++)
        if (f.number == kind && f.message) {
            const char *dot = strrchr(schema_name(f.message), '.');
            return window_name(p, dot ? dot + 1 : schema_name(f.message));
        }
    return window_name(p, "message");
}

static uint32_t happening_name(struct preparing *p, const Orrery__Start *start, uint32_t body,
                               uint32_t kind)
{
    if (body == ORRERY__EVENT__BODY_TRACE && start && kind > 0 && kind <= start->n_types)
        return window_name(p, start->types[kind - 1]);
    return window_name(p, timeline_kind(body));
}

/* A command by its verb, "kill"; anything else by what it is. */
static uint32_t mark_name(struct preparing *p, const struct entry *e)
{
    const struct event_head *h = &e->head;
    if (h->body != ORRERY__EVENT__BODY_OPERATOR)
        return happening_name(p, timeline_start_of(p->timeline, e->node, e->boot), h->body,
                              h->kind);
    Orrery__Operator *o = orrery__operator__unpack(NULL, h->payload.len, h->payload.base);
    char verb[NAME_SIZE] = "operator";
    if (o && *o->line) {
        strncpy(verb, o->line, sizeof verb - 1);
        verb[strcspn(verb, " ")] = 0;
    }
    orrery__operator__free_unpacked(o, NULL);
    return window_name(p, verb);
}

/* --- messages --- */

static void sent(struct preparing *p, const struct entry *e)
{
    Orrery__Send *send = orrery__send__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!send)
        return;
    const Orrery__Start *start = timeline_start_of(p->timeline, e->node, e->boot);
    uint32_t name = message_name(p, start, e->head.instance, e->head.kind);
    for (size_t i = 0; i < send->n_to; i++) {
        if (!window_asked_for(p, e->node) && !window_asked_for(p, send->to[i]))
            continue;
        p->messages = grown(p->messages, p->n_messages, &p->cap_messages, sizeof *p->messages);
        p->messages[p->n_messages++] = (struct message){
            .sent_ns = (double)e->head.mono_ns,
            .send = (double)e->ordinal,
            .from = e->node,
            .to = send->to[i],
            .name = name,
        };
        p->under_way++;
    }
    orrery__send__free_unpacked(send, NULL);
}

/* The message that this send sent there; NULL when it is not of the span. */
static struct message *message_of(struct preparing *p, uint64_t ordinal, uint32_t to)
{
    double send = (double)ordinal;
    size_t low = 0, high = p->n_messages;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (p->messages[middle].send < send)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < p->n_messages && p->messages[low].send <= send; low++)
        if (p->messages[low].to == to)
            return &p->messages[low];
    return NULL;
}

struct arrival { /* A receive or a drop. */
    uint64_t ordinal, ns, cause;
    uint32_t from, to, fate;
};

struct message *window_beside(struct preparing *p, const struct message *m)
{
    p->besides = grown(p->besides, p->n_besides, &p->cap_besides, sizeof *p->besides);
    p->besides[p->n_besides] = *m;
    return &p->besides[p->n_besides++];
}

/* One whose send is not in the span, or that arrives a second time. */
static void arrived_besides(struct preparing *p, const struct arrival *a)
{
    struct entry e;
    bool known = a->cause && timeline_get(p->timeline, a->cause, &e) &&
                 e.head.body == ORRERY__EVENT__BODY_SEND;
    uint64_t sent_ns = known ? e.head.mono_ns : a->ns;
    if (a->ns < p->from || sent_ns > p->to ||
        (!window_asked_for(p, a->from) && !window_asked_for(p, a->to)))
        return;
    const Orrery__Start *start = known ? timeline_start_of(p->timeline, e.node, e.boot) : NULL;
    uint32_t name = message_name(p, start, known ? e.head.instance : 0, known ? e.head.kind : 0);
    (void)window_beside(p, &(struct message){
                               .sent_ns = (double)sent_ns,
                               .received_ns = a->fate == VIEW_RECEIVED ? (double)a->ns : 0,
                               .send = known ? (double)a->cause : 0,
                               .receive = (double)a->ordinal,
                               .from = a->from,
                               .to = a->to,
                               .name = name,
                               .fate = a->fate,
                           });
}

static void arrived(struct preparing *p, const struct arrival *a)
{
    struct message *m = a->cause ? message_of(p, a->cause, a->to) : NULL;
    if (!m || m->fate != VIEW_UNDER_WAY) {
        arrived_besides(p, a);
        return;
    }
    m->received_ns = a->fate == VIEW_RECEIVED ? (double)a->ns : 0;
    m->receive = (double)a->ordinal;
    m->fate = a->fate;
    p->under_way--;
}

static void dropped(struct preparing *p, const struct entry *e)
{
    Orrery__Drop *drop = orrery__drop__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!drop)
        return;
    arrived(p, &(struct arrival){e->ordinal, e->head.mono_ns, e->cause, drop->from, drop->to,
                                 VIEW_DROPPED + (uint32_t)drop->reason});
    orrery__drop__free_unpacked(drop, NULL);
}

/* What did not arrive went to a node that was dead, or died before it came. */
static void find_dead(struct preparing *p)
{
    for (size_t i = 0; i < p->n_messages; i++) {
        struct message *m = &p->messages[i];
        if (m->fate != VIEW_UNDER_WAY || m->to >= p->view->marks->n_lanes)
            continue;
        const struct lane_states *l = &p->view->marks->lanes[m->to];
        bool dead = timeline_view_state_at(p->view, m->to, (uint64_t)m->sent_ns) == VIEW_DEAD;
        for (size_t k = l->n; k > 0 && !dead && (double)l->all[k - 1].ns >= m->sent_ns; k--)
            dead = l->all[k - 1].state == VIEW_DEAD;
        if (dead)
            m->fate = VIEW_PEER_DEAD;
    }
}

/* --- marks --- */

/* What ended with it: a silence, a wait. By the names that such fields have. */
static double span_of(struct preparing *p, const struct entry *e)
{
    static const char *const names[] = {"silent_ns", "waited_ns", "elapsed_ns"};
    const struct schema_type *type =
        e->head.body == ORRERY__EVENT__BODY_TRACE ? timeline_trace_type(p->timeline, e) : NULL;
    Orrery__Trace *trace =
        type ? orrery__trace__unpack(NULL, e->head.payload.len, e->head.payload.base) : NULL;
    double span = 0;
    for (size_t i = 0; trace && i < sizeof names / sizeof *names; i++)
        if (schema_number(type, bytes_of(trace->body.data, trace->body.len), names[i], &span))
            break;
    if (trace)
        orrery__trace__free_unpacked(trace, NULL);
    return span > 0 ? span : 0;
}

/* There are too many: every second one goes, so that what is left is spread over the whole span. */
static void thin_out(struct preparing *p)
{
    size_t kept = 0, usual = 0;
    for (size_t i = 0; i < p->n_marks; i++) {
        if (p->marks[i].rare || usual++ % 2 == 0)
            p->marks[kept++] = p->marks[i];
        else
            free(p->marks[i].text);
    }
    p->n_marks = kept;
    p->usual_every *= 2;
}

static bool has_room(struct preparing *p, bool rare)
{
    if (rare)
        return p->n_rare < p->marks_max / 2;
    if (p->n_marks - p->n_rare >= p->marks_max / 2)
        thin_out(p);
    return p->usual_seen++ % p->usual_every == 0;
}

static void add_mark(struct preparing *p, const struct entry *e)
{
    bool rare = landmarks_is_rare(e->head.body);
    uint32_t lane = landmarks_lane(e);
    if ((lane && !window_asked_for(p, lane)) || !has_room(p, rare))
        return;
    struct mark m = {.ns = (double)e->head.mono_ns,
                     .ordinal = (double)e->ordinal,
                     .span_ns = span_of(p, e),
                     .lane = lane,
                     .name = mark_name(p, e),
                     .rare = rare};
    struct buf text = {0};
    timeline_describe(p->timeline, e, &text);
    buf_append(&text, bytes_of("", 1));
    m.text = (char *)text.base;
    p->n_rare += rare;
    p->marks = grown(p->marks, p->n_marks, &p->cap_marks, sizeof *p->marks);
    p->marks[p->n_marks++] = m;
}

/* From the short list. Where there are too many that are not rare, some at even distances. */
static void marks_of_list(struct preparing *p)
{
    const struct landmarks *v = p->view->marks;
    size_t often = 0, nth = 0;
    struct entry e;
    for (size_t i = 0; i < v->n_moments; i++)
        often += v->moments[i].ns >= p->from && v->moments[i].ns <= p->to &&
                 !landmarks_is_rare(v->moments[i].body);
    size_t step = often / (p->marks_max / 2) + 1;
    for (size_t i = 0; i < v->n_moments; i++) {
        const struct moment *m = &v->moments[i];
        if (m->ns < p->from || m->ns > p->to)
            continue;
        if (!landmarks_is_rare(m->body) && nth++ % step != 0)
            continue;
        if (timeline_get(p->timeline, m->ordinal, &e))
            add_mark(p, &e);
    }
}

/* --- every message --- */

static void look_at(struct preparing *p, const struct entry *e)
{
    const struct event_head *h = &e->head;
    bool inside = h->mono_ns >= p->from && h->mono_ns <= p->to;
    bool stroke = clients_look_at(p, e);
    if (stroke && h->body != ORRERY__EVENT__BODY_TRACE)
        return;
    switch (h->body) {
    case ORRERY__EVENT__BODY_SEND:
        if (inside)
            sent(p, e);
        break;
    case ORRERY__EVENT__BODY_RECEIVE:
        arrived(p, &(struct arrival){e->ordinal, h->mono_ns, e->cause, h->peer, e->node,
                                     VIEW_RECEIVED});
        break;
    case ORRERY__EVENT__BODY_DROP:
        dropped(p, e);
        break;
    default:
        if (!inside || !landmarks_is_marked(h->body))
            break;
        p->happened += !landmarks_is_rare(h->body);
        add_mark(p, e);
        break;
    }
}

static void walk(struct preparing *p)
{
    struct timeline *t = p->timeline;
    struct entry e;
    size_t looked = 0, beyond = 0;
    uint64_t newest = timeline_newest(t), seen_ns = p->to;
    uint64_t at = timeline_at(t, p->from > shuffled_ns ? p->from - shuffled_ns : 0);
    for (; at <= newest && looked++ < p->walk_max; at++) {
        if (!timeline_get(t, at, &e))
            continue;
        if (e.head.mono_ns > p->to + shuffled_ns &&
            (!p->under_way || beyond++ > BEYOND_MAX || e.head.mono_ns > p->to + beyond_ns))
            break;
        seen_ns = e.head.mono_ns > seen_ns ? e.head.mono_ns : seen_ns;
        look_at(p, &e);
    }
    find_dead(p);
    clients_settle(p, seen_ns);
    for (size_t i = 0; i < p->n_besides; i++) {
        p->messages = grown(p->messages, p->n_messages, &p->cap_messages, sizeof *p->messages);
        p->messages[p->n_messages++] = p->besides[i];
    }
}

/* How far the ends of each may be off each other; of clients only one end is seen. */
static uint64_t put_bounds(const struct preparing *p)
{
    const struct clocks *clocks = &p->view->marks->clocks;
    for (size_t i = 0; clocks->n > 0 && i < p->n_messages; i++) {
        struct message *m = &p->messages[i];
        if (m->client == 0 && m->received_ns > 0)
            m->bound_ns = (double)clocks_bound(clocks, m->from, m->to, (uint64_t)m->sent_ns);
    }
    return clocks_widest(clocks, p->to);
}

/* --- only their number --- */

static void add_bins(struct preparing *p, const struct pyramid_cells *cells, uint32_t level,
                     uint64_t tile)
{
    uint64_t length = pyramid_level_ns(level);
    for (size_t i = 0; i < cells->n; i++) {
        const struct pyramid_cell *c = &cells->all[i];
        uint64_t ns = (tile * PYRAMID_TILE_BINS + c->bin) * length;
        bool send = c->body == ORRERY__EVENT__BODY_SEND;
        bool receive = c->body == ORRERY__EVENT__BODY_RECEIVE;
        bool marked = landmarks_is_marked(c->body) && c->lane != 0;
        uint32_t lane = c->lane;
        const Orrery__Start *start = timeline_start(p->timeline, lane);
        const char *stroke = clients_counted(start, c->body, c->kind, &lane);
        if (!(send || receive || marked) || ns + length <= p->from || ns > p->to ||
            !window_asked_for(p, lane))
            continue;
        if (marked && !stroke && !landmarks_is_rare(c->body))
            p->happened += (double)c->count;
        p->bins = grown(p->bins, p->n_bins, &p->cap_bins, sizeof *p->bins);
        p->bins[p->n_bins++] = (struct lane_bin){
            .ns = (double)ns,
            .count = (double)c->count,
            .drops = (double)c->drops,
            .timed = (double)c->timed,
            .least_ns = c->timed ? c->latency_min_ns : 0,
            .most_ns = c->timed ? c->latency_max_ns : 0,
            .sum_ns = c->timed ? c->latency_sum_ns : 0,
            .lane = lane,
            .name = receive  ? window_name(p, "receive")
                    : stroke ? window_name(p, stroke)
                    : send   ? message_name(p, start, c->instance, c->kind)
                             : happening_name(p, start, c->body, c->kind),
        };
    }
}

static void count(struct preparing *p, uint32_t level)
{
    uint64_t length = pyramid_level_ns(level) * PYRAMID_TILE_BINS;
    for (uint64_t tile = p->from / length; tile <= p->to / length; tile++) {
        struct pyramid_cells cells = {0};
        if (timeline_tile(p->timeline, level, tile, &cells))
            add_bins(p, &cells, level, tile);
        pyramid_cells_free(&cells);
    }
    marks_of_list(p);
}

/* The finest level at which the span has at most so many bins. */
static uint32_t level_for(const struct preparing *p, uint64_t bins)
{
    uint32_t level = 0;
    while (level + 1 < PYRAMID_LEVELS && (p->to - p->from) / pyramid_level_ns(level) >= bins)
        level++;
    return level;
}

static bool is_too_much(struct preparing *p)
{
    uint32_t level = level_for(p, PYRAMID_TILE_BINS / 4);
    uint64_t length = pyramid_level_ns(level), tiles = length * PYRAMID_TILE_BINS;
    uint64_t sends = 0, ends = 0, all = 0;
    for (uint64_t tile = p->from / tiles; tile <= p->to / tiles; tile++) {
        struct pyramid_cells cells = {0};
        if (!timeline_tile(p->timeline, level, tile, &cells))
            sends = p->messages_max + 1;
        for (size_t i = 0; i < cells.n; i++) {
            const struct pyramid_cell *c = &cells.all[i];
            uint64_t ns = tile * tiles + c->bin * length;
            if (ns + length <= p->from || ns > p->to)
                continue;
            all += c->count;
            bool sent = c->body == ORRERY__EVENT__BODY_SEND ||
                        c->body == ORRERY__EVENT__BODY_REQUEST ||
                        c->body == ORRERY__EVENT__BODY_REPLY;
            sends += sent ? c->count : 0;
            bool end =
                c->body == ORRERY__EVENT__BODY_RECEIVE || c->body == ORRERY__EVENT__BODY_DROP;
            ends += end ? c->count : 0;
        }
        pyramid_cells_free(&cells);
    }
    p->sends = (double)sends;
    return sends > p->messages_max || ends > p->messages_max || all > WALK_MAX / 2;
}

/* --- as arrays --- */

static int by_time_sent(const void *a, const void *b)
{
    const struct message *x = a, *y = b;
    if (x->sent_ns < y->sent_ns || x->sent_ns > y->sent_ns)
        return x->sent_ns < y->sent_ns ? -1 : 1;
    if (x->send < y->send || x->send > y->send)
        return x->send < y->send ? -1 : 1;
    return (x->to > y->to) - (x->to < y->to);
}

static int by_time(const void *a, const void *b)
{
    const struct mark *x = a, *y = b;
    if (x->ns < y->ns || x->ns > y->ns)
        return x->ns < y->ns ? -1 : 1;
    return (x->ordinal > y->ordinal) - (x->ordinal < y->ordinal);
}

static void put_messages(const struct preparing *p, Orrery__Window *w)
{
    size_t n = p->n_messages;
    if (n)
        qsort(p->messages, n, sizeof *p->messages, by_time_sent);
    COLUMN(w, sent_ns, p->messages, n, sent_ns);
    COLUMN(w, received_ns, p->messages, n, received_ns);
    COLUMN(w, from, p->messages, n, from);
    COLUMN(w, to, p->messages, n, to);
    COLUMN(w, name, p->messages, n, name);
    COLUMN(w, fate, p->messages, n, fate);
    COLUMN(w, send_event, p->messages, n, send);
    COLUMN(w, receive_event, p->messages, n, receive);
    bool clients = false, bounds = false;
    for (size_t i = 0; i < n; i++) {
        clients |= p->messages[i].client > 0;
        bounds |= p->messages[i].bound_ns > 0;
    }
    COLUMN(w, client, p->messages, clients ? n : 0, client);
    COLUMN(w, bound_ns, p->messages, bounds ? n : 0, bound_ns);
}

static void put_marks(const struct preparing *p, Orrery__Window *w)
{
    size_t n = p->n_marks;
    if (n)
        qsort(p->marks, n, sizeof *p->marks, by_time);
    COLUMN(w, mark_ns, p->marks, n, ns);
    COLUMN(w, mark_lane, p->marks, n, lane);
    COLUMN(w, mark_name, p->marks, n, name);
    COLUMN(w, mark_event, p->marks, n, ordinal);
    COLUMN(w, mark_span_ns, p->marks, n, span_ns);
    COLUMN(w, mark_text, p->marks, n, text); /* Goes with the window from here on. */
}

static void put_bins(const struct preparing *p, Orrery__Window *w)
{
    COLUMN(w, bin_ns, p->bins, p->n_bins, ns);
    COLUMN(w, bin_lane, p->bins, p->n_bins, lane);
    COLUMN(w, bin_name, p->bins, p->n_bins, name);
    COLUMN(w, bin_count, p->bins, p->n_bins, count);
    COLUMN(w, bin_drops, p->bins, p->n_bins, drops);
    COLUMN(w, bin_timed, p->bins, p->n_bins, timed);
    COLUMN(w, bin_least_ns, p->bins, p->n_bins, least_ns);
    COLUMN(w, bin_most_ns, p->bins, p->n_bins, most_ns);
    COLUMN(w, bin_sum_ns, p->bins, p->n_bins, sum_ns);
}

struct gap {
    double from_ns, to_ns, events, ordinal;
    uint32_t lane;
};

static void put_holes(const struct preparing *p, Orrery__Window *w)
{
    struct holes found = {0};
    uint64_t column = p->columns ? (p->to - p->from) / p->columns : 0;
    holes_in(&p->view->marks->holes, p->from, p->to, column, &found);
    struct gap *all = must_alloc(found.n, sizeof *all);
    size_t n = 0;
    for (size_t i = 0; i < found.n; i++) {
        const struct hole *h = &found.all[i];
        if (window_asked_for(p, h->lane))
            all[n++] = (struct gap){(double)h->from_ns, (double)h->to_ns, (double)h->events,
                                    (double)h->ordinal, h->lane};
    }
    COLUMN(w, hole_from_ns, all, n, from_ns);
    COLUMN(w, hole_to_ns, all, n, to_ns);
    COLUMN(w, hole_lane, all, n, lane);
    COLUMN(w, hole_events, all, n, events);
    COLUMN(w, hole_event, all, n, ordinal);
    holes_free(&found);
    free(all);
}

struct lane_state {
    double ns;
    uint32_t lane, state;
    double term;
};

/* How each lane was when the span began, and what changed in it. */
static void put_states(const struct preparing *p, Orrery__Window *w)
{
    const struct landmarks *v = p->view->marks;
    struct lane_state *all = NULL;
    size_t n = 0, cap = 0;
    for (uint32_t lane = 1; lane < v->n_lanes; lane++) {
        const struct lane_states *l = &v->lanes[lane];
        if (!window_asked_for(p, lane))
            continue;
        all = grown(all, n, &cap, sizeof *all);
        const struct state_change *at = landmarks_state_at(v, lane, p->from);
        all[n++] = (struct lane_state){(double)p->from, lane, at ? at->state : VIEW_ABSENT,
                                       at ? (double)at->term : 0};
        for (size_t i = 0; i < l->n; i++) {
            if (l->all[i].ns <= p->from || l->all[i].ns > p->to)
                continue;
            all = grown(all, n, &cap, sizeof *all);
            all[n++] = (struct lane_state){(double)l->all[i].ns, lane, l->all[i].state,
                                           (double)l->all[i].term};
        }
    }
    COLUMN(w, state_ns, all, n, ns);
    COLUMN(w, state_lane, all, n, lane);
    COLUMN(w, state, all, n, state);
    bool terms = false;
    for (size_t i = 0; i < n; i++)
        terms |= all[i].term > 0;
    COLUMN(w, state_term, all, terms ? n : 0, term);
    free(all);
}

/* A time from outside, within what can have happened. */
static uint64_t sane(double ns, uint64_t max)
{
    if (!(ns > 0))
        return 0;
    return ns < (double)max ? (uint64_t)ns : max;
}

static Orrery__Window *window_of(struct preparing *p, uint32_t level)
{
    Orrery__Window *w = must_alloc(1, sizeof *w);
    orrery__window__init(w);
    w->level = level;
    w->from_ns = (double)p->from;
    w->to_ns = (double)p->to;
    w->messages = p->sends;
    w->newest_ns = (double)p->view->marks->newest_ns;
    w->clock_bound_ns = (double)put_bounds(p);
    w->thinned = fmax(0, p->happened - (double)(p->n_marks - p->n_rare));
    put_messages(p, w);
    put_holes(p, w);
    put_marks(p, w);
    put_bins(p, w);
    put_states(p, w);
    w->n_names = p->n_names;
    w->names = must_alloc(p->n_names, sizeof *w->names);
    memcpy(w->names, p->names, p->n_names * sizeof *w->names);
    free(p->messages);
    free(p->besides);
    free(p->marks);
    free(p->bins);
    return w;
}

Orrery__Window *timeline_view_window(struct timeline_view *v, const Orrery__WindowAsk *ask)
{
    struct preparing p = {.view = v,
                          .timeline = v->timeline,
                          .marks_max = VIEW_MARKS_MAX,
                          .walk_max = WALK_MAX,
                          .usual_every = 1};
    uint64_t max = v->marks->newest_ns + beyond_ns;
    uint32_t level = 0;
    p.from = sane(ask->from_ns, max);
    p.to = sane(ask->to_ns, max);
    if (p.to < p.from)
        p.to = p.from;
    p.columns = ask->columns > 16 ? ask->columns : 16;
    p.columns = p.columns < COLUMNS_MAX ? p.columns : COLUMNS_MAX;
    p.only = ask->lanes;
    p.n_only = ask->n_lanes < VIEW_LANES_MAX ? ask->n_lanes : VIEW_LANES_MAX;
    p.messages_max = ask->messages ? ask->messages : VIEW_MESSAGES_USUAL;
    if (p.messages_max > VIEW_MESSAGES_MAX)
        p.messages_max = VIEW_MESSAGES_MAX;
    if (is_too_much(&p) || ask->counts) {
        level = level_for(&p, p.columns / COLUMNS_A_BIN);
        count(&p, level++);
    } else {
        walk(&p);
    }
    return window_of(&p, level);
}

Orrery__Window *timeline_view_whole(struct timeline_view *v, uint64_t to_ns)
{
    struct preparing p = {.view = v,
                          .timeline = v->timeline,
                          .to = to_ns,
                          .marks_max = SIZE_MAX,
                          .walk_max = SIZE_MAX,
                          .usual_every = 1};
    walk(&p);
    p.sends = (double)p.n_messages;
    return window_of(&p, 0);
}
