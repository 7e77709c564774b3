#include "check/measure.h"

#include "base/check.h"
#include "check/inner.h"
#include "check/measure_inner.h"
#include "cluster/units.h"
#include "heartbeat.pb-c.h"
#include "history.pb-c.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_IN_MEASURE_MAX = 8, DETECTOR_ANY = -1 };

struct arg_rule {
    const char *name;
    char kind; /* n node, w node or first or all, d detector, e event's name, p pattern, l nodes, t
                  text */
    bool required;
};

struct measure {
    const char *name;
    const char *unit;
    struct arg_rule args[ARGS_MAX + 1];
    void (*take)(struct taking *t);
};

void taking_unknown(struct taking *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->into->known = false;
    vsnprintf(t->into->sentence, sizeof t->into->sentence, format, args);
    va_end(args);
}

void taking_shows(struct taking *t, uint64_t ordinal)
{
    if (ordinal && t->into->n_events < MEASURED_EVENTS_MAX)
        t->into->events[t->into->n_events++] = ordinal;
}

void taking_is(struct taking *t, double value, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    t->into->known = true;
    t->into->value = value;
    vsnprintf(t->into->sentence, sizeof t->into->sentence, format, args);
    va_end(args);
}

bool taking_step(const struct taking *t, uint64_t *at, struct entry *e)
{
    const struct measure_source *s = t->source;
    while (*at <= s->to && *at <= timeline_newest(s->timeline))
        if (timeline_get(s->timeline, (*at)++, e))
            return true;
    return false;
}

uint64_t taking_first(const struct taking *t)
{
    uint64_t oldest = timeline_oldest(t->source->timeline);
    return t->source->from > oldest ? t->source->from : oldest;
}

/* --- what events say --- */

static bool ends(const struct entry *e, uint32_t node, uint32_t *boot)
{
    if (e->node != 0 || e->head.body != ORRERY__EVENT__BODY_EXIT)
        return false;
    Orrery__Exit *m = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
    bool it = m && m->node == node;
    if (it)
        *boot = m->boot;
    if (m)
        orrery__exit__free_unpacked(m, NULL);
    return it;
}

static bool spawns(const struct entry *e, uint32_t node)
{
    if (e->node != 0 || e->head.body != ORRERY__EVENT__BODY_SPAWN)
        return false;
    Orrery__Spawn *m = orrery__spawn__unpack(NULL, e->head.payload.len, e->head.payload.base);
    bool it = m && m->node == node;
    if (m)
        orrery__spawn__free_unpacked(m, NULL);
    return it;
}

bool taking_trace_is(const struct taking *t, const struct entry *e, const char *type)
{
    if (e->node == 0 || e->head.body != ORRERY__EVENT__BODY_TRACE)
        return false;
    const struct schema_type *is_of = timeline_trace_type(t->source->timeline, e);
    return is_of && strcmp(schema_name(is_of), type) == 0;
}

/* 1: from now on it suspects `of`; 0: no more; -1: the event says nothing of that. */
static int opinion(const struct taking *t, const struct entry *e, uint32_t of, int detector)
{
    if (!taking_trace_is(t, e, "heartbeat.Opinion"))
        return -1;
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Opinion *o = heartbeat__opinion__unpack(NULL, body.len, body.base);
    int says = o && o->peer == of && (int)o->detector == detector ? o->suspected != 0 : -1;
    if (o)
        heartbeat__opinion__free_unpacked(o, NULL);
    return says;
}

