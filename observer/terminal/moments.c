/* What befalls a lane: commands, processes starting and ending, holes, and the smaller things. */
#include "base/check.h"
#include "base/wire.h"
#include "terminal/beliefs.h"
#include "terminal/resp.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum glyph_codes {
    GLYPH_KILLED = 0x2717,
    GLYPH_STARTS = 0x25d0,
    GLYPH_ENDS = 0x25a0,
    GLYPH_PAUSED = 0x2016,
    GLYPH_RESUMED = 0x25b6,
    GLYPH_HOLE = 0x2248,
    GLYPH_NOTE = 0x25c6,
    GLYPH_SMALL = 0x25e6,
    GLYPH_DISK = 0x25aa,
    GLYPH_REQUEST = 0x25b7,
    GLYPH_REPLY = 0x25c1,
};

static const uint64_t merge_ns = 300000000; /* So close, lanes that do the same share a row. */

static bool is_about(const struct row *r, uint32_t lane)
{
    if (r->lane == lane)
        return true;
    for (uint32_t i = 0; i < r->n_heads; i++)
        if (r->heads[i].lane == lane)
            return true;
    return false;
}

/* The row of other lanes that says the same; between it and the end only marks that this lane has
 * no part in, so nothing is told before what came before it. */
static struct row *alike(struct model *m, const struct entry *e, uint64_t detail)
{
    for (size_t i = m->n; i > 0; i--) {
        struct row *r = &m->rows[i - 1];
        if (r->kind != ROW_MARK || is_about(r, e->node) || e->head.mono_ns >= r->from_ns + merge_ns)
            return NULL;
        if (r->detail == detail)
            return r;
    }
    return NULL;
}

/* A row for an event of its lane; lanes that say the same at nearly the same time share one. */
static struct row *mark(struct model *m, const struct entry *e, uint32_t glyph, int style,
                        uint64_t detail)
{
    struct row *last = detail && !m->silent ? alike(m, e, detail) : NULL;
    uint64_t at = e->head.mono_ns;
    if (last) {
        row_head(last, e->node, HEAD_MARK)->ordinal = e->ordinal;
        last->last = e->ordinal;
        last->to_ns = at > last->to_ns ? at : last->to_ns;
        return last;
    }
    struct row *r = model_add(m, ROW_MARK, e);
    r->glyph = glyph;
    r->style = (uint8_t)style;
    r->detail = detail;
    return r;
}

struct row *moment_mark(struct model *m, const struct entry *e, uint32_t glyph, int style,
                        uint64_t detail)
{
    return mark(m, e, glyph, style, detail);
}

static bool merged(const struct row *r)
{
    return r->n_heads > 0;
}

/* "n1", "n1 n3", "n1 n3 n4 and 7 more" */
static void who(const struct model *m, const struct row *r, char *into, size_t size)
{
    int n = snprintf(into, size, "%s", lanes_name(&m->lanes, r->lane));
    for (uint32_t i = 0; i < r->n_heads && n > 0 && (size_t)n < size; i++) {
        if (i == 5 && r->n_heads > 6) {
            snprintf(into + n, size - (size_t)n, " and %u more", r->n_heads - 5);
            return;
        }
        n += snprintf(into + n, size - (size_t)n, " %s", lanes_name(&m->lanes, r->heads[i].lane));
    }
}

void moment_who(const struct model *m, const struct row *r, char *into, size_t size)
{
    who(m, r, into, size);
}

static void set_state(struct model *m, uint32_t node, enum lane_state state, const struct row *r)
{
    struct lane *lane = lanes_of(&m->lanes, node);
    if (lane && node)
        lane_set_state(lane, state, m->silent ? 0 : r->id);
}

static void each_ill(struct model *m, const struct entry *e, const uint32_t *nodes, size_t n,
                     const char *by, const char *told)
{
    for (size_t i = 0; i < n; i++) {
        struct lane *lane = lanes_of(&m->lanes, nodes[i]);
        if (!lane || lane->state == LANE_DEAD)
            continue;
        lane_set_ill(lane, by, e->head.mono_ns, e->ordinal);
        story_begin(m, nodes[i], told, e->head.mono_ns, e->ordinal);
    }
}

static void each_well(struct model *m, const uint32_t *nodes, size_t n, const char *by,
                      uint64_t at_ns)
{
    for (size_t i = 0; i < n; i++) {
        struct lane *lane = lanes_of(&m->lanes, nodes[i]);
        if (!lane || strcmp(lane->ill, by) != 0)
            continue;
        lane->ill[0] = 0;
        story_over(m, nodes[i], at_ns);
    }
}

