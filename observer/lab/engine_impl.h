/* The inside of the engine. */
#ifndef ORRERY_LAB_ENGINE_IMPL_H
#define ORRERY_LAB_ENGINE_IMPL_H

#include "check/check.h"
#include "check/measure.h"
#include "lab/clues.h"
#include "lab/engine.h"

#define LAB_MS UINT64_C(1000000)
enum {
    WITHIN_MS = 20000,     /* Where a lab does not say. */
    SETTLE_MS = 8000,      /* That the invariants have at the end of a headless walk. */
    JUDGE_EVERY_MS = 250,  /* Cluster time between two judgements of the whole run. */
    READ_ANSWER_MS = 6000, /* That a measured answer is shown before the walk goes on. */
    LEAD_MS = 2000,        /* That a caption is read before its commands are given, at most. */
};

enum walk_step {
    WALK_BEAT,
    WALK_ASK,
    WALK_PASSED, /* A question that is not asked: what it does to the cluster is done. */
    WALK_LOCKED,
    WALK_ANSWERED,
    WALK_SETTLE,
    WALK_FLAW,
    WALK_STUCK, /* Something went wrong, and the viewer decides how to go on. */
    WALK_OVER
};

struct exercise_run {
    bool passed; /* It was not asked, and will not be. */
    Orrery__AnswerState state;
    int32_t mine;
    double mine_number;
    uint64_t locked_at;
    int32_t measured;
    struct measured value;
    struct clues clues;
    char failed[400];
};

struct check_run { /* An invariant. */
    Orrery__CheckResult result;
    uint32_t n_events;
    uint64_t events[FINDING_EVENTS_MAX];
    char sentence[FINDING_SENTENCE_MAX];
};

struct beat_run {
    bool done;
    uint64_t first;
    uint64_t last;
};

struct lab_engine {
    struct lab_engine_options options;
    const Orrery__Lab *lab;
    struct bindings bindings;
    enum walk_step step;
    size_t beat;     /* Index. */
    size_t exercise; /* Index, while one is asked or measured. */
    size_t flaw;     /* Index in the lab's. */
    uint32_t tries;  /* Of its scene, that showed nothing. */
    bool acted;      /* The commands of this step were given. */
    bool paused;
    size_t review;     /* Beat that is looked at again, from 1; 0: none. */
    size_t rush_to;    /* Until this beat captions get no time. */
    uint64_t began_ns; /* Cluster time at which the step's commands were given. */
    uint64_t judged_ns;
    uint64_t wall_ns; /* Of the last tick. */
    bool ticked;
    uint64_t read_ns; /* That the viewer had for this step. */
    uint64_t acts;    /* Commands given. */
    uint64_t told;    /* Entries. */
    struct clues clues;
    struct clues *goals;
    bool *goal_met;
    bool goals_open; /* The user has the cluster: what happens now is his. */
    struct beat_run *beats;
    struct exercise_run *exercises;
    struct check *check; /* Live. */
    struct check_run *checks;
    enum lab_outcome outcome;
    char sentence[700];
    bool dirty;
    bool frozen;
    Orrery__LabState *state;
};

struct clues *engine_clues(struct lab_engine *e); /* Those of the step. */
void engine_begin(struct lab_engine *e, enum walk_step step);
void engine_go_on(struct lab_engine *e); /* To the next question, or beat. */
void engine_lock(struct lab_engine *e, int32_t choice, double number);
void engine_over(struct lab_engine *e, enum lab_outcome outcome, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* engine_judge.c */
void judge_live(struct lab_engine *e); /* What is refuted so far. */
/* Judges all that happened until now as if it ended here. */
enum verdict judge_all(struct lab_engine *e, struct finding *worst, const char *about);
bool judge_proven(const struct lab_engine *e); /* Every invariant of the lab is. */
void judge_exercise(struct lab_engine *e, size_t i);

/* engine_state.c */
void state_build(struct lab_engine *e);

#endif
