/* The figures there are; each prints its table, and says whether it is within tolerance. */
#ifndef ORRERY_FIGURE_INNER_H
#define ORRERY_FIGURE_INNER_H

#include <stdbool.h>
#include <stdint.h>

struct figure_options {
    bool json;
    bool simulated;  /* Leaves out what needs real processes. */
    uint32_t trials; /* Of each kind, where a figure is made of trials; 0: as many as it wants. */
    const char *svg; /* NULL: none. */
};

struct figure {
    const char *name;
    const char *summary;
    int (*run)(const struct figure_options *options); /* An exit code. */
};

int figure_heartbeat(const struct figure_options *options);
int figure_backpropagation(const struct figure_options *options);
int figure_raft(const struct figure_options *options);
int figure_wal(const struct figure_options *options);
int figure_rate_limiting(const struct figure_options *options);

#endif
