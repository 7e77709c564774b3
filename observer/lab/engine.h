/* Plays a lab over a run: its beats, exercises, goals and invariants.
 *
 * The engine waits for events and for time, and acts by command lines; where the run lives it does
 * not know. It is told every entry as it leaves the merge, and the time a few times a second; all
 * that it decides, it decides then. With the same entries and times it does the same.
 *
 * Where something goes wrong, as a beat whose time runs out, a headless run ends; a viewer is told,
 * and goes on from there (pause false, or a later beat), or tries again (the same beat).
 *
 * Who goes to a later beat passes over captions and questions, not over what they do to the
 * cluster.
 *
 * An exercise is open until it is answered, then locked; only then its commands are given, so the
 * events that answer it cannot be seen before. A headless run gives captions no time and answers by
 * itself; its outcome rests on events alone: every beat's clues came, every exercise was measured,
 * every invariant is proven. With a flaw on, a headless run plays the flaw's own scene instead of
 * the walk, and is to end refuted. */
#ifndef ORRERY_LAB_ENGINE_H
#define ORRERY_LAB_ENGINE_H

#include "lab.pb-c.h"
#include "session.pb-c.h"
#include "timeline/timeline.h"

struct lab_engine;

enum lab_outcome {
    LAB_RUNNING,
    LAB_PROVEN,
    LAB_REFUTED, /* An invariant is: the sentence names the events. */
    LAB_FAILED,  /* A beat's time ran out, or a command was refused. */
};

struct lab_engine_options {
    const Orrery__Lab *lab; /* That was linted; borrowed. */
    struct timeline *timeline;
    bool headless;
    const char *const *flaws; /* That are on. */
    size_t n_flaws;
    const char *run; /* For the notebook: the run's name and its recording's path. */
    const char *recording;
    /* Does what a line says: 0, or negative and a sentence. */
    int (*act)(void *ctx, const char *line, char *why, size_t why_size);
    uint64_t (*now)(void *ctx); /* Cluster time. */
    /* The state is another. NULL: nobody listens. */
    void (*changed)(void *ctx, const Orrery__LabState *state);
    /* An answer was measured. NULL: nobody keeps them. */
    void (*noted)(void *ctx, const Orrery__NotebookEntry *entry);
    void *ctx;
};

struct lab_engine *lab_engine_new(const struct lab_engine_options *options);
void lab_engine_free(struct lab_engine *e);

void lab_engine_entry(struct lab_engine *e, const struct entry *entry);
/* `wall_ns` counts the viewer's time, by which captions are read; only differences matter. */
void lab_engine_tick(struct lab_engine *e, uint64_t wall_ns);
/* What the viewer wants; false and a sentence. `again` is not the engine's: begin another. */
bool lab_engine_do(struct lab_engine *e, const Orrery__LabDo *what, char *why, size_t why_size);

const Orrery__LabState *lab_engine_state(struct lab_engine *e); /* Lives until the next call. */
/* The timeline is about to go: the state stays as it is. */
void lab_engine_freeze(struct lab_engine *e);
/* The caption of a beat (index) with the names that are bound by now; parts and list on the heap.
 */
void lab_engine_caption(struct lab_engine *e, size_t beat, Orrery__Part ***parts, size_t *n);
uint64_t lab_engine_events(const struct lab_engine *e); /* That it was told. */
enum lab_outcome lab_engine_outcome(const struct lab_engine *e);
const char *lab_engine_sentence(const struct lab_engine *e); /* Of the outcome. */

#endif
