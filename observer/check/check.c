#include "check/inner.h"

#include "base/check.h"
#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"proven", "nothing to judge", "unknown", "refuted"};
    return (unsigned)v < 4 ? names[v] : "unknown";
}

const char *check_invariant(size_t i)
{
    static const char *const all[] = {
        "backpropagation/gradient", "backpropagation/loss",        "backpropagation/symmetry",
        "heartbeat/completeness",   "heartbeat/accuracy",          "heartbeat/agreement",
        "history/durability",       "history/linearizable",        "history/reads",
        "kv/write-ahead",           "limiter/token-bucket",        "limiter/leaky-bucket",
        "limiter/fixed-window",     "limiter/sliding-log",         "limiter/sliding-counter",
        "limiter/shared-limit",     "limiter/no-needless-refusal", "lives/survival",
        "raft/election-safety",     "raft/leader-append-only",     "raft/log-matching",
        "raft/leader-completeness", "raft/state-machine-safety",   "raft/one-vote",
        "raft/commit-majority",     "raft/commit-own-term",        "raft/durable-log",
    };
    return i < sizeof all / sizeof all[0] ? all[i] : NULL;
}

struct check *check_new(void)
{
    struct check *c = must_alloc(1, sizeof *c);
    c->lives = lives_check_new(c);
    c->heartbeat = heartbeat_check_new(c);
    c->clients = clients_check_new(c);
    c->durable = durable_check_new(c);
    c->write_ahead = write_ahead_check_new(c);
    c->limiter = limiter_check_new(c);
    c->learning = learning_check_new(c);
    c->raft = raft_check_new(c);
    return c;
}

static void forget_start(struct subject *s)
{
    if (s->start)
        orrery__start__free_unpacked(s->start, NULL);
    s->start = NULL;
    s->told = false;
    memset(s->kinds, 0, sizeof s->kinds);
}

void check_free(struct check *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->n; i++)
        forget_start(&c->subjects[i]);
    free(c->subjects);
    faults_free(&c->faults);
    heartbeat_check_free(c->heartbeat);
    clients_check_free(c->clients);
    durable_check_free(c->durable);
    lives_check_free(c->lives);
    write_ahead_check_free(c->write_ahead);
    limiter_check_free(c->limiter);
    learning_check_free(c->learning);
    raft_check_free(c->raft);
    free(c);
}

struct subject *check_subject(struct check *c, uint32_t node)
{
    if (node < 1 || node > SUBJECTS_MAX)
        return NULL;
    if (node > c->n) {
        uint32_t n = node > 2 * c->n ? node : 2 * c->n;
        n = n > SUBJECTS_MAX ? SUBJECTS_MAX : n;
        c->subjects = realloc(c->subjects, n * sizeof *c->subjects);
        CHECK(c->subjects);
        memset(c->subjects + c->n, 0, (n - c->n) * sizeof *c->subjects);
        c->n = n;
    }
    return &c->subjects[node - 1];
}

const Orrery__Instance *subject_instance(const struct subject *s, const char *protocol)
{
    for (size_t i = 0; s->start && i < s->start->n_instances; i++)
        if (strcmp(s->start->instances[i]->protocol, protocol) == 0)
            return s->start->instances[i];
    return NULL;
}

const char *instance_setting(const Orrery__Instance *i, const char *key)
{
    const char *found = NULL;
    for (size_t k = 0; i && k < i->n_settings; k++)
        if (strcmp(i->settings[k]->key, key) == 0)
            found = i->settings[k]->value;
    return found;
}

double instance_number(const Orrery__Instance *i, const char *key, double otherwise)
{
    const char *text = instance_setting(i, key);
    char *end = NULL;
    double v = text ? strtod(text, &end) : otherwise;
    return text && end == text ? otherwise : v;
}

struct finding *check_find(struct check *c, const char *checker, const char *invariant)
{
    for (uint32_t i = 0; i < c->n_findings; i++)
        if (strcmp(c->findings[i].checker, checker) == 0 &&
            strcmp(c->findings[i].invariant, invariant) == 0)
            return &c->findings[i];
    CHECK(c->n_findings < FINDINGS_MAX);
    struct finding *f = &c->findings[c->n_findings++];
    *f = (struct finding){.checker = checker, .invariant = invariant, .verdict = VERDICT_NOTHING};
    return f;
}

