/* Sends, receives and drops: which become arrows, and which are only counted. */
#include "base/check.h"
#include "terminal/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const uint64_t near_ns = 20000000;  /* Arrives in the row of its send. */
static const uint64_t late_ns = 100000000; /* So late that it is worth a row. */

enum { CROWD = 12 };

static uint32_t hash(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t h = (a * 0x9e3779b97f4a7c15u + b) * 0xbf58476d1ce4e5b9u + c;
    h = (h ^ h >> 31) * 0x94d049bb133111ebu;
    return (uint32_t)(h >> 32);
}

static uint32_t hash_text(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

static struct pending *pending_slot(struct model *m, uint32_t node, uint32_t boot, uint64_t seq)
{
    return &m->pending[hash(node, boot, seq) % MODEL_PENDING];
}

static struct pending *pending_find(struct model *m, const struct event_head *h)
{
    struct pending *p = pending_slot(m, h->peer, h->peer_boot, h->peer_seq);
    bool same = p->node == h->peer && p->boot == h->peer_boot && p->seq == h->peer_seq;
    return same && p->seq ? p : NULL;
}

/* "Beat 41": the case of the message's oneof, and its first field where that is a number. */
static void name_message(const struct lane *lane, const struct entry *e, struct bytes body,
                         char *kind, size_t kind_size, char *name, size_t name_size)
{
    uint32_t i = e->head.instance - 1;
    const struct schema_type *t = i < LANE_TYPES_MAX ? lane->messages[i] : NULL;
    const char *set = t && body.len ? schema_case(t, body) : NULL;
    snprintf(kind, kind_size, "%s", set ? set : "message");
    snprintf(name, name_size, "%s", kind);
    if (!set)
        return;
    for (uint32_t f = 0; f < schema_fields(t); f++) {
        struct schema_field field, first;
        if (!schema_field(t, f, &field) || !field.message ||
            !schema_field(field.message, 0, &first))
            continue;
        char path[96];
        double number;
        snprintf(path, sizeof path, "%s.%s", field.name, first.name);
        if (first.repeated || first.message || !schema_number(t, body, path, &number))
            continue;
        if (number >= 0 && number < 1e9)
            snprintf(name, name_size, "%.20s %" PRIu64, kind, (uint64_t)number);
        return;
    }
}

static int message_style(const char *kind)
{
    static const struct {
        const char *part;
        int style;
    } styles[] = {
        {"Beat", STYLE_BEAT},     {"Ping", STYLE_BEAT},    {"Ack", STYLE_BEAT},
        {"Vote", STYLE_VOTE},     {"Prepare", STYLE_VOTE}, {"Commit", STYLE_CONTROL},
        {"Abort", STYLE_CONTROL}, {"Append", STYLE_DATA},  {"Data", STYLE_DATA},
        {"Write", STYLE_DATA},    {"Gossip", STYLE_DATA},  {"Sync", STYLE_DATA},
    };
    for (size_t i = 0; i < sizeof styles / sizeof styles[0]; i++)
        if (strstr(kind, styles[i].part))
            return styles[i].style;
    return STYLE_REQUEST;
}

static bool is_dead(const struct model *m, uint32_t node)
{
    return node < m->lanes.n && m->lanes.lanes[node].state == LANE_DEAD;
}

static uint64_t send_row(struct model *m, const struct entry *e, const Orrery__Send *send,
                         const char *kind, const char *name)
{
    struct row *r = model_add(m, ROW_MESSAGE, e);
    r->style = (uint8_t)message_style(kind);
    row_text(r, "%s", name);
    for (size_t i = 0; i < send->n_to && i < LANES_MAX; i++)
        row_head(r, send->to[i], is_dead(m, send->to[i]) ? HEAD_DEAD : HEAD_FLYING);
    return r->id;
}

void model_send(struct model *m, const struct entry *e)
{
    if (e->node >= m->lanes.n || m->silent)
        return;
    Orrery__Send *send = orrery__send__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!send)
        return;
    struct lane *lane = &m->lanes.lanes[e->node];
    char kind[32], name[64];
    name_message(lane, e, bytes_of(send->body.data, send->body.len), kind, sizeof kind, name,
                 sizeof name);
    bool news = model_news(m, e->node, hash_text(kind), e->head.mono_ns);
    enum terminal_level level = model_level(m, e);
    struct pending *p = pending_slot(m, e->node, e->boot, e->head.seq);
    *p = (struct pending){e->node, e->boot, e->head.seq, e->head.mono_ns, 0, ""};
    snprintf(p->name, sizeof p->name, "%.*s", (int)sizeof p->name - 1, name);
    if (level >= TERMINAL_MESSAGES || (level == TERMINAL_ROUNDS && news)) {
        p->row = send_row(m, e, send, kind, name);
    } else if (level == TERMINAL_ROUNDS) {
        struct fold *f = model_fold(m, e);
        fold_sent(f, e->node, kind);
        for (size_t i = 0; i < send->n_to; i++)
            if (is_dead(m, send->to[i]))
                fold_lost(f, send->to[i], -1);
    }
    orrery__send__free_unpacked(send, NULL);
}

