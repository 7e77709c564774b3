/* Where a run stands, as its message says it. */
#include "lab/engine_impl.h"

#include "base/must.h"

#include <stdio.h>
#include <string.h>

static void put_events(uint64_t **into, size_t *n, const uint64_t *events, size_t n_events)
{
    *into = must_alloc(n_events, sizeof **into);
    memcpy(*into, events, n_events * sizeof *events);
    *n = n_events;
}

static Orrery__BeatPhase phase_of(struct lab_engine *e)
{
    bool wrong = e->outcome == LAB_FAILED || e->outcome == LAB_REFUTED || e->step == WALK_STUCK;
    if (wrong && !e->review)
        return ORRERY__BEAT_PHASE__BEAT_FAILED;
    if (e->step == WALK_SETTLE || e->step == WALK_OVER)
        return e->review ? ORRERY__BEAT_PHASE__BEAT_PAUSED : ORRERY__BEAT_PHASE__BEAT_ENDED;
    if (e->paused || e->review)
        return ORRERY__BEAT_PHASE__BEAT_PAUSED;
    if (e->step == WALK_ASK)
        return ORRERY__BEAT_PHASE__BEAT_ASKING;
    if (e->step == WALK_ANSWERED)
        return ORRERY__BEAT_PHASE__BEAT_READING;
    if (!e->acted)
        return ORRERY__BEAT_PHASE__BEAT_PLAYING;
    return clues_done(engine_clues(e)) ? ORRERY__BEAT_PHASE__BEAT_READING
                                       : ORRERY__BEAT_PHASE__BEAT_WAITING;
}

static void put_waiting(struct lab_engine *e, Orrery__LabState *s)
{
    const struct clues *c = engine_clues(e);
    if (s->phase != ORRERY__BEAT_PHASE__BEAT_WAITING || clues_done(c))
        return;
    struct buf text = {0};
    const Orrery__Clue *clue = c->all[c->at];
    buf_printf(&text, "%s", clue->event);
    if (clue->count > 1)
        buf_printf(&text, " (%u of %u)", c->seen, clue->count);
    buf_append(&text, bytes_of("", 1));
    s->waiting = must_copy((const char *)text.base);
    buf_free(&text);
}

static Orrery__ExerciseState *exercise_state(struct lab_engine *e, size_t i)
{
    const struct exercise_run *run = &e->exercises[i];
    const Orrery__Exercise *x = e->lab->exercises[i];
    Orrery__ExerciseState *s = must_alloc(1, sizeof *s);
    orrery__exercise_state__init(s);
    s->state = run->state;
    s->mine = run->mine;
    s->mine_number = run->mine_number;
    s->locked_at = run->locked_at;
    s->measured = run->measured;
    if (run->state == ORRERY__ANSWER_STATE__ANSWER_MEASURED) {
        s->measured_number = run->value.value;
        put_events(&s->events, &s->n_events, run->value.events, run->value.n_events);
        caption_write(*x->because ? x->because : run->value.sentence, &e->bindings,
                      e->options.timeline, &s->text, &s->n_text);
    } else if (run->state == ORRERY__ANSWER_STATE__ANSWER_FAILED) {
        static const struct bindings none;
        caption_write(run->failed, &none, e->options.timeline, &s->text, &s->n_text);
    }
    return s;
}

static Orrery__CheckState *invariant_state(const struct lab_engine *e, size_t i)
{
    const struct check_run *run = &e->checks[i];
    Orrery__CheckState *s = must_alloc(1, sizeof *s);
    orrery__check_state__init(s);
    s->text = must_copy(e->lab->invariants[i]->text);
    s->result = run->result;
    s->sentence = must_copy(run->sentence);
    put_events(&s->events, &s->n_events, run->events, run->n_events);
    return s;
}

static Orrery__CheckState *goal_state(const struct lab_engine *e, size_t i)
{
    const struct clues *c = &e->goals[i];
    Orrery__CheckState *s = must_alloc(1, sizeof *s);
    orrery__check_state__init(s);
    s->goal = true;
    s->text = must_copy(e->lab->goals[i]->ask);
    s->sentence = must_copy(e->goal_met[i] ? "" : e->lab->goals[i]->hint);
    if (e->goal_met[i]) {
        s->result = ORRERY__CHECK_RESULT__CHECK_PROVEN;
        put_events(&s->events, &s->n_events, c->events, c->n);
    }
    return s;
}

static void put_lists(struct lab_engine *e, Orrery__LabState *s)
{
    const Orrery__Lab *lab = e->lab;
    s->n_exercises = lab->n_exercises;
    s->exercises = must_alloc(lab->n_exercises, sizeof(Orrery__ExerciseState *));
    for (size_t i = 0; i < lab->n_exercises; i++)
        s->exercises[i] = exercise_state(e, i);
    s->n_checks = lab->n_invariants + lab->n_goals;
    s->checks = must_alloc(s->n_checks, sizeof(Orrery__CheckState *));
    for (size_t i = 0; i < lab->n_invariants; i++)
        s->checks[i] = invariant_state(e, i);
    for (size_t i = 0; i < lab->n_goals; i++)
        s->checks[lab->n_invariants + i] = goal_state(e, i);
    s->n_beats = lab->n_beats;
    s->beats = must_alloc(lab->n_beats, sizeof(Orrery__BeatState *));
    for (size_t i = 0; i < lab->n_beats; i++) {
        s->beats[i] = must_alloc(1, sizeof(Orrery__BeatState));
        orrery__beat_state__init(s->beats[i]);
        s->beats[i]->done = e->beats[i].done;
        s->beats[i]->first = e->beats[i].first;
        s->beats[i]->last = e->beats[i].last;
    }
    s->n_flaws = e->options.n_flaws;
    s->flaws = must_alloc(s->n_flaws, sizeof(char *));
    for (size_t i = 0; i < s->n_flaws; i++)
        s->flaws[i] = must_copy(e->options.flaws[i]);
}

void state_build(struct lab_engine *e)
{
    Orrery__LabState *s = must_alloc(1, sizeof *s);
    orrery__lab_state__init(s);
    size_t beat = e->review ? e->review - 1 : e->beat;
    s->lab = must_copy(e->lab->name);
    s->beat = e->lab->n_beats ? (uint32_t)beat + 1 : 0;
    s->phase = phase_of(e);
    s->headless = e->options.headless;
    if (e->lab->n_beats)
        caption_write(e->lab->beats[beat]->say, &e->bindings, e->options.timeline, &s->caption,
                      &s->n_caption);
    put_waiting(e, s);
    if (s->phase == ORRERY__BEAT_PHASE__BEAT_FAILED)
        s->failed = must_copy(e->sentence);
    put_lists(e, s);
    if (e->state)
        orrery__lab_state__free_unpacked(e->state, NULL);
    e->state = s;
}