static void all_well(struct model *m, const char *by, uint64_t at_ns)
{
    for (uint32_t i = 1; i < m->lanes.n; i++)
        each_well(m, &i, 1, by, at_ns);
}

static void cut_nodes(struct model *m, const struct entry *e, const Orrery__Cut *cut)
{
    /* The smaller side is the one that a reader would call cut off. */
    if (cut->n_a <= cut->n_b)
        each_ill(m, e, cut->a, cut->n_a, "cut", "cut off");
    else
        each_ill(m, e, cut->b, cut->n_b, "cut", "cut off");
}

/* What a command does to the lanes' states at once; what the system does to them comes as events.
 */
static void obey(struct model *m, const struct entry *e, const Orrery__Command *c, struct row *r)
{
    uint64_t at = e->head.mono_ns;
    switch (c->verb_case) {
    case ORRERY__COMMAND__VERB_RESTART:
        r->glyph = GLYPH_STARTS;
        break;
    case ORRERY__COMMAND__VERB_STOP:
        r->glyph = GLYPH_ENDS;
        break;
    case ORRERY__COMMAND__VERB_LINK:
        r->glyph = GLYPH_HOLE;
        break;
    case ORRERY__COMMAND__VERB_KILL:
        r->glyph = GLYPH_KILLED;
        each_ill(m, e, c->kill->nodes, c->kill->n_nodes, "kill", "killed");
        break;
    case ORRERY__COMMAND__VERB_POWER:
        r->glyph = GLYPH_KILLED;
        each_ill(m, e, c->power->nodes, c->power->n_nodes, "power cut", "without power");
        break;
    case ORRERY__COMMAND__VERB_PAUSE:
        r->glyph = GLYPH_PAUSED;
        each_ill(m, e, c->pause->nodes, c->pause->n_nodes, "pause", "paused");
        for (size_t i = 0; i < c->pause->n_nodes; i++)
            if (c->pause->nodes[i] < m->lanes.n &&
                m->lanes.lanes[c->pause->nodes[i]].state == LANE_RUNNING)
                set_state(m, c->pause->nodes[i], LANE_PAUSED, r);
        break;
    case ORRERY__COMMAND__VERB_RESUME:
        r->glyph = GLYPH_RESUMED;
        each_well(m, c->resume->nodes, c->resume->n_nodes, "pause", at);
        for (size_t i = 0; i < c->resume->n_nodes; i++)
            if (c->resume->nodes[i] < m->lanes.n &&
                m->lanes.lanes[c->resume->nodes[i]].state == LANE_PAUSED)
                set_state(m, c->resume->nodes[i], LANE_RUNNING, r);
        break;
    case ORRERY__COMMAND__VERB_CUT:
        r->glyph = '/';
        cut_nodes(m, e, c->cut);
        break;
    case ORRERY__COMMAND__VERB_HEAL:
        r->glyph = '=';
        if (c->heal->n_nodes)
            each_well(m, c->heal->nodes, c->heal->n_nodes, "cut", at);
        else
            all_well(m, "cut", at);
        break;
    default:
        break;
    }
}

static void operator_row(struct model *m, const struct entry *e)
{
    Orrery__Operator *o = orrery__operator__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!o)
        return;
    struct row *r = model_add(m, ROW_OPERATOR, e);
    r->lane = 0;
    r->style = STYLE_FAULT;
    r->glyph = GLYPH_NOTE;
    row_text(r, "%s", o->line && *o->line ? o->line : "a command");
    for (size_t i = 0; i < o->n_nodes && i < LANES_MAX; i++)
        row_head(r, o->nodes[i], HEAD_MARK);
    if (o->command)
        obey(m, e, o->command, r);
    /* What the nodes do next is worth seeing once more, even if they did it all the time. */
    for (uint32_t i = 0; i < m->lanes.n; i++)
        lane_renew_habits(&m->lanes.lanes[i]);
    orrery__operator__free_unpacked(o, NULL);
}

static void spawn_row(struct model *m, const struct entry *e)
{
    Orrery__Spawn *s = orrery__spawn__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!s)
        return;
    struct lane *lane = s->node ? lanes_of(&m->lanes, s->node) : NULL;
    if (lane) {
        lane_set_name(lane, s->name);
        if (model_level(m, e) >= TERMINAL_MESSAGES) {
            struct row *r = model_add(m, ROW_MARK, e);
            r->lane = s->node;
            r->glyph = GLYPH_STARTS;
            row_text(r, "%s is started: process %d", lane->name, s->pid);
            set_state(m, s->node, LANE_STARTING, r);
        } else {
            lane_set_state(lane, LANE_STARTING, m->silent ? 0 : m->next_id);
        }
    }
    orrery__spawn__free_unpacked(s, NULL);
}