static struct head *head_of(struct row *r, uint32_t lane)
{
    for (uint32_t i = 0; r && i < r->n_heads; i++)
        if (r->heads[i].lane == lane)
            return &r->heads[i];
    return NULL;
}

/* When the message was sent, if that is known at all. */
static bool sent_at(struct model *m, const struct entry *e, const struct pending *p, uint64_t *ns)
{
    struct entry cause;
    if (p) {
        *ns = p->mono_ns;
        return true;
    }
    if (!e->cause || !m->source.ops->get(m->source.ctx, e->cause, &cause))
        return false;
    *ns = cause.head.mono_ns;
    return true;
}

static struct row *arrival_row(struct model *m, const struct entry *e, const struct pending *p,
                               uint32_t from, uint32_t to, struct head outcome)
{
    struct row *sent = p ? model_by_id(m, p->row) : NULL;
    struct row *r = model_add(m, ROW_ARRIVAL, e);
    r->lane = from;
    r->style = p ? (uint8_t)message_style(p->name) : STYLE_INK;
    row_text(r, "%s", p ? p->name : "a message");
    struct head *h = row_head(r, to, HEAD_ARRIVED);
    *h = outcome;
    if (sent && !m->silent)
        model_fly(m, p->row, r->id, from, to);
    return r;
}

/* Per link; in a crowd, where a busy machine makes many late, only now and then. */
static bool late_is_news(struct model *m, const struct entry *e, uint32_t from)
{
    bool crowd = m->lanes.n > CROWD;
    uint32_t key = hash(crowd ? 0 : from, 7, 0);
    return model_news(m, crowd ? 0 : e->node, key, e->head.mono_ns);
}

void model_receive(struct model *m, const struct entry *e)
{
    uint32_t from = e->head.peer;
    lanes_heard(&m->lanes, e->node, from, e->ordinal, e->head.mono_ns);
    if (m->silent || e->node >= m->lanes.n)
        return;
    /* A copy: model_get() may not be called while the entry is used. */
    struct entry here = *e;
    struct pending *p = pending_find(m, &here.head);
    uint64_t sent_ns = 0, latency = UINT64_MAX;
    enum terminal_level level = model_level(m, &here);
    if (level == TERMINAL_MARKS)
        return;
    if (sent_at(m, &here, p, &sent_ns))
        latency = here.head.mono_ns > sent_ns ? here.head.mono_ns - sent_ns : 0;
    uint64_t bound =
        latency != UINT64_MAX && m->source.ops->uncertain
            ? m->source.ops->uncertain(m->source.ctx, from, here.node, sent_ns, latency)
            : 0;
    struct head arrived = {here.node, HEAD_ARRIVED, 0, here.ordinal, latency, bound};
    struct head *h = head_of(p ? model_by_id(m, p->row) : NULL, here.node);
    bool near = latency < (level == TERMINAL_ROUNDS ? late_ns : near_ns);
    bool late = latency != UINT64_MAX && !near && late_is_news(m, &here, from);
    if (h && h->outcome == HEAD_FLYING && (near || (level == TERMINAL_ROUNDS && !late))) {
        *h = arrived;
        return;
    }
    if (h && h->outcome == HEAD_FLYING) {
        h->outcome = HEAD_LATE;
        h->ordinal = here.ordinal;
        h->latency_ns = latency;
        h->bound_ns = bound;
    }
    if (h || level >= TERMINAL_MESSAGES || late)
        arrival_row(m, &here, p, from, here.node, arrived);
    else
        fold_received(model_fold(m, &here), here.node, latency);
}

void model_drop(struct model *m, const struct entry *e)
{
    Orrery__Drop *drop = orrery__drop__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!drop)
        return;
    struct entry here = *e;
    uint32_t from = drop->from, to = drop->to;
    int reason = (int)drop->reason;
    orrery__drop__free_unpacked(drop, NULL);
    enum terminal_level level = model_level(m, &here);
    if (level == TERMINAL_MARKS || m->silent || from >= m->lanes.n)
        return;
    struct pending *p = pending_find(m, &here.head);
    struct head lost = {to, HEAD_LOST, (uint8_t)reason, here.ordinal, UINT64_MAX, 0};
    struct head *h = head_of(p ? model_by_id(m, p->row) : NULL, to);
    if (h && h->outcome == HEAD_FLYING && here.head.mono_ns < p->mono_ns + near_ns) {
        *h = lost;
        return;
    }
    if (h && h->outcome == HEAD_FLYING)
        h->outcome = HEAD_LATE;
    bool news = model_news(m, from, hash(to, (uint64_t)reason, 11), here.head.mono_ns);
    if (h || level >= TERMINAL_MESSAGES || news)
        arrival_row(m, &here, p, from, to, lost);
    else
        fold_lost(model_fold(m, &here), to, reason);
}
