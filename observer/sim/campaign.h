/* Many seeds, on several processes: an assertion that fails ends a worker, not the campaign. */
#ifndef ORRERY_SIM_CAMPAIGN_H
#define ORRERY_SIM_CAMPAIGN_H

#include "sim/trial.h"

struct campaign {
    struct trial_wish wish;
    uint64_t from;
    uint64_t seeds;
    uint32_t jobs;
    /* In the order of the seeds' ends; `o` as in trial_run(), or made up of how the worker died.
     * False: enough is known, the campaign ends. */
    bool (*done)(void *ctx, uint64_t seed, const struct outcome *o);
    void *ctx;
};

/* 0; 2 when the cluster could not begin (told on stderr). */
int campaign_run(const struct campaign *c);

/* Runs one trial in a process of its own; the outcome says how that died, if it did. */
int campaign_one(const struct trial *t, const struct trial_watch *watch, struct outcome *o);

#endif