void moment_learn(struct model *m, struct lane *lane, uint32_t boot, const Orrery__Start *s)
{
    snprintf(lane->group, sizeof lane->group, "%s", s->group);
    lane->types_boot = boot;
    lane_set_name(lane, s->name);
    memset(lane->messages, 0, sizeof lane->messages);
    const struct schema *schema = m->source.ops->schema(m->source.ctx);
    for (size_t i = 0; schema && i < s->n_instances && i < LANE_TYPES_MAX; i++) {
        const char *name = s->instances[i]->message_type;
        if (name && *name)
            lane->messages[i] = schema_find(schema, name);
    }
}

static void start_row(struct model *m, const struct entry *e)
{
    Orrery__Start *s = orrery__start__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!s)
        return;
    if (s->nodes && s->nodes < LANES_MAX)
        lanes_of(&m->lanes, s->nodes); /* Room for all from the start. */
    struct lane *lane = e->node ? lanes_of(&m->lanes, e->node) : NULL;
    if (lane) {
        moment_learn(m, lane, e->boot, s);
        lane_forget_habits(lane);
        lane->n_opinions = 0;
        lane->ill[0] = 0;
        lane->stopping = false;
        story_over(m, e->node, e->head.mono_ns);
        struct row *r = mark(m, e, GLYPH_STARTS, STYLE_INK, s->boot <= 1 ? 1 : 0);
        char names[128];
        who(m, r, names, sizeof names);
        const char *protocol = s->n_instances ? s->instances[0]->protocol : "";
        if (s->boot > 1)
            row_text(r, "%s runs again: life %u", names, s->boot);
        else
            row_text(r, "%s run%s%s%s", names, merged(r) ? "" : "s", *protocol ? " " : "",
                     protocol);
        set_state(m, e->node, LANE_RUNNING, r);
    }
    orrery__start__free_unpacked(s, NULL);
}

static void exit_words(struct row *r, const Orrery__Exit *x, bool stopped, const char *names)
{
    const char *asked = x->because || stopped ? "" : ", and nobody asked";
    const char *is = merged(r) ? "are" : "is";
    const char *last = x->n_words ? x->words[x->n_words - 1] : "";
    const char *colon = *last ? ": " : "";
    if (x->unseen)
        row_text(r, "%s %s out of reach%s%s", names, is, colon, last);
    else if (x->signal == 9 && x->lost_bytes)
        row_text(r, "%s %s dead, %" PRIu64 " unsynced bytes lost", names, is, x->lost_bytes);
    else if (x->signal == 9)
        row_text(r, "%s %s dead: SIGKILL%s", names, is, asked);
    else if (x->signal)
        row_text(r, "%s %s dead: signal %d%s%s%s", names, is, x->signal, asked, colon, last);
    else if (x->code)
        row_text(r, "%s ended with code %d%s%s%s", names, x->code, asked, colon, last);
    else
        row_text(r, "%s ended%s", names, asked);
}

static void exit_row(struct model *m, const struct entry *e)
{
    Orrery__Exit *x = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!x)
        return;
    struct lane *lane = x->node ? lanes_of(&m->lanes, x->node) : NULL;
    if (lane) {
        bool crash = x->signal || x->code;
        struct entry there = *e;
        there.node = x->node; /* It is told on lane 0, of another. */
        uint64_t detail = 0x10000 + (uint64_t)(uint16_t)x->signal * 2 + !!x->because;
        struct row *r = mark(m, &there, crash ? GLYPH_KILLED : GLYPH_ENDS,
                             crash ? STYLE_FAULT : STYLE_INK, crash ? 0 : detail);
        char names[128];
        who(m, r, names, sizeof names);
        exit_words(r, x, lane->stopping, names);
        if (!lane->ill[0] || strcmp(lane->ill, "cut") == 0) {
            lane_set_ill(lane, crash ? "crash" : "end", e->head.mono_ns, e->ordinal);
            if (crash)
                story_begin(m, x->node, x->because ? "killed" : "crashed", e->head.mono_ns,
                            e->ordinal);
        }
        r->because = e->cause;
        set_state(m, x->node, LANE_DEAD, r);
    }
    orrery__exit__free_unpacked(x, NULL);
}

