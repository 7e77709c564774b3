/* What the viewer wants: to another beat, to stop, to answer. */
#include "lab/engine_impl.h"

#include <stdio.h>

/* Past what went wrong, or (to the same beat) once more at it. */
static void free_from(struct lab_engine *e, uint32_t beat)
{
    if (beat - 1 == e->beat)
        engine_begin(e, WALK_BEAT);
    else
        engine_go_on(e);
}

static bool go(struct lab_engine *e, uint32_t beat, char *why, size_t why_size)
{
    if (beat < 1 || beat > e->lab->n_beats) {
        snprintf(why, why_size, "there is no beat %u: they go from 1 to %zu", beat,
                 e->lab->n_beats);
        return false;
    }
    bool stuck = e->step == WALK_STUCK && beat - 1 >= e->beat;
    e->review = 0;
    if (beat - 1 < e->beat || (beat - 1 == e->beat && e->step > WALK_BEAT && !stuck))
        e->review = beat;
    else
        e->rush_to = beat - 1;
    if (stuck)
        free_from(e, beat);
    if (!e->review && e->step == WALK_ASK && e->rush_to > e->beat) { /* Left unanswered. */
        e->exercises[e->exercise].state = ORRERY__ANSWER_STATE__ANSWER_NOT_YET;
        e->exercises[e->exercise].passed = true;
        engine_begin(e, WALK_PASSED);
    }
    e->dirty = true;
    return true;
}

static bool answer(struct lab_engine *e, const Orrery__Answer *a, char *why, size_t why_size)
{
    if (e->step != WALK_ASK || a->exercise != e->exercise) {
        snprintf(why, why_size, "this exercise is not open now");
        return false;
    }
    const Orrery__Exercise *x = e->lab->exercises[e->exercise];
    if (x->n_choices && (a->choice < 0 || (size_t)a->choice >= x->n_choices)) {
        snprintf(why, why_size, "there is no such choice: they go from 0 to %zu", x->n_choices - 1);
        return false;
    }
    if (x->number && !(a->number >= x->number->min && a->number <= x->number->max)) {
        snprintf(why, why_size, "the number goes from %g to %g", x->number->min, x->number->max);
        return false;
    }
    engine_lock(e, x->n_choices ? a->choice : -1, a->number);
    return true;
}

bool lab_engine_do(struct lab_engine *e, const Orrery__LabDo *what, char *why, size_t why_size)
{
    switch (what->verb_case) {
    case ORRERY__LAB_DO__VERB_GO:
        return go(e, what->go, why, why_size);
    case ORRERY__LAB_DO__VERB_PAUSE:
        e->paused = what->pause;
        e->review = what->pause ? e->review : 0;
        if (!what->pause && e->step == WALK_STUCK)
            engine_go_on(e);
        e->dirty = true;
        return true;
    case ORRERY__LAB_DO__VERB_ANSWER:
        return answer(e, what->answer, why, why_size);
    default:
        snprintf(why, why_size, "the lab cannot do that here");
        return false;
    }
}