static void say(struct finding *f, const char *format, va_list args)
{
    (void)vsnprintf(f->sentence, sizeof f->sentence, format, args);
}

void finding_refute(struct finding *f, const uint64_t *events, uint32_t n, const char *format, ...)
{
    f->failed++;
    if (f->verdict == VERDICT_REFUTED)
        return;
    f->verdict = VERDICT_REFUTED;
    f->n_events = 0;
    for (uint32_t i = 0; i < n && f->n_events < FINDING_EVENTS_MAX; i++)
        if (events[i])
            f->events[f->n_events++] = events[i];
    va_list args;
    va_start(args, format);
    say(f, format, args);
    va_end(args);
}

void finding_unknown(struct finding *f, const char *format, ...)
{
    if (f->verdict == VERDICT_REFUTED || f->verdict == VERDICT_UNKNOWN)
        return;
    f->verdict = VERDICT_UNKNOWN;
    va_list args;
    va_start(args, format);
    say(f, format, args);
    va_end(args);
}

void finding_proven(struct finding *f, const char *format, ...)
{
    if (f->verdict == VERDICT_REFUTED || f->verdict == VERDICT_UNKNOWN)
        return;
    f->verdict = f->judged ? VERDICT_PROVEN : VERDICT_NOTHING;
    if (!f->judged) {
        (void)snprintf(f->sentence, sizeof f->sentence, "nothing that happened put it to the test");
        return;
    }
    va_list args;
    va_start(args, format);
    say(f, format, args);
    va_end(args);
}

void seconds_print(char *into, size_t size, uint64_t ns)
{
    (void)snprintf(into, size, "%.3f s", (double)ns / 1e9);
}

static enum kind kind_of(const char *name)
{
    static const struct {
        const char *name;
        enum kind kind;
    } known[] = {
        {"history.Invoke", KIND_HISTORY_INVOKE},
        {"history.Complete", KIND_HISTORY_COMPLETE},
        {"heartbeat.Opinion", KIND_HEARTBEAT_OPINION},
        {"heartbeat.Gap", KIND_HEARTBEAT_GAP},
        {"heartbeat.Rebirth", KIND_HEARTBEAT_REBIRTH},
        {"kv.PageFlush", KIND_KV_PAGE_FLUSH},
        {"limiter.Decision", KIND_LIMITER_DECISION},
        {"limiter.Release", KIND_LIMITER_RELEASE},
        {"backpropagation.Batch", KIND_BACKPROPAGATION_BATCH},
        {"raft.Elected", KIND_RAFT_ELECTED},
        {"raft.SteppedDown", KIND_RAFT_STEPPED_DOWN},
        {"raft.Ballot", KIND_RAFT_BALLOT},
        {"raft.Membership", KIND_RAFT_MEMBERSHIP},
        {"raft.Committed", KIND_RAFT_COMMITTED},
        {"raft.Applied", KIND_RAFT_APPLIED},
        {"raft.Compacted", KIND_RAFT_COMPACTED},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].kind;
    return KIND_OTHER;
}

static void take_start(struct subject *s, const struct entry *e)
{
    Orrery__Start *start = orrery__start__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (!start)
        return;
    forget_start(s);
    s->start = start;
    s->told = true;
    for (size_t i = 0; i < start->n_types && i < KINDS_MAX; i++)
        s->kinds[i] = kind_of(start->types[i]);
}

static void path_changed(void *ctx, uint32_t sender, const Orrery__LinkFault *fault)
{
    struct check *c = ctx;
    heartbeat_check_path(c->heartbeat, sender, fault->to);
}

static void disturb(struct check *c, const uint32_t *nodes, size_t n, int pause)
{
    for (size_t i = 0; i < n; i++) {
        struct subject *s = check_subject(c, nodes[i]);
        if (!s)
            continue;
        if (pause >= 0)
            s->paused = pause && s->alive;
        s->disturbed_at = c->now;
    }
}

/* Cuts of many nodes are many pairs: a recording that names more is not ours. */
static bool bounded(const Orrery__Cut *cut)
{
    return cut->n_a <= 10000 && cut->n_b <= 10000 && cut->n_a * cut->n_b <= 1000000;
}

