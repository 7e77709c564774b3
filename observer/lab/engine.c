#include "lab/engine_impl.h"

#include "base/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void engine_over(struct lab_engine *e, enum lab_outcome outcome, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(e->sentence, sizeof e->sentence, format, args);
    va_end(args);
    e->outcome = outcome;
    e->step = WALK_OVER;
    e->dirty = true;
}

static uint64_t now(const struct lab_engine *e)
{
    return e->options.now(e->options.ctx);
}

static bool hurried(const struct lab_engine *e)
{
    return e->options.headless || e->beat < e->rush_to;
}

static bool read_for(const struct lab_engine *e, uint64_t ms)
{
    return hurried(e) || e->read_ns >= ms * LAB_MS;
}

static bool late(const struct lab_engine *e, uint32_t within_ms)
{
    uint64_t within = (within_ms ? within_ms : WITHIN_MS) * LAB_MS;
    uint64_t at = now(e);
    return at > e->began_ns && at - e->began_ns > within;
}

static bool flaw_is_on(const struct lab_engine *e, const char *flaw)
{
    for (size_t i = 0; i < e->options.n_flaws; i++)
        if (strcmp(e->options.flaws[i], flaw) == 0)
            return true;
    return false;
}

/* The lab's next flaw that is on, from `i` on; n_flaws: none. */
static size_t next_flaw(const struct lab_engine *e, size_t i)
{
    while (i < e->lab->n_flaws && !flaw_is_on(e, e->lab->flaws[i]->flaw))
        i++;
    return i;
}

void engine_begin(struct lab_engine *e, enum walk_step step)
{
    e->step = step;
    e->acted = false;
    e->read_ns = 0;
    e->began_ns = now(e);
    e->dirty = true;
}

/* A headless run ends where something goes wrong; a viewer is told, and can go on. */
__attribute__((format(printf, 2, 3))) static void trip(struct lab_engine *e, const char *format,
                                                       ...)
{
    char sentence[sizeof e->sentence];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    if (e->options.headless) {
        engine_over(e, LAB_FAILED, "%s", sentence);
        return;
    }
    if (e->step == WALK_LOCKED) {
        struct exercise_run *run = &e->exercises[e->exercise];
        run->state = ORRERY__ANSWER_STATE__ANSWER_FAILED;
        snprintf(run->failed, sizeof run->failed, "%.390s", sentence);
        engine_begin(e, WALK_ANSWERED);
        return;
    }
    memcpy(e->sentence, sentence, sizeof sentence);
    e->step = WALK_STUCK;
    e->dirty = true;
}

struct lab_engine *lab_engine_new(const struct lab_engine_options *options)
{
    struct lab_engine *e = calloc(1, sizeof *e);
    CHECK(e);
    e->options = *options;
    e->lab = options->lab;
    e->goals = calloc(e->lab->n_goals + 1, sizeof *e->goals);
    e->goal_met = calloc(e->lab->n_goals + 1, sizeof *e->goal_met);
    e->beats = calloc(e->lab->n_beats + 1, sizeof *e->beats);
    e->exercises = calloc(e->lab->n_exercises + 1, sizeof *e->exercises);
    e->checks = calloc(e->lab->n_invariants + 1, sizeof *e->checks);
    CHECK(e->goals && e->goal_met && e->beats && e->exercises && e->checks);
    for (size_t i = 0; i < e->lab->n_exercises; i++)
        e->exercises[i].mine = e->exercises[i].measured = -1;
    e->check = check_new();
    engine_begin(e, WALK_BEAT);
    e->flaw = next_flaw(e, 0);
    if (options->headless && e->flaw < e->lab->n_flaws)
        engine_begin(e, WALK_FLAW);
    return e;
}

void lab_engine_free(struct lab_engine *e)
{
    if (!e)
        return;
    clues_end(&e->clues);
    for (size_t i = 0; i < e->lab->n_goals; i++)
        clues_end(&e->goals[i]);
    for (size_t i = 0; i < e->lab->n_exercises; i++)
        clues_end(&e->exercises[i].clues);
    free(e->goals);
    free(e->goal_met);
    free(e->beats);
    free(e->exercises);
    free(e->checks);
    check_free(e->check);
    if (e->state)
        orrery__lab_state__free_unpacked(e->state, NULL);
    free(e);
}

/* --- entries --- */

struct clues *engine_clues(struct lab_engine *e)
{
    bool asked = e->step == WALK_LOCKED || e->step == WALK_PASSED;
    return asked ? &e->exercises[e->exercise].clues : &e->clues;
}