/* In the words of the timeline; of a row that lanes share, with the names of all. */
static void described(struct model *m, const struct entry *e, struct row *r)
{
    struct buf text = {0};
    char names[128];
    const char *own = lanes_name(&m->lanes, e->node);
    size_t skip = 0;
    m->source.ops->describe(m->source.ctx, e, &text);
    buf_append(&text, bytes_of("", 1));
    const char *words = (const char *)text.base;
    moment_who(m, r, names, sizeof names);
    if (merged(r) && strncmp(words, own, strlen(own)) == 0)
        skip = strlen(own);
    row_text(r, "%s%.900s", skip ? names : "", words + skip);
    buf_free(&text);
}

static void stop_row(struct model *m, const struct entry *e)
{
    struct lane *lane = lanes_of(&m->lanes, e->node);
    if (!lane || !e->node)
        return;
    lane->stopping = true;
    if (m->silent || model_level(m, e) < TERMINAL_ROUNDS)
        return;
    Orrery__Stop *stop = orrery__stop__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!stop)
        return;
    struct row *r = mark(m, e, GLYPH_ENDS, STYLE_INK, stop->code ? 0 : 2);
    char names[128];
    who(m, r, names, sizeof names);
    row_text(r, "%s stop%s: %.200s", names, merged(r) ? "" : "s", stop->why);
    orrery__stop__free_unpacked(stop, NULL);
}

static void hole_row(struct model *m, const struct entry *e)
{
    Orrery__Hole *h = orrery__hole__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!h)
        return;
    struct entry there = *e;
    there.node = h->node;
    struct row *r = mark(m, &there, GLYPH_HOLE, STYLE_FAULT, 0);
    uint64_t n = h->to >= h->from ? h->to - h->from + 1 : 0;
    snprintf(r->brief, sizeof r->brief, "%u", (unsigned)(n < 9999 ? n : 9999));
    row_text(r, "%" PRIu64 " events of %s are missing: they did not fit its ring", n,
             lanes_name(&m->lanes, h->node));
    orrery__hole__free_unpacked(h, NULL);
}

/* How an event that is no fault and no message looks, and from which level on. */
struct look {
    uint32_t body;
    enum terminal_level level;
    bool folds; /* At level rounds, what repeats is counted, under this name. */
    const char *name;
    uint32_t glyph;
    int style;
};

static const struct look looks[] = {
    {ORRERY__EVENT__BODY_VIOLATION, TERMINAL_MARKS, false, "", '!', STYLE_FAULT},
    {ORRERY__EVENT__BODY_HALT, TERMINAL_MARKS, false, "", GLYPH_NOTE, STYLE_BRASS},
    {ORRERY__EVENT__BODY_LINK, TERMINAL_ROUNDS, true, "link", GLYPH_NOTE, STYLE_INK},
    {ORRERY__EVENT__BODY_SETTING, TERMINAL_MARKS, false, "", GLYPH_NOTE, STYLE_INK},
    {ORRERY__EVENT__BODY_ORDER, TERMINAL_MARKS, false, "", GLYPH_NOTE, STYLE_INK},
    {ORRERY__EVENT__BODY_HELD, TERMINAL_ROUNDS, true, "held", GLYPH_PAUSED, STYLE_BRASS},
    {ORRERY__EVENT__BODY_REQUEST, TERMINAL_ROUNDS, true, "request", GLYPH_REQUEST, STYLE_REQUEST},
    {ORRERY__EVENT__BODY_REPLY, TERMINAL_ROUNDS, true, "reply", GLYPH_REPLY, STYLE_REQUEST},
    {ORRERY__EVENT__BODY_APPEND, TERMINAL_ROUNDS, true, "append", GLYPH_DISK, STYLE_DATA},
    {ORRERY__EVENT__BODY_DURABLE, TERMINAL_ROUNDS, true, "sync", GLYPH_DISK, STYLE_PROVEN},
    {ORRERY__EVENT__BODY_SNAPSHOT, TERMINAL_ROUNDS, true, "snapshot", GLYPH_DISK, STYLE_DATA},
    {ORRERY__EVENT__BODY_TRUNCATE, TERMINAL_ROUNDS, true, "truncate", GLYPH_DISK, STYLE_DATA},
    {ORRERY__EVENT__BODY_RECOVERED, TERMINAL_ALL, false, "", GLYPH_DISK, STYLE_DATA},
    {ORRERY__EVENT__BODY_WRITTEN, TERMINAL_ALL, false, "", GLYPH_DISK, STYLE_FAINT},
    {ORRERY__EVENT__BODY_READ, TERMINAL_MESSAGES, false, "", GLYPH_DISK, STYLE_FAINT},
    {ORRERY__EVENT__BODY_DATA, TERMINAL_MESSAGES, false, "", GLYPH_DISK, STYLE_FAINT},
    {ORRERY__EVENT__BODY_CREDIT, TERMINAL_MESSAGES, false, "", GLYPH_SMALL, STYLE_FAINT},
    {ORRERY__EVENT__BODY_DISCONNECT, TERMINAL_MESSAGES, false, "", GLYPH_SMALL, STYLE_FAINT},
    {ORRERY__EVENT__BODY_WAKE, TERMINAL_ALL, false, "", GLYPH_SMALL, STYLE_FAINT},
    {ORRERY__EVENT__BODY_VIEW, TERMINAL_ALL, false, "", GLYPH_SMALL, STYLE_FAINT},
    {0, TERMINAL_ALL, false, "", GLYPH_SMALL, STYLE_FAINT}, /* Anything else. */
};

