/* Invariants and measured answers. */
#include "lab/engine_impl.h"

#include "base/check.h"
#include "check/condition.h"
#include "session/filter.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct finding *find(const struct finding *all, uint32_t n, const Orrery__Invariant *i)
{
    for (uint32_t k = 0; k < n; k++)
        if (strcmp(all[k].checker, i->checker) == 0 && strcmp(all[k].invariant, i->invariant) == 0)
            return &all[k];
    return NULL;
}

static void take_finding(struct lab_engine *e, struct check_run *run, const struct finding *f)
{
    static const Orrery__CheckResult results[] = {
        [VERDICT_PROVEN] = ORRERY__CHECK_RESULT__CHECK_PROVEN,
        [VERDICT_NOTHING] = ORRERY__CHECK_RESULT__CHECK_OPEN,
        [VERDICT_UNKNOWN] = ORRERY__CHECK_RESULT__CHECK_UNKNOWN,
        [VERDICT_REFUTED] = ORRERY__CHECK_RESULT__CHECK_REFUTED,
    };
    if (run->result == ORRERY__CHECK_RESULT__CHECK_REFUTED)
        return; /* Once refuted it stays so. */
    run->result = results[f->verdict];
    run->n_events = f->n_events;
    memcpy(run->events, f->events, sizeof run->events);
    snprintf(run->sentence, sizeof run->sentence, "%s", f->sentence);
    e->dirty = true;
}

void judge_live(struct lab_engine *e)
{
    const struct finding *all;
    uint32_t n = check_peek(e->check, &all);
    for (size_t i = 0; i < e->lab->n_invariants; i++) {
        const struct finding *f = find(all, n, e->lab->invariants[i]);
        if (f && f->verdict == VERDICT_REFUTED &&
            e->checks[i].result != ORRERY__CHECK_RESULT__CHECK_REFUTED)
            take_finding(e, &e->checks[i], f);
    }
}

static struct check *check_again(struct lab_engine *e)
{
    uint64_t entries;
    return check_timeline(e->options.timeline, 0, e->options.now(e->options.ctx), NULL, &entries);
}

static bool is_about(const struct finding *f, const char *about)
{
    size_t n = strlen(f->checker);
    return !about || (strncmp(about, f->checker, n) == 0 && about[n] == '/' &&
                      strcmp(about + n + 1, f->invariant) == 0);
}

enum verdict judge_all(struct lab_engine *e, struct finding *worst, const char *about)
{
    const struct finding *all;
    struct check *c = check_again(e);
    uint32_t n = check_findings(c, &all);
    *worst = (struct finding){.checker = "", .invariant = "", .verdict = VERDICT_PROVEN};
    snprintf(worst->sentence, sizeof worst->sentence, "the run gave no occasion to judge it");
    for (uint32_t i = 0; i < n; i++)
        if (is_about(&all[i], about) && all[i].verdict > worst->verdict)
            *worst = all[i];
    for (size_t i = 0; i < e->lab->n_invariants; i++) {
        const struct finding *f = find(all, n, e->lab->invariants[i]);
        if (f)
            take_finding(e, &e->checks[i], f);
    }
    check_free(c);
    return worst->verdict;
}

bool judge_proven(const struct lab_engine *e)
{
    for (size_t i = 0; i < e->lab->n_invariants; i++)
        if (e->checks[i].result != ORRERY__CHECK_RESULT__CHECK_PROVEN)
            return false;
    return true;
}

/* --- exercises --- */

static uint64_t named(void *ctx, const char *name)
{
    const struct lab_engine *e = ctx;
    const struct binding *b = bindings_find(&e->bindings, name);
    return b ? b->ordinal : 0;
}

static uint64_t matching(void *ctx, const char *pattern, uint64_t from, uint64_t to,
                         uint64_t events[MEASURED_EVENTS_MAX])
{
    struct lab_engine *e = ctx;
    struct timeline *t = e->options.timeline;
    char why[200];
    uint64_t n = 0;
    struct entry entry;
    struct filter *f = filter_new(t, pattern, NULL, 0, why, sizeof why);
    for (uint64_t i = from; f && i <= to && i <= timeline_newest(t); i++)
        if (timeline_get(t, i, &entry) && filter_passes(f, &entry)) {
            if (n < MEASURED_EVENTS_MAX)
                events[n] = i;
            n++;
        }
    filter_free(f);
    return n;
}