void lab_engine_entry(struct lab_engine *e, const struct entry *entry)
{
    struct timeline *t = e->options.timeline;
    e->told++;
    check_entry(e->check, entry);
    e->dirty |= clues_entry(engine_clues(e), &e->bindings, t, entry);
    for (size_t i = 0; e->goals_open && i < e->lab->n_goals; i++)
        if (!e->goal_met[i] && clues_entry(&e->goals[i], &e->bindings, t, entry) &&
            clues_done(&e->goals[i]))
            e->goal_met[i] = e->dirty = true;
}

/* --- steps; each says whether it went on --- */

static bool act_all(struct lab_engine *e, char *const *lines, size_t n, const char *what)
{
    struct buf line = {0};
    char why[500] = "";
    bool done = true;
    for (size_t i = 0; i < n && done; i++) {
        done = bindings_fill(&e->bindings, lines[i], &line, why, sizeof why) &&
               e->options.act(e->options.ctx, (const char *)line.base, why, sizeof why) == 0;
        if (done)
            e->acts++;
        else
            trip(e, "%s: '%s' was refused: %s", what, lines[i], why);
    }
    buf_free(&line);
    return done;
}

/* What the clues that came ask for. */
static bool act_on_clues(struct lab_engine *e, struct clues *c, const char *what)
{
    while (c->acted < c->at) {
        const Orrery__Clue *clue = c->all[c->acted++];
        if (!act_all(e, clue->then, clue->n_then, what))
            return false;
    }
    return true;
}

static void begin_acting(struct lab_engine *e, struct clues *clues, Orrery__Clue *const *until,
                         size_t n)
{
    e->acted = true;
    e->dirty = true;
    e->began_ns = now(e);
    clues_begin(clues, until, n, e->began_ns);
}

/* What a step that failed was waiting for. */
static void ran_out(struct lab_engine *e, const char *what, const struct clues *c)
{
    if (*c->why)
        trip(e, "%s: %s", what, c->why);
    else
        trip(e, "%s: '%s' did not come in time%s%s", what, c->all[c->at]->event,
             *c->all[c->at]->unless ? ", or not without " : "", c->all[c->at]->unless);
}

static void name_beat(const struct lab_engine *e, char *into, size_t size)
{
    snprintf(into, size, "beat %zu, \"%s\"", e->beat + 1, e->lab->beats[e->beat]->title);
}

/* The next exercise that is to be asked now; n_exercises: none. */
static size_t next_exercise(const struct lab_engine *e)
{
    size_t i = 0;
    while (i < e->lab->n_exercises &&
           (e->exercises[i].state != ORRERY__ANSWER_STATE__ANSWER_NOT_YET ||
            e->exercises[i].passed || e->lab->exercises[i]->after_beat != e->beat + 1))
        i++;
    return i;
}

void engine_go_on(struct lab_engine *e)
{
    e->exercise = next_exercise(e);
    if (e->exercise < e->lab->n_exercises) {
        bool ask = e->options.headless || e->beat >= e->rush_to;
        struct exercise_run *run = &e->exercises[e->exercise];
        run->state = ask ? ORRERY__ANSWER_STATE__ANSWER_OPEN : run->state;
        run->passed = !ask;
        engine_begin(e, ask ? WALK_ASK : WALK_PASSED);
        return;
    }
    if (e->beat + 1 < e->lab->n_beats) {
        e->beat++;
        engine_begin(e, WALK_BEAT);
    } else {
        engine_begin(e, WALK_SETTLE);
    }
}

static bool beat_step(struct lab_engine *e)
{
    const Orrery__Beat *beat = e->lab->beats[e->beat];
    struct beat_run *run = &e->beats[e->beat];
    char name[200];
    name_beat(e, name, sizeof name);
    if (!e->acted) {
        uint64_t lead = beat->n_do_ ? beat->seconds * 1000 / 4 : 0;
        if (!run->first)
            run->first = timeline_newest(e->options.timeline) + 1;
        if (!read_for(e, lead < LEAD_MS ? lead : LEAD_MS))
            return false;
        begin_acting(e, &e->clues, beat->until, beat->n_until);
        return act_all(e, beat->do_, beat->n_do_, name);
    }
    if (!act_on_clues(e, &e->clues, name))
        return false;
    if (!clues_done(&e->clues)) {
        if (*e->clues.why || late(e, beat->within_ms))
            ran_out(e, name, &e->clues);
        return false;
    }
    if (!run->done) {
        run->done = true;
        run->last = timeline_newest(e->options.timeline);
        e->dirty = true;
    }
    if (!read_for(e, beat->seconds * UINT64_C(1000)))
        return false;
    engine_go_on(e);
    return true;
}

