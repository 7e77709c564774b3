/* One seed of a campaign: what is drawn from it, and what becomes of it.
 *
 * A trial is a safety phase with faults, then everything is healed and started, then liveness is
 * demanded. It fails when a checker refutes an invariant, when a node calls a peer's bytes bad, or
 * when a client is left without its answers. All that happens is decided before it begins, as
 * command lines with times, so a fault can be taken out and all else stays as it was. */
#ifndef ORRERY_SIM_TRIAL_H
#define ORRERY_SIM_TRIAL_H

#include "check/check.h"
#include "sim/world.h"

enum { TRIAL_SETTINGS_MAX = 32, TRIAL_FLAWS_MAX = 8, TRIAL_LINE_MAX = 160, TRIAL_ENDS_MAX = 2 };

struct planned {
    nsec at;
    nsec until;
    bool out; /* Taken out. */
    char begin[TRIAL_LINE_MAX];
    char end[TRIAL_ENDS_MAX][TRIAL_LINE_MAX]; /* At `until`; "" for none. */
};

struct trial {
    uint64_t seed;
    char protocol[32];
    uint32_t nodes;
    struct world_options world; /* Without groups: the one is made of the fields here. */
    char settings[TRIAL_SETTINGS_MAX][96];
    size_t n_settings;
    char flaws[TRIAL_FLAWS_MAX][48];
    size_t n_flaws;
    struct planned *faults;
    size_t n_faults;
    nsec calm;        /* Faults end, all is healed and started. */
    bool restart_all; /* Then those that live, too. */
    nsec audit;       /* Clients finish; 0: there are none. */
    nsec end;
};

/* What the user asked for goes before what is drawn. */
struct trial_wish {
    const char *protocol;
    uint32_t nodes;   /* 0: drawn */
    uint32_t seconds; /* Of simulated time, about; 0: drawn */
    const char *const *settings;
    size_t n_settings;
    const char *const *flaws;
    size_t n_flaws;
};

/* `t` is fresh, and to be freed. False and a sentence: there is no such protocol. */
bool trial_draw(struct trial *t, uint64_t seed, const struct trial_wish *wish, char *why,
                size_t why_size);
void trial_free(struct trial *t);

enum { OUTCOME_WHY_MAX = 400 };

struct outcome {
    bool failed;
    uint64_t hash; /* Of all events in their order. */
    uint64_t events;
    char why[OUTCOME_WHY_MAX]; /* It failed. */
    char invariant[64];        /* "heartbeat accuracy" */
};

struct trial_watch {
    const char *recording; /* NULL: none. */
    /* Told of every entry, and of all findings at the end; may be NULL. */
    void (*entry)(void *ctx, const struct entry *e);
    void (*findings)(void *ctx, const struct check *c);
    void *ctx;
};

/* `watch` may be NULL. 0; or negative and a sentence when the cluster or the recording could not
 * begin. */
int trial_run(const struct trial *t, const struct trial_watch *watch, struct outcome *o, char *why,
              size_t why_size);

/* Takes faults out and shortens them as long as it still fails with the same invariant. Returns how
 * many runs that took. */
uint32_t trial_shrink(struct trial *t, struct outcome *o);

/* The command lines with from <= time < to, in their order; to be freed. */
struct trial_line {
    nsec at;
    const char *line;
};
struct trial_line *trial_lines(const struct trial *t, nsec from, nsec to, size_t *n);

/* What is left of the plan, a command line with its time each. */
void trial_print(const struct trial *t, struct buf *into);

/* profile.c: settings, phases and load that suit a protocol; any protocol has some. */
struct profile {
    const char *protocol;
    void (*draw)(struct trial *t, struct random *random);
};
const struct profile *profile_find(const char *protocol);
void trial_set(struct trial *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* draw.c: faults by a seed; which kinds there are, and how often, is drawn first (a swarm: a run
 * with few kinds goes deeper than one with all). */
void faults_draw(struct trial *t, uint64_t seed);

#endif
