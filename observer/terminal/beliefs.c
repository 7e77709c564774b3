#include "terminal/beliefs.h"

#include "base/check.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { GLYPH_SUSPECTS = '!', GLYPH_DEAD = 0x2020, GLYPH_TRUSTS = 0x2713, GLYPH_MOVES = 0x25c7 };
enum { DETECTOR_FIXED, DETECTOR_PHI, DETECTOR_ADAPTIVE, DETECTOR_LINK, DETECTORS };

static const char *const detector_names[DETECTORS] = {"fixed", "phi", "adaptive", "link"};

void time_words(uint64_t ns, char into[24])
{
    double ms = (double)ns / 1e6;
    if (ns == UINT64_MAX)
        snprintf(into, 24, "?");
    else if (ms < 10)
        snprintf(into, 24, "%.2f ms", ms);
    else if (ms < 999.5)
        snprintf(into, 24, "%.0f ms", ms);
    else if (ms < 100000)
        snprintf(into, 24, "%.2f s", ms / 1000);
    else
        snprintf(into, 24, "%.0f s", ms / 1000);
}

/* What a state's name says of the peer that it is about. */
enum meaning { MEANS_NOTHING, MEANS_UNKNOWN, MEANS_ALIVE, MEANS_SUSPECTED, MEANS_DEAD };