static void fail(struct exercise_run *run, const char *sentence)
{
    snprintf(run->failed, sizeof run->failed, "%s", sentence);
    run->state = ORRERY__ANSWER_STATE__ANSWER_FAILED;
}

/* The clues that are named as its proof, before those of the measure. */
static void add_proof(struct lab_engine *e, const Orrery__Exercise *x, struct measured *m)
{
    uint64_t events[MEASURED_EVENTS_MAX];
    uint32_t n = 0;
    for (size_t i = 0; i < x->n_prove + m->n_events && n < MEASURED_EVENTS_MAX; i++) {
        const struct binding *b = i < x->n_prove ? bindings_find(&e->bindings, x->prove[i]) : NULL;
        uint64_t event = i < x->n_prove ? (b ? b->ordinal : 0) : m->events[i - x->n_prove];
        bool known = event == 0;
        for (uint32_t k = 0; k < n; k++)
            known |= events[k] == event;
        if (!known)
            events[n++] = event;
    }
    memcpy(m->events, events, n * sizeof *events);
    m->n_events = n;
}

static bool is_met(const Orrery__Exercise *x, const struct exercise_run *run)
{
    if (x->n_choices)
        return run->mine == run->measured;
    double tolerance = x->number ? x->number->tolerance * fabs(run->value.value) : 0;
    return fabs(run->mine_number - run->value.value) <= tolerance;
}

static void value_text(const Orrery__Exercise *x, int32_t choice, double number, const char *unit,
                       char *into, size_t size)
{
    if (choice >= 0 && (size_t)choice < x->n_choices)
        snprintf(into, size, "%s", x->choices[choice]);
    else
        snprintf(into, size, "%.4g%s%s", number, *unit ? " " : "", unit);
}

static void note(struct lab_engine *e, size_t i)
{
    const Orrery__Exercise *x = e->lab->exercises[i];
    struct exercise_run *run = &e->exercises[i];
    char mine[600], measured[600];
    struct timespec wall;
    if (!e->options.noted)
        return;
    clock_gettime(CLOCK_REALTIME, &wall);
    value_text(x, run->mine, run->mine_number, x->number ? x->number->unit : "", mine, sizeof mine);
    value_text(x, run->measured, run->value.value, run->value.unit, measured, sizeof measured);
    Orrery__NotebookEntry entry = ORRERY__NOTEBOOK_ENTRY__INIT;
    entry.lab = e->lab->name;
    entry.exercise = x->name;
    entry.ask = x->ask;
    entry.mine = mine;
    entry.measured = measured;
    entry.met = is_met(x, run);
    entry.wall_ns = (int64_t)wall.tv_sec * 1000000000 + wall.tv_nsec;
    entry.run = (char *)(uintptr_t)(e->options.run ? e->options.run : "");
    entry.recording = (char *)(uintptr_t)(e->options.recording ? e->options.recording : "");
    entry.n_events = run->value.n_events;
    entry.events = run->value.events;
    e->options.noted(e->options.ctx, &entry);
}

void judge_exercise(struct lab_engine *e, size_t i)
{
    const Orrery__Exercise *x = e->lab->exercises[i];
    struct exercise_run *run = &e->exercises[i];
    struct buf text = {0};
    char why[200];
    struct measure_source source = {.timeline = e->options.timeline,
                                    .from = run->locked_at + 1,
                                    .to = timeline_newest(e->options.timeline),
                                    .named = named,
                                    .matching = matching,
                                    .ctx = e};
    e->dirty = true;
    if (!bindings_fill(&e->bindings, x->measure, &text, why, sizeof why)) {
        fail(run, why);
        buf_free(&text);
        return;
    }
    measure_take((const char *)text.base, &source, &run->value);
    buf_free(&text);
    if (!run->value.known) {
        fail(run, run->value.sentence);
        return;
    }
    add_proof(e, x, &run->value);
    for (size_t k = 0; k < x->n_when && run->measured < 0; k++)
        if (condition_holds(x->when[k], run->value.value))
            run->measured = (int32_t)k;
    if (x->n_choices && run->measured < 0) {
        fail(run, "what was measured is none of the choices");
        return;
    }
    if (run->value.n_events == 0) {
        fail(run, "no event shows it");
        return;
    }
    run->state = ORRERY__ANSWER_STATE__ANSWER_MEASURED;
    note(e, i);
}