void engine_lock(struct lab_engine *e, int32_t choice, double number)
{
    struct exercise_run *x = &e->exercises[e->exercise];
    x->mine = choice;
    x->mine_number = number;
    x->state = ORRERY__ANSWER_STATE__ANSWER_LOCKED;
    x->locked_at = timeline_newest(e->options.timeline);
    engine_begin(e, WALK_LOCKED);
}

static bool ask_step(struct lab_engine *e)
{
    const Orrery__Exercise *x = e->lab->exercises[e->exercise];
    if (!e->options.headless)
        return false;
    /* Whatever is answered, the measurement is the same. */
    engine_lock(e, x->n_choices ? 0 : -1, x->number ? (x->number->min + x->number->max) / 2 : 0);
    return true;
}

/* An answer that cannot be measured ends a headless run; a walk goes on. */
static void exercise_failed(struct lab_engine *e, const char *name)
{
    struct exercise_run *run = &e->exercises[e->exercise];
    run->state = ORRERY__ANSWER_STATE__ANSWER_FAILED;
    e->dirty = true;
    if (e->options.headless)
        engine_over(e, LAB_FAILED, "%s: %s", name, run->failed);
    else
        engine_begin(e, WALK_ANSWERED);
}

static bool locked_step(struct lab_engine *e)
{
    const Orrery__Exercise *x = e->lab->exercises[e->exercise];
    struct exercise_run *run = &e->exercises[e->exercise];
    char name[200];
    snprintf(name, sizeof name, "exercise %zu, \"%s\"", e->exercise + 1, x->name);
    if (!e->acted) {
        begin_acting(e, &run->clues, x->until, x->n_until);
        return act_all(e, x->do_, x->n_do_, name);
    }
    if (!act_on_clues(e, &run->clues, name))
        return false;
    if (!clues_done(&run->clues)) {
        if (!*run->clues.why && !late(e, x->within_ms))
            return false;
        if (*run->clues.why)
            snprintf(run->failed, sizeof run->failed, "%s", run->clues.why);
        else
            snprintf(run->failed, sizeof run->failed, "'%s' did not come in time",
                     x->until[run->clues.at]->event);
        exercise_failed(e, name);
        return true;
    }
    judge_exercise(e, e->exercise);
    if (run->state == ORRERY__ANSWER_STATE__ANSWER_FAILED)
        exercise_failed(e, name);
    else
        engine_begin(e, WALK_ANSWERED);
    return true;
}

/* Later beats stand on what it does: a node that is paused until then, say. */
static bool passed_step(struct lab_engine *e)
{
    const Orrery__Exercise *x = e->lab->exercises[e->exercise];
    struct clues *clues = &e->exercises[e->exercise].clues;
    if (!e->acted) {
        begin_acting(e, clues, x->until, x->n_until);
        return act_all(e, x->do_, x->n_do_, x->name);
    }
    if (!act_on_clues(e, clues, x->name))
        return false;
    if (!clues_done(clues) && !*clues->why && !late(e, x->within_ms))
        return false;
    engine_go_on(e);
    return true;
}

static bool answered_step(struct lab_engine *e)
{
    if (!read_for(e, READ_ANSWER_MS))
        return false;
    engine_go_on(e);
    return true;
}

static void tell_worst(struct lab_engine *e, const struct finding *f)
{
    char events[200] = "";
    int n = 0;
    for (uint32_t i = 0; i < f->n_events && (size_t)n < sizeof events; i++)
        n += snprintf(events + n, sizeof events - (size_t)n, "%s e%llu", i ? "," : "",
                      (unsigned long long)f->events[i]);
    engine_over(e, LAB_REFUTED, "%s %s is refuted: %s; shown by%s", f->checker, f->invariant,
                f->sentence, events);
}

/* Judging looks at the whole run: not at each tick. */
static bool time_to_judge(struct lab_engine *e)
{
    uint64_t at = now(e);
    if (e->judged_ns && at - e->judged_ns < JUDGE_EVERY_MS * LAB_MS)
        return false;
    e->judged_ns = at;
    return true;
}