static enum meaning meaning_of(const char *state)
{
    static const struct {
        const char *name;
        enum meaning meaning;
    } words[] = {
        {"unknown", MEANS_UNKNOWN}, {"trusted", MEANS_ALIVE},       {"alive", MEANS_ALIVE},
        {"up", MEANS_ALIVE},        {"suspected", MEANS_SUSPECTED}, {"suspect", MEANS_SUSPECTED},
        {"dead", MEANS_DEAD},       {"failed", MEANS_DEAD},         {"faulty", MEANS_DEAD},
        {"down", MEANS_DEAD},
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (strcasecmp(words[i].name, state) == 0)
            return words[i].meaning;
    return MEANS_NOTHING;
}

static const Orrery__Instance *instance_of(const Orrery__Start *s, uint32_t number)
{
    for (size_t i = 0; s && i < s->n_instances; i++)
        if (s->instances[i]->number == number)
            return s->instances[i];
    return NULL;
}

/* The detector whose opinion moves a peer's state, by the settings of the node's start. */
static uint32_t deciding(const Orrery__Instance *instance)
{
    for (size_t i = 0; instance && i < instance->n_settings; i++) {
        const Orrery__KeyValue *s = instance->settings[i];
        for (uint32_t d = 0; strcmp(s->key, "detector") == 0 && d < DETECTORS; d++)
            if (strncasecmp(s->value, detector_names[d], strlen(detector_names[d])) == 0)
                return d;
    }
    return DETECTOR_FIXED;
}

/* The i-th newest opinion of this step: only those can be the reason. NULL past the last. */
static const struct opinion *opinion_at(const struct lane *lane, uint32_t i, uint64_t at_ns)
{
    if (i >= lane->n_opinions || i >= LANE_OPINIONS_MAX)
        return NULL;
    const struct opinion *o = &lane->opinions[(lane->n_opinions - 1 - i) % LANE_OPINIONS_MAX];
    return o->at_ns == at_ns ? o : NULL;
}

static const struct opinion *opinion_of(const struct lane *lane, uint32_t peer, uint64_t at_ns,
                                        uint32_t detector)
{
    const struct opinion *found = NULL, *o;
    for (uint32_t i = 0; (o = opinion_at(lane, i, at_ns)) != NULL; i++)
        if (o->peer == peer && o->suspected && (!found || o->detector == detector))
            found = o;
    return found;
}

static uint64_t opinion_detail_of(uint32_t peer, uint32_t detector, bool suspected)
{
    return (UINT64_C(1) << 62) + (uint64_t)peer * 64 + (detector & 31) * 2 + suspected;
}

/* " 1.02 s after the kill", of a row that several share " 0.98 to 1.02 s after the kill"; where
 * nothing befell the peer, it may have befallen the one who suspects it. */
static void since_words(const struct model *m, uint32_t peer, const struct row *r, char *into,
                        size_t size)
{
    into[0] = 0;
    if (peer >= m->lanes.n || r->lane >= m->lanes.n)
        return;
    const struct lane *p = &m->lanes.lanes[peer], *own = &m->lanes.lanes[r->lane];
    const struct lane *ill = p->ill[0] ? p : own;
    char first[24], last[24];
    if (ill->ill[0] && r->from_ns >= ill->ill_ns) {
        time_words(r->from_ns - ill->ill_ns, first);
        time_words(r->to_ns - ill->ill_ns, last);
        char *unit = strchr(first, ' '), *same = strchr(last, ' ');
        if (strcmp(first, last) == 0)
            first[0] = 0;
        else if (unit && same && strcmp(unit, same) == 0)
            *unit = 0;
        snprintf(into, size, " %s%s%s after the %s", first, first[0] ? " to " : "", last, ill->ill);
    } else if (p->state == LANE_RUNNING) {
        snprintf(into, size, ", which runs");
    }
}

static void evidence_words(const struct opinion *o, char *into, size_t size)
{
    char silent[24], limit[24];
    time_words(o->silent_ns, silent);
    time_words(o->limit_ns, limit);
    if (o->detector == DETECTOR_LINK)
        snprintf(into, size, "its connection broke");
    else if (o->detector == DETECTOR_PHI)
        snprintf(into, size, "silent %s, phi %.1f", silent, o->level);
    else
        snprintf(into, size, "silent %s, limit %s (%s)", silent, limit,
                 o->detector < DETECTORS ? detector_names[o->detector] : "its own");
}

static bool is_of_step(const struct lane *lane, uint64_t ordinal, uint64_t at_ns)
{
    const struct opinion *o;
    for (uint32_t i = 0; (o = opinion_at(lane, i, at_ns)) != NULL; i++)
        if (o->ordinal == ordinal)
            return true;
    return false;
}

/* Opinions of the step that moves the state are told with the move: their own marks go. */
static void take_back(struct model *m, const struct lane *lane, uint32_t peer, uint64_t at_ns)
{
    while (m->n && !m->silent) {
        struct row *last = &m->rows[m->n - 1];
        if (last->kind != ROW_MARK || last->detail >> 6 != opinion_detail_of(peer, 0, false) >> 6)
            return;
        if (last->n_heads && is_of_step(lane, last->heads[last->n_heads - 1].ordinal, at_ns))
            last->n_heads--;
        else if (!last->n_heads && is_of_step(lane, last->entry, at_ns))
            model_remove_last(m);
        else
            return;
    }
}

/* Those who come to believe the same of a peer at nearly the same time share a row. */
static uint64_t shared_detail(const struct model *m, const struct entry *e, uint32_t peer,
                              uint64_t belief)
{
    if (model_level(m, e) >= TERMINAL_MESSAGES)
        return 0;
    return (UINT64_C(1) << 61) + peer * UINT64_C(4) + belief;
}

static const char *plural(const struct row *r, const char *one, const char *many)
{
    return r->n_heads ? many : one;
}

static void suspicion_row(struct model *m, const struct entry *e, uint32_t peer, uint32_t detector)
{
    const struct lane *lane = &m->lanes.lanes[e->node];
    const struct opinion *o = opinion_of(lane, peer, e->head.mono_ns, detector);
    const char *name = lanes_name(&m->lanes, peer);
    char since[64], why[96] = "", last[48] = "", names[128];
    take_back(m, lane, peer, e->head.mono_ns);
    if (o)
        evidence_words(o, why, sizeof why);
    struct row *r =
        moment_mark(m, e, GLYPH_SUSPECTS, STYLE_FAULT | STYLE_BOLD, shared_detail(m, e, peer, 0));
    moment_who(m, r, names, sizeof names);
    since_words(m, peer, r, since, sizeof since);
    if (!r->because && o)
        r->because = o->heard;
    if (r->because)
        snprintf(last, sizeof last, "; last heard e%" PRIu64, r->because);
    snprintf(r->brief, sizeof r->brief, "%.12s", name);
    row_text(r, "%s suspect%s %s%s%s%s%s", names, plural(r, "s", ""), name, since, *why ? ": " : "",
             why, last);
    story_belief(m, e, peer, STORY_SUSPECTED);
}

static void death_row(struct model *m, const struct entry *e, uint32_t peer)
{
    char since[64], names[128];
    const char *name = lanes_name(&m->lanes, peer);
    struct row *r =
        moment_mark(m, e, GLYPH_DEAD, STYLE_FAULT | STYLE_BOLD, shared_detail(m, e, peer, 1));
    moment_who(m, r, names, sizeof names);
    since_words(m, peer, r, since, sizeof since);
    snprintf(r->brief, sizeof r->brief, "%.12s", name);
    row_text(r, "%s call%s %s dead%s", names, plural(r, "s", ""), name, since);
    if (!r->because)
        r->because = story_suspicion(m, e->node, peer);
    story_belief(m, e, peer, STORY_DEAD);
}

static void trust_row(struct model *m, const struct entry *e, uint32_t peer, bool first)
{
    const char *name = lanes_name(&m->lanes, peer);
    if (first && model_level(m, e) < TERMINAL_MESSAGES)
        return; /* Everybody meets everybody: no news. */
    uint64_t heard = lanes_heard_last(&m->lanes, e->node, peer, UINT64_MAX);
    char names[128], last[48] = "";
    struct row *r = moment_mark(m, e, GLYPH_TRUSTS, first ? STYLE_INK : STYLE_PROVEN,
                                shared_detail(m, e, peer, 2));
    moment_who(m, r, names, sizeof names);
    snprintf(r->brief, sizeof r->brief, "%.12s", name);
    if (heard)
        snprintf(last, sizeof last, ": heard it in e%" PRIu64, heard);
    row_text(r, "%s trust%s %s%s%s", names, plural(r, "s", ""), name, first ? "" : " again", last);
    r->because = heard;
    if (!first)
        story_belief(m, e, peer, STORY_CLEARED);
}

static void move_words(struct model *m, const struct entry *e, const Orrery__Move *move,
                       const char *machine, const char *from, const char *to)
{
    char of[40] = "";
    if (move->of)
        snprintf(of, sizeof of, " %.24s", lanes_name(&m->lanes, move->of));
    struct row *r = moment_mark(m, e, GLYPH_MOVES, STYLE_BRASS, 0);
    snprintf(r->brief, sizeof r->brief, "%.12s", to);
    row_text(r, "%s %s%s: %s \xe2\x86\x92 %s", lanes_name(&m->lanes, e->node), machine, of, from,
             to);
}

void belief_move(struct model *m, const struct entry *e)
{
    Orrery__Move *move = orrery__move__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!move || e->node >= m->lanes.n) {
        if (move)
            orrery__move__free_unpacked(move, NULL);
        return;
    }
    const Orrery__Start *s = m->source.ops->start_of(m->source.ctx, e->node, e->boot);
    const Orrery__Instance *i = instance_of(s, e->head.instance);
    const Orrery__Machine *k =
        i && move->machine < i->n_machines ? i->machines[move->machine] : NULL;
    const char *from = k && move->from < k->n_states ? k->states[move->from] : "?";
    const char *to = k && move->to < k->n_states ? k->states[move->to] : "?";
    enum meaning was = meaning_of(from), is = meaning_of(to);
    bool peers = move->of && move->of < m->lanes.n && was != MEANS_NOTHING && is != MEANS_NOTHING;
    if (peers && is == MEANS_SUSPECTED)
        suspicion_row(m, e, move->of, deciding(i));
    else if (peers && is == MEANS_DEAD)
        death_row(m, e, move->of);
    else if (peers && is == MEANS_ALIVE)
        trust_row(m, e, move->of, was == MEANS_UNKNOWN);
    else if (!peers || model_level(m, e) >= TERMINAL_MESSAGES)
        move_words(m, e, move, k ? k->name : "machine", from, to);
    orrery__move__free_unpacked(move, NULL);
}