static int moved(const struct taking *t, const struct entry *e, uint32_t of)
{
    const Orrery__Instance *i = NULL;
    if (e->node != 0 && e->head.body == ORRERY__EVENT__BODY_MOVE)
        i = timeline_instance(t->source->timeline, e);
    if (!i)
        return -1;
    Orrery__Move *m = orrery__move__unpack(NULL, e->head.payload.len, e->head.payload.base);
    int says = -1;
    if (m && m->of == of && m->machine < i->n_machines &&
        m->to < i->machines[m->machine]->n_states && m->from < i->machines[m->machine]->n_states) {
        const char *to = i->machines[m->machine]->states[m->to];
        const char *from = i->machines[m->machine]->states[m->from];
        if (strcmp(to, "suspected") == 0 && strcmp(from, "dead") != 0)
            says = 1;
        else if (strcmp(to, "trusted") == 0)
            says = 0;
    }
    if (m)
        orrery__move__free_unpacked(m, NULL);
    return says;
}

static int says_of(const struct taking *t, const struct entry *e, uint32_t of, int detector)
{
    return detector == DETECTOR_ANY ? moved(t, e, of) : opinion(t, e, of, detector);
}

static int detector_of(const char *name)
{
    static const char *const names[] = {"fixed", "phi-accrual", "adaptive", "link"};
    for (int i = 0; name && i < 4; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return DETECTOR_ANY;
}

static uint32_t node_of(const char *text)
{
    uint32_t node = 0;
    return text && node_parse(text, &node) ? node : 0;
}

/* --- detectors --- */

/* The newest end of a life in the span. */
static bool last_end(const struct taking *t, uint32_t node, struct entry *end, uint32_t *boot)
{
    struct entry e;
    bool found = false;
    for (uint64_t at = taking_first(t); taking_step(t, &at, &e);)
        if (ends(&e, node, boot)) {
            *end = e;
            found = true;
        }
    return found;
}

static void detection(struct taking *t)
{
    uint32_t of = node_of(t->args[0]), by = 0, boot, watchers = 0;
    int detector = detector_of(t->args[2]);
    bool all = t->args[1] && strcmp(t->args[1], "all") == 0;
    struct entry end, e;
    if (t->args[1] && !all && strcmp(t->args[1], "first") != 0)
        by = node_of(t->args[1]);
    if (!last_end(t, of, &end, &boot)) {
        taking_unknown(t, "n%u's process did not end", of);
        return;
    }
    uint64_t crashed = end.head.mono_ns, noticed = 0, ordinal = 0;
    uint32_t who = 0;
    for (uint64_t at = end.ordinal + 1;
         taking_step(t, &at, &e) && !(ordinal && !all) && !spawns(&e, of);) {
        if ((by && e.node != by) || says_of(t, &e, of, detector) != 1)
            continue;
        noticed = e.head.mono_ns;
        ordinal = e.ordinal;
        who = e.node;
        watchers++;
    }
    if (!ordinal) {
        taking_unknown(t, "nobody came to suspect n%u after its end", of);
        return;
    }
    double ms = noticed > crashed ? (double)(noticed - crashed) / 1e6 : 0;
    taking_shows(t, end.ordinal);
    taking_shows(t, ordinal);
    if (all)
        taking_is(t, ms, "the last of %u watchers, n%u, suspected n%u %.0f ms after its end",
                  watchers, who, of, ms);
    else
        taking_is(t, ms, "n%u suspected n%u %.0f ms after its end", who, of, ms);
}

static void mistakes(struct taking *t)
{
    uint32_t of = node_of(t->args[0]), boot;
    int detector = detector_of(t->args[1]);
    bool alive = true;
    uint64_t n = 0;
    struct entry e;
    for (uint64_t at = taking_first(t); taking_step(t, &at, &e);) {
        if (ends(&e, of, &boot))
            alive = false;
        else if (spawns(&e, of))
            alive = true;
        else if (alive && says_of(t, &e, of, detector) == 1) {
            n++;
            taking_shows(t, e.ordinal);
        }
    }
    taking_is(t, (double)n, "n%u was suspected %" PRIu64 " time%s while its process lived", of, n,
              n == 1 ? "" : "s");
}

/* --- named events and patterns --- */

bool taking_named(struct taking *t, const char *name, struct entry *e)
{
    uint64_t ordinal = t->source->named ? t->source->named(t->source->ctx, name) : 0;
    if (ordinal && timeline_get(t->source->timeline, ordinal, e))
        return true;
    taking_unknown(t, "'%.60s' did not happen", name);
    return false;
}

static void between(struct taking *t)
{
    struct entry a, b;
    if (!taking_named(t, t->args[0], &a))
        return;
    uint64_t a_ns = a.head.mono_ns, a_ordinal = a.ordinal;
    if (!taking_named(t, t->args[1], &b))
        return;
    double ms = ((double)b.head.mono_ns - (double)a_ns) / 1e6;
    taking_shows(t, a_ordinal);
    taking_shows(t, b.ordinal);
    taking_is(t, ms, "%.0f ms passed between the two", ms);
}

static uint64_t matching(struct taking *t, const char *pattern, bool show)
{
    uint64_t events[MEASURED_EVENTS_MAX] = {0};
    CHECK(t->source->matching);
    uint64_t n =
        t->source->matching(t->source->ctx, pattern, taking_first(t), t->source->to, events);
    for (uint64_t i = 0; show && i < n && i < MEASURED_EVENTS_MAX; i++)
        taking_shows(t, events[i]);
    return n;
}

static void count(struct taking *t)
{
    uint64_t n = matching(t, t->args[0], true);
    taking_is(t, (double)n, "there were %" PRIu64 " of them", n);
}

static void share(struct taking *t)
{
    uint64_t n = matching(t, t->args[0], true);
    uint64_t all = matching(t, t->args[1], false);
    if (all == 0)
        taking_unknown(t, "there was none to be a share of");
    else
        taking_is(t, 100.0 * (double)n / (double)all, "%" PRIu64 " of %" PRIu64, n, all);
}

/* A number that the event of this name tells; the event is shown. */
static bool told(struct taking *t, const char *name, const char *path, struct entry *e,
                 double *value)
{
    if (!taking_named(t, name, e))
        return false;
    if (!measure_number(t->source->timeline, e, path, value)) {
        taking_unknown(t, "e%" PRIu64 " has no number '%.60s'", e->ordinal, path);
        return false;
    }
    taking_shows(t, e->ordinal);
    return true;
}

static void field(struct taking *t)
{
    struct entry e;
    double value;
    if (told(t, t->args[0], t->args[1], &e, &value))
        taking_is(t, value, "e%" PRIu64 " says %s = %.10g", e.ordinal, t->args[1], value);
}

static void ratio(struct taking *t)
{
    struct entry e;
    double of, to;
    if (!told(t, t->args[0], t->args[2], &e, &of) || !told(t, t->args[1], t->args[2], &e, &to))
        return;
    if (to < 0 || to > 0)
        taking_is(t, of / to, "%s: %.6g, %.4g times %.6g", t->args[2], of, of / to, to);
    else
        taking_unknown(t, "%s is 0 to begin with", t->args[2]);
}

static const struct schema_type *body_type(struct timeline *t, uint32_t body)
{
    const struct schema_type *event = schema_find(timeline_schema(t), "orrery.Event");
    struct schema_field f;
    for (uint32_t i = 0; event && schema_field(event, i, &f); i++)
        if (f.number == body)
            return f.message;
    return NULL;
}

bool measure_number(struct timeline *t, const struct entry *e, const char *path, double *value)
{
    const struct schema_type *type = NULL;
    struct bytes body = e->head.payload;
    if (e->node != 0 && e->head.body == ORRERY__EVENT__BODY_TRACE &&
        (type = timeline_trace_type(t, e)))
        body = trace_body(body);
    else
        type = body_type(t, e->head.body);
    return type && schema_number(type, body, path, value);
}

/* --- a store's writes --- */

struct write_told {
    uint64_t client;
    uint64_t request;
    uint64_t lsn;  /* 0: no record yet. */
    uint64_t told; /* Ordinal of the completion; 0: none. */
};

struct writes {
    struct write_told *all;
    size_t n;
    size_t cap;
    size_t waiting; /* From here on some may be without completion. */
    bool open;      /* The newest has no record yet. */
};

static bool is_write(const History__Invoke *m)
{
    static const char *const kinds[] = {"set", "del", "incr", "append", "cas", "expire", "flush"};
    for (size_t i = 0; i < m->n_ops; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++)
            if (strcmp(m->ops[i]->f, kinds[k]) == 0)
                return true;
    return false;
}

static void take_invoke(struct writes *w, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    History__Invoke *m = history__invoke__unpack(NULL, body.len, body.base);
    w->open = m && is_write(m);
    if (w->open) {
        if (w->n == w->cap) {
            w->cap = w->cap ? w->cap * 2 : 64;
            w->all = realloc(w->all, w->cap * sizeof *w->all);
            CHECK(w->all);
        }
        w->all[w->n++] = (struct write_told){m->client, m->request, 0, 0};
    }
    if (m)
        history__invoke__free_unpacked(m, NULL);
}

static void take_complete(struct writes *w, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    History__Complete *m = history__complete__unpack(NULL, body.len, body.base);
    for (size_t i = w->waiting; m && m->outcome == HISTORY__OUTCOME__OK && i < w->n; i++)
        if (w->all[i].client == m->client && w->all[i].request == m->request) {
            w->all[i].told = e->ordinal;
            break;
        }
    while (w->waiting < w->n && w->all[w->waiting].told)
        w->waiting++;
    if (m)
        history__complete__free_unpacked(m, NULL);
}

static void take_append(struct writes *w, const struct entry *e, uint32_t log)
{
    Orrery__Append *m = orrery__append__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (m && m->log == log && w->open && w->n) {
        w->all[w->n - 1].lsn = m->lsn;
        w->open = false;
    }
    if (m)
        orrery__append__free_unpacked(m, NULL);
}

static uint32_t wal_of(struct timeline *t, const struct entry *e)
{
    const Orrery__Instance *i = timeline_instance(t, e);
    for (uint32_t k = 0; i && k < i->n_logs; k++)
        if (strcmp(i->logs[k], "wal") == 0)
            return k;
    return UINT32_MAX;
}

/* Everything that one life of a node was asked to write. */
static void read_writes(const struct taking *t, uint32_t node, uint32_t boot, uint64_t end,
                        struct writes *w)
{
    struct entry e;
    *w = (struct writes){0};
    for (uint64_t at = timeline_oldest(t->source->timeline); at < end && taking_step(t, &at, &e);) {
        if (e.node != node || e.boot != boot)
            continue;
        if (taking_trace_is(t, &e, "history.Invoke"))
            take_invoke(w, &e);
        else if (taking_trace_is(t, &e, "history.Complete"))
            take_complete(w, &e);
        else if (e.head.body == ORRERY__EVENT__BODY_APPEND)
            take_append(w, &e, wal_of(t->source->timeline, &e));
    }
}

/* The newest record that the life after `end` found. */
static bool recovered(const struct taking *t, uint32_t node, uint64_t end, uint64_t *lsn,
                      uint64_t *ordinal)
{
    struct entry e;
    double number = 0;
    for (uint64_t at = end + 1; taking_step(t, &at, &e);)
        if (e.node == node && taking_trace_is(t, &e, "kv.RecoveryDone")) {
            if (!measure_number(t->source->timeline, &e, "last_lsn", &number))
                number = 0;
            *lsn = number > 0 && number < 1e18 ? (uint64_t)number : 0;
            *ordinal = e.ordinal;
            return true;
        }
    return false;
}

enum fate { FATE_TOLD, FATE_KEPT, FATE_LOST };

static void writes_of(struct taking *t, enum fate fate)
{
    uint32_t node = node_of(t->args[0]), boot = 0;
    uint64_t newest = 0, done = 0, n = 0, told = 0, last = 0;
    struct entry end;
    struct writes w;
    if (!last_end(t, node, &end, &boot)) {
        taking_unknown(t, "n%u's process did not end", node);
        return;
    }
    uint64_t ended = end.ordinal;
    if (!recovered(t, node, ended, &newest, &done)) {
        taking_unknown(t, "n%u did not recover after its end", node);
        return;
    }
    read_writes(t, node, boot, ended, &w);
    for (size_t i = 0; i < w.n; i++) {
        const struct write_told *write = &w.all[i];
        bool is_told = write->told && write->lsn;
        bool kept = write->lsn <= newest;
        told += is_told;
        if (!is_told || (fate == FATE_KEPT && !kept) || (fate == FATE_LOST && kept))
            continue;
        n++;
        if (fate == FATE_LOST || n == 1)
            taking_shows(t, write->told);
        last = write->told;
    }
    free(w.all);
    if (fate != FATE_LOST && n > 1)
        taking_shows(t, last);
    taking_shows(t, ended);
    taking_shows(t, done);
    static const char *const words[] = {"were acknowledged", "came back", "were lost"};
    taking_is(t, (double)n, "of %" PRIu64 " acknowledged writes of n%u, %" PRIu64 " %s", told, node,
              n, words[fate]);
}

static void acknowledged(struct taking *t)
{
    writes_of(t, FATE_TOLD);
}

static void survivors(struct taking *t)
{
    writes_of(t, FATE_KEPT);
}

static void lost(struct taking *t)
{
    writes_of(t, FATE_LOST);
}

/* --- the table --- */

static const struct measure measures[] = {
    {"detection",
     "ms",
     {{"of", 'n', true}, {"by", 'w', false}, {"detector", 'd', false}},
     detection},
    {"mistakes", "", {{"of", 'n', true}, {"detector", 'd', false}}, mistakes},
    {"between", "ms", {{"a", 'e', true}, {"b", 'e', true}}, between},
    {"count", "", {{"event", 'p', true}}, count},
    {"share", "%", {{"event", 'p', true}, {"of", 'p', true}}, share},
    {"field", "", {{"of", 'e', true}, {"name", 't', true}}, field},
    {"ratio", "", {{"of", 'e', true}, {"to", 'e', true}, {"name", 't', true}}, ratio},
    {"acknowledged", "", {{"on", 'n', true}}, acknowledged},
    {"survivors", "", {{"on", 'n', true}}, survivors},
    {"lost", "", {{"on", 'n', true}}, lost},
    {"at-once", "", {{"of", 'e', true}, {"on", 'n', true}}, measure_at_once},
    {"worst-window", "", {{"on", 'l', true}}, measure_worst_window},
    {"first-admitted", "", {{"after", 'e', true}}, measure_first_admitted},
};
enum { MEASURES = sizeof measures / sizeof measures[0] };

static const struct measure *find(const char *name, char *why, size_t why_size)
{
    const char *names[MEASURES];
    for (size_t i = 0; i < MEASURES; i++) {
        names[i] = measures[i].name;
        if (strcmp(names[i], name) == 0)
            return &measures[i];
    }
    const char *near = nearest_word(name, names, MEASURES);
    int n = snprintf(why, why_size, "there is no measure '%.40s': %s", name,
                     near ? "did you mean " : "there are");
    if (near)
        snprintf(why + n, why_size - (size_t)n, "%s?", near);
    for (size_t i = 0; i < MEASURES && !near && (size_t)n < why_size; i++)
        n += snprintf(why + n, why_size - (size_t)n, " %s", names[i]);
    return NULL;
}

static bool a_list(const char *text)
{
    struct node_list list;
    bool ok = node_list_parse(text, &list);
    if (ok)
        node_list_free(&list);
    return ok;
}

static bool value_ok(const struct arg_rule *rule, const char *value, char *why, size_t why_size)
{
    const char *expected = NULL;
    bool a_node = node_of(value) > 0;
    if (rule->kind == 'n' && !a_node)
        expected = "a node, as n3";
    else if (rule->kind == 'w' && !a_node && strcmp(value, "first") != 0 &&
             strcmp(value, "all") != 0)
        expected = "a node, first or all";
    else if (rule->kind == 'd' && detector_of(value) == DETECTOR_ANY)
        expected = "fixed, phi-accrual, adaptive or link";
    else if (rule->kind == 'l' && !a_list(value))
        expected = "nodes, as n3 or n3,n4";
    else if (!*value)
        expected = "a value";
    if (expected)
        snprintf(why, why_size, "%s='%.60s': expected %s", rule->name, value, expected);
    return !expected;
}

static bool take_arg(const struct measure *m, const char *word, const char **args, char *why,
                     size_t why_size)
{
    size_t n = strcspn(word, "=");
    for (size_t i = 0; i < ARGS_MAX && m->args[i].name; i++) {
        if (strlen(m->args[i].name) != n || strncmp(m->args[i].name, word, n) != 0 || !word[n])
            continue;
        args[i] = word + n + 1;
        return value_ok(&m->args[i], args[i], why, why_size);
    }
    int at = snprintf(why, why_size, "'%.60s': %s takes", word, m->name);
    for (size_t i = 0; i < ARGS_MAX && m->args[i].name && (size_t)at < why_size; i++)
        at += snprintf(why + at, why_size - (size_t)at, " %s=...", m->args[i].name);
    return false;
}

/* The words live in `memory`. */
static const struct measure *parse(const char *text, struct buf *memory, const char **args,
                                   char *why, size_t why_size)
{
    const char *words[WORDS_IN_MEASURE_MAX];
    int n = strlen(text) > MEASURE_TEXT_MAX
                ? -1
                : words_split(text, memory, words, WORDS_IN_MEASURE_MAX);
    if (n < 1) {
        snprintf(why, why_size, "expected a measure: its name, and arguments as of=n3");
        return NULL;
    }
    const struct measure *m = find(words[0], why, why_size);
    for (int i = 1; m && i < n; i++)
        if (!take_arg(m, words[i], args, why, why_size))
            return NULL;
    for (size_t i = 0; m && i < ARGS_MAX && m->args[i].name; i++)
        if (m->args[i].required && !args[i]) {
            snprintf(why, why_size, "%s needs %s=...", m->name, m->args[i].name);
            return NULL;
        }
    return m;
}

bool measure_read(const char *text,
                  bool (*each)(void *ctx, char kind, const char *value, char *why, size_t why_size),
                  void *ctx, char *why, size_t why_size)
{
    struct buf memory = {0};
    const char *args[ARGS_MAX] = {0};
    const struct measure *m = parse(text, &memory, args, why, why_size);
    bool ok = m != NULL;
    for (size_t i = 0; ok && each && i < ARGS_MAX && m->args[i].name; i++) {
        char kind = m->args[i].kind;
        uint32_t node;
        if (!args[i] || kind == 'd' || kind == 't' || kind == 'l' ||
            (kind == 'w' && !node_parse(args[i], &node)))
            continue;
        ok = each(ctx, kind == 'w' ? 'n' : kind, args[i], why, why_size);
    }
    buf_free(&memory);
    return ok;
}

void measure_take(const char *text, const struct measure_source *source, struct measured *into)
{
    struct buf memory = {0};
    struct taking t = {.source = source, .into = into};
    *into = (struct measured){.unit = ""};
    const struct measure *m = parse(text, &memory, t.args, into->sentence, sizeof into->sentence);
    if (m) {
        into->unit = m->unit;
        m->take(&t);
    }
    buf_free(&memory);
}