static void take_command(struct check *c, const Orrery__Command *m)
{
    faults_grow(&c->faults, c->n);
    switch (m->verb_case) {
    case ORRERY__COMMAND__VERB_PAUSE:
        disturb(c, m->pause->nodes, m->pause->n_nodes, 1);
        break;
    case ORRERY__COMMAND__VERB_RESUME:
        disturb(c, m->resume->nodes, m->resume->n_nodes, 0);
        break;
    case ORRERY__COMMAND__VERB_SET:
        disturb(c, m->set->nodes, m->set->n_nodes, -1);
        for (uint32_t i = 1; m->set->n_nodes == 0 && i <= c->n; i++)
            disturb(c, &i, 1, -1);
        break;
    case ORRERY__COMMAND__VERB_REMOVE:
        for (size_t i = 0; i < m->remove->n_nodes; i++) {
            struct subject *s = check_subject(c, m->remove->nodes[i]);
            if (s)
                s->removed = true;
        }
        break;
    case ORRERY__COMMAND__VERB_POWER:
        for (size_t i = 0; i < m->power->n_nodes; i++) {
            struct subject *s = check_subject(c, m->power->nodes[i]);
            if (s)
                s->power_at = c->now;
        }
        break;
    case ORRERY__COMMAND__VERB_CUT:
        if (bounded(m->cut))
            faults_cut(&c->faults, m->cut, path_changed, c);
        break;
    case ORRERY__COMMAND__VERB_HEAL:
        faults_heal(&c->faults, m->heal, path_changed, c);
        break;
    case ORRERY__COMMAND__VERB_LINK:
        faults_link(&c->faults, m->link, path_changed, c);
        break;
    case ORRERY__COMMAND__VERB_HOLD:
        faults_hold(&c->faults, m->hold);
        heartbeat_check_path(c->heartbeat, 0, 0);
        break;
    case ORRERY__COMMAND__VERB_PACE:
        heartbeat_check_path(c->heartbeat, 0, 0);
        break;
    case ORRERY__COMMAND__VERB_DISK:
        for (size_t i = 0; i < m->disk->n_nodes; i++) {
            struct subject *s = check_subject(c, m->disk->nodes[i]);
            if (!s)
                continue;
            if (m->disk->well || m->disk->has_full || m->disk->has_eio)
                s->disk_faulty = m->disk->full || m->disk->eio;
        }
        break;
    default:
        break;
    }
}

static void take_operator(struct check *c, const struct entry *e)
{
    Orrery__Operator *o = orrery__operator__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (o && o->command)
        take_command(c, o->command);
    if (o)
        orrery__operator__free_unpacked(o, NULL);
}

static void take_spawn(struct check *c, const struct entry *e)
{
    Orrery__Spawn *m = orrery__spawn__unpack(NULL, e->head.payload.len, e->head.payload.base);
    struct subject *s = m ? check_subject(c, m->node) : NULL;
    if (s) {
        faults_grow(&c->faults, c->n);
        forget_start(s);
        s->boot = m->boot;
        s->alive = true;
        s->paused = s->halted = false;
        s->up_at = c->now;
        s->last_seq = s->holes = 0;
    }
    if (m)
        orrery__spawn__free_unpacked(m, NULL);
}

static void take_exit(struct check *c, const struct entry *e)
{
    Orrery__Exit *m = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
    struct subject *s = m ? check_subject(c, m->node) : NULL;
    if (s) {
        s->alive = false;
        s->paused = false;
        s->down_at = c->now;
        s->down_ordinal = e->ordinal;
    }
    if (m)
        orrery__exit__free_unpacked(m, NULL);
}

static void take_hole(struct check *c, const struct entry *e)
{
    Orrery__Hole *m = orrery__hole__unpack(NULL, e->head.payload.len, e->head.payload.base);
    struct subject *s = m ? check_subject(c, m->node) : NULL;
    if (s)
        s->holes++;
    c->holes++;
    if (m)
        orrery__hole__free_unpacked(m, NULL);
}

static void take_outside(struct check *c, const struct entry *e)
{
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_OPERATOR:
        take_operator(c, e);
        break;
    case ORRERY__EVENT__BODY_SPAWN:
        take_spawn(c, e);
        break;
    case ORRERY__EVENT__BODY_EXIT:
        take_exit(c, e);
        break;
    case ORRERY__EVENT__BODY_HOLE:
        take_hole(c, e);
        break;
    default:
        break;
    }
}