static double number(const struct schema_type *t, struct bytes body, const char *path)
{
    double value = 0;
    return schema_number(t, body, path, &value) && isfinite(value) ? value : 0;
}

static uint64_t whole(double value)
{
    return value > 0 && value < 1e18 ? (uint64_t)value : 0;
}

/* heartbeat.Opinion: kept as the reason of the move that may follow, and a mark of its own, which
 * lanes of the same opinion share: the detectors' race. */
static void opinion_row(struct model *m, const struct entry *e, const struct schema_type *t,
                        struct bytes body)
{
    struct lane *lane = &m->lanes.lanes[e->node];
    struct opinion o = {
        .peer = (uint32_t)whole(number(t, body, "peer")),
        .detector = (uint32_t)whole(number(t, body, "detector")),
        .suspected = number(t, body, "suspected") > 0,
        .silent_ns = whole(number(t, body, "silent_ns")),
        .level = number(t, body, "level"),
        .expected_ns = whole(number(t, body, "expected_ns")),
        .deviation_ns = whole(number(t, body, "deviation_ns")),
        .limit_ns = whole(number(t, body, "limit_ns")),
        .at_ns = e->head.mono_ns,
        .ordinal = e->ordinal,
    };
    /* Before the silence: the step that ends it may have received something already. */
    uint64_t half = o.silent_ns / 2;
    o.heard = lanes_heard_last(&m->lanes, e->node, o.peer, o.at_ns > half ? o.at_ns - half : 0);
    lane->opinions[lane->n_opinions++ % LANE_OPINIONS_MAX] = o;
    enum terminal_level level = model_level(m, e);
    if (m->silent || level < TERMINAL_ROUNDS || (!o.suspected && level < TERMINAL_MESSAGES))
        return;
    struct row *r =
        moment_mark(m, e, '?', STYLE_BRASS, opinion_detail_of(o.peer, o.detector, o.suspected));
    char names[128], why[96], since[64];
    moment_who(m, r, names, sizeof names);
    since_words(m, o.peer, r, since, sizeof since);
    evidence_words(&o, why, sizeof why);
    const char *detector = o.detector < DETECTORS ? detector_names[o.detector] : "a detector";
    const char *peer = lanes_name(&m->lanes, o.peer);
    snprintf(r->brief, sizeof r->brief, "%.12s", detector);
    r->because = o.heard;
    if (o.suspected)
        row_text(r, "%s at %s doubts %s%s: %s", detector, names, peer, since, why);
    else
        row_text(r, "%s at %s no longer doubts %s", detector, names, peer);
}