/* What a client of a RESP port and the node say to each other; false: not understood. */
static bool client_words(struct model *m, const struct entry *e, struct row *r)
{
    struct buf text = {0};
    const char *lane = lanes_name(&m->lanes, e->node);
    const struct bytes b = e->head.payload;
    bool said = false;
    if (e->head.body == ORRERY__EVENT__BODY_REQUEST) {
        Orrery__Request *q = orrery__request__unpack(NULL, b.len, b.base);
        said = q && resp_say(bytes_of(q->body.data, q->body.len), &text);
        if (said)
            row_text(r, "client %" PRIu64 " asks %s: %.*s", q->client, lane, (int)text.len,
                     (const char *)text.base);
        if (q)
            orrery__request__free_unpacked(q, NULL);
    } else if (e->head.body == ORRERY__EVENT__BODY_REPLY) {
        Orrery__Reply *a = orrery__reply__unpack(NULL, b.len, b.base);
        said = a && resp_say(bytes_of(a->body.data, a->body.len), &text);
        if (said)
            row_text(r, "%s answers client %" PRIu64 ": %.*s", lane, a->client, (int)text.len,
                     (const char *)text.base);
        if (a)
            orrery__reply__free_unpacked(a, NULL);
    }
    buf_free(&text);
    return said;
}

/* That a node was removed, the others hear all at once: they share a row. */
static uint64_t removal(const struct entry *e)
{
    struct wire_field peer, reason;
    bool link = e->head.body == ORRERY__EVENT__BODY_LINK;
    if (!link || !wire_find(e->head.payload, 3, &reason) ||
        reason.value != ORRERY__LINK_REASON__LINK_REMOVED || !wire_find(e->head.payload, 1, &peer))
        return 0;
    return 0x20000 + (peer.value & 0xffff);
}

static void other_row(struct model *m, const struct entry *e)
{
    const struct look *l = looks;
    while (l->body && l->body != e->head.body)
        l++;
    enum terminal_level level = model_level(m, e);
    if (m->silent || level < l->level)
        return;
    if (l->folds && level == TERMINAL_ROUNDS &&
        !model_news(m, e->node, e->head.body, e->head.mono_ns)) {
        fold_other(model_fold(m, e), e->node, l->name);
        return;
    }
    struct entry here = *e;
    struct row *r = mark(m, &here, l->glyph, l->style, removal(e));
    if (!client_words(m, &here, r))
        described(m, &here, r);
}

void moment_described(struct model *m, const struct entry *e, struct row *r)
{
    described(m, e, r);
}

void model_moment(struct model *m, const struct entry *e)
{
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_OPERATOR:
        operator_row(m, e);
        break;
    case ORRERY__EVENT__BODY_SPAWN:
        spawn_row(m, e);
        break;
    case ORRERY__EVENT__BODY_START:
        start_row(m, e);
        break;
    case ORRERY__EVENT__BODY_EXIT:
        exit_row(m, e);
        break;
    case ORRERY__EVENT__BODY_STOP:
        stop_row(m, e);
        break;
    case ORRERY__EVENT__BODY_HOLE:
        hole_row(m, e);
        break;
    case ORRERY__EVENT__BODY_MOVE:
        belief_move(m, e);
        break;
    case ORRERY__EVENT__BODY_TRACE:
        belief_trace(m, e);
        break;
    default:
        other_row(m, e);
        break;
    }
}