static enum kind trace_kind(const struct subject *s, uint32_t type)
{
    return type < KINDS_MAX ? s->kinds[type] : KIND_OTHER;
}

void check_entry(struct check *c, const struct entry *e)
{
    CHECK(!c->ended);
    c->now = e->head.mono_ns > c->now ? e->head.mono_ns : c->now;
    c->ordinal = e->ordinal;
    enum kind kind = KIND_OTHER;
    if (e->node == 0) {
        take_outside(c, e);
    } else {
        struct subject *s = check_subject(c, e->node);
        if (!s || (s->boot && e->boot < s->boot))
            return;
        if (e->boot > s->boot) { /* Without its spawn: a recording that began later. */
            forget_start(s);
            s->boot = e->boot;
            s->alive = true;
            s->paused = false;
            s->up_at = c->now;
            s->last_seq = 0;
        }
        s->last_seq = e->head.seq;
        if (e->head.body == ORRERY__EVENT__BODY_START)
            take_start(s, e);
        else if (e->head.body == ORRERY__EVENT__BODY_HALT)
            s->halted = true;
        else if (e->head.body == ORRERY__EVENT__BODY_TRACE)
            kind = trace_kind(s, e->head.kind - 1);
    }
    lives_check_entry(c->lives, e);
    heartbeat_check_entry(c->heartbeat, e, kind);
    clients_check_entry(c->clients, e, kind);
    durable_check_entry(c->durable, e, kind);
    write_ahead_check_entry(c->write_ahead, e, kind);
    limiter_check_entry(c->limiter, e, kind);
    learning_check_entry(c->learning, e, kind);
    raft_check_entry(c->raft, e, kind);
}

void check_keep_history(struct check *c)
{
    clients_check_keep(c->clients, true);
}

void check_at_the_end(struct check *c)
{
    clients_check_keep(c->clients, false);
}

struct history *check_history(struct check *c, char *why, size_t why_size)
{
    CHECK(c->ended);
    return clients_check_history(c->clients, why, why_size);
}

void check_end(struct check *c, uint64_t end_ns)
{
    CHECK(!c->ended);
    c->now = end_ns > c->now ? end_ns : c->now;
    c->ended = true;
    lives_check_end(c->lives);
    heartbeat_check_end(c->heartbeat);
    clients_check_end(c->clients);
    durable_check_end(c->durable);
    write_ahead_check_end(c->write_ahead);
    limiter_check_end(c->limiter);
    learning_check_end(c->learning);
    raft_check_end(c->raft);
}

bool check_walk(struct check *c, struct timeline *t, uint64_t upto, uint64_t end_ns,
                const atomic_bool *stop, uint64_t *entries)
{
    struct entry e;
    uint64_t newest = upto ? upto : timeline_newest(t);
    *entries = 0;
    for (uint64_t i = timeline_oldest(t); i && i <= newest; i++) {
        if (stop && atomic_load_explicit(stop, memory_order_relaxed))
            return false;
        if (!timeline_get(t, i, &e))
            continue;
        check_entry(c, &e);
        (*entries)++;
    }
    check_end(c, end_ns);
    return true;
}

struct check *check_timeline(struct timeline *t, uint64_t upto, uint64_t end_ns,
                             const atomic_bool *stop, uint64_t *entries)
{
    struct check *c = check_new();
    check_at_the_end(c);
    if (check_walk(c, t, upto, end_ns, stop, entries))
        return c;
    check_free(c);
    return NULL;
}

uint32_t check_findings(const struct check *c, const struct finding **findings)
{
    CHECK(c->ended);
    *findings = c->findings;
    return c->n_findings;
}

uint32_t check_peek(const struct check *c, const struct finding **findings)
{
    *findings = c->findings;
    return c->n_findings;
}

enum verdict check_verdict(const struct check *c)
{
    enum verdict worst = VERDICT_PROVEN;
    bool proven = false;
    for (uint32_t i = 0; i < c->n_findings; i++) {
        proven |= c->findings[i].verdict == VERDICT_PROVEN;
        if (c->findings[i].verdict != VERDICT_NOTHING && c->findings[i].verdict > worst)
            worst = c->findings[i].verdict;
    }
    return worst == VERDICT_PROVEN && !proven ? VERDICT_NOTHING : worst;
}