static const char *last_name(const char *full)
{
    const char *dot = strrchr(full, '.');
    return dot ? dot + 1 : full;
}

static uint32_t hash_bytes(uint32_t h, struct bytes b)
{
    for (size_t i = 0; i < b.len; i++)
        h = (h ^ b.base[i]) * 16777619u;
    return h;
}

static void trace_row(struct model *m, const struct entry *e, const char *type, struct bytes body)
{
    enum terminal_level level = model_level(m, e);
    /* Per message, or per request: too many even as counts. */
    bool small = strcmp(type, "heartbeat.Gap") == 0 || strncmp(type, "history.", 8) == 0;
    if (m->silent || level < (small ? TERMINAL_ALL : TERMINAL_ROUNDS))
        return;
    uint32_t key = hash_bytes(2166136261u, bytes_str(type));
    if (level == TERMINAL_ROUNDS && !model_news(m, e->node, key, e->head.mono_ns)) {
        fold_other(model_fold(m, e), e->node, last_name(type));
        return;
    }
    bool shared = level == TERMINAL_ROUNDS;
    uint64_t detail = (UINT64_C(1) << 60) + hash_bytes(key, body);
    struct entry here = *e;
    struct row *r = moment_mark(m, &here, GLYPH_MOVES, STYLE_INK, shared ? detail : 0);
    snprintf(r->brief, sizeof r->brief, "%.12s", last_name(type));
    moment_described(m, &here, r);
}

void belief_trace(struct model *m, const struct entry *e)
{
    const Orrery__Start *s = m->source.ops->start_of(m->source.ctx, e->node, e->boot);
    Orrery__Trace *trace = orrery__trace__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!trace || e->node >= m->lanes.n) {
        if (trace)
            orrery__trace__free_unpacked(trace, NULL);
        return;
    }
    const char *type = s && trace->type < s->n_types ? s->types[trace->type] : "a trace";
    const struct schema *schema = m->source.ops->schema(m->source.ctx);
    const struct schema_type *t = schema ? schema_find(schema, type) : NULL;
    struct bytes body = bytes_of(trace->body.data, trace->body.len);
    if (t && strcmp(type, "heartbeat.Opinion") == 0)
        opinion_row(m, e, t, body);
    else
        trace_row(m, e, type, body);
    orrery__trace__free_unpacked(trace, NULL);
}