/* The walk is over; a promise about the end needs some quiet before it can be judged. */
static bool settle_step(struct lab_engine *e)
{
    struct finding worst;
    if (!e->options.headless && !e->acted) {
        judge_all(e, &worst, NULL);
        e->acted = true;
        e->dirty = true;
        return false;
    }
    if (!e->options.headless || !time_to_judge(e))
        return false;
    enum verdict verdict = judge_all(e, &worst, NULL);
    if (verdict == VERDICT_REFUTED)
        tell_worst(e, &worst);
    else if (e->acts == 0)
        engine_over(e, LAB_FAILED, "nothing was done to the cluster, so nothing is proven");
    else if (judge_proven(e))
        engine_over(e, LAB_PROVEN, "every beat, answer and invariant is proven by events");
    else if (late(e, SETTLE_MS))
        engine_over(e, LAB_FAILED, "an invariant is not proven: %s", worst.sentence);
    return false;
}

static bool flaw_step(struct lab_engine *e)
{
    const Orrery__LabFlaw *flaw = e->lab->flaws[e->flaw];
    struct finding worst;
    char name[120];
    snprintf(name, sizeof name, "flaw %.80s", flaw->flaw);
    if (!e->acted) {
        begin_acting(e, &e->clues, flaw->until, flaw->n_until);
        return act_all(e, flaw->do_, flaw->n_do_, name);
    }
    if (!act_on_clues(e, &e->clues, name))
        return false;
    if (!clues_done(&e->clues) && (*e->clues.why || late(e, 0))) {
        ran_out(e, name, &e->clues);
        return false;
    }
    if (!clues_done(&e->clues) || !time_to_judge(e))
        return false;
    if (judge_all(e, &worst, flaw->refutes) == VERDICT_REFUTED)
        tell_worst(e, &worst);
    else if (++e->tries < flaw->tries)
        engine_begin(e, WALK_FLAW);
    else if (late(e, 0))
        engine_over(e, LAB_FAILED, "%s: it did no damage that was seen: %s is not refuted", name,
                    flaw->refutes);
    return false;
}

/* What was waited for may come yet. */
static bool stuck_step(struct lab_engine *e)
{
    if (!clues_done(&e->clues) || e->beats[e->beat].done)
        return false;
    e->step = WALK_BEAT;
    e->dirty = true;
    return true;
}

static bool step(struct lab_engine *e)
{
    switch (e->step) {
    case WALK_BEAT:
        return beat_step(e);
    case WALK_ASK:
        return ask_step(e);
    case WALK_PASSED:
        return passed_step(e);
    case WALK_LOCKED:
        return locked_step(e);
    case WALK_ANSWERED:
        return answered_step(e);
    case WALK_SETTLE:
        return settle_step(e);
    case WALK_FLAW:
        return flaw_step(e);
    case WALK_STUCK:
        return stuck_step(e);
    case WALK_OVER:
    default:
        return false;
    }
}

/* Goals are for the user: what the walk itself does to the cluster counts for none. */
static void open_goals(struct lab_engine *e)
{
    bool open = !e->options.headless && (e->paused || e->step == WALK_SETTLE);
    for (size_t i = 0; open && !e->goals_open && i < e->lab->n_goals; i++)
        if (!e->goal_met[i])
            clues_begin(&e->goals[i], e->lab->goals[i]->until, e->lab->goals[i]->n_until, now(e));
    e->goals_open = open;
}

void lab_engine_tick(struct lab_engine *e, uint64_t wall_ns)
{
    bool counts = e->ticked && !e->paused && !e->review && wall_ns > e->wall_ns;
    if (counts)
        e->read_ns += wall_ns - e->wall_ns;
    e->wall_ns = wall_ns;
    e->ticked = true;
    while (!e->paused && !e->review && step(e))
        ;
    open_goals(e);
    judge_live(e);
    if (e->dirty && e->options.changed)
        e->options.changed(e->options.ctx, lab_engine_state(e));
}

const Orrery__LabState *lab_engine_state(struct lab_engine *e)
{
    if (!e->frozen && (e->dirty || !e->state))
        state_build(e);
    e->dirty = false;
    return e->state;
}

void lab_engine_caption(struct lab_engine *e, size_t beat, Orrery__Part ***parts, size_t *n)
{
    CHECK(beat < e->lab->n_beats);
    caption_write(e->lab->beats[beat]->say, &e->bindings, e->options.timeline, parts, n);
}

uint64_t lab_engine_events(const struct lab_engine *e)
{
    return e->told;
}

void lab_engine_freeze(struct lab_engine *e)
{
    /* Not built anew: the timeline may be gone already. */
    CHECK(e->state);
    e->frozen = true;
}

enum lab_outcome lab_engine_outcome(const struct lab_engine *e)
{
    return e->outcome;
}

const char *lab_engine_sentence(const struct lab_engine *e)
{
    return e->sentence;
}
