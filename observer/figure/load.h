/* Clients that write as fast as they are answered, in a process of their own. */
#ifndef ORRERY_FIGURE_LOAD_H
#define ORRERY_FIGURE_LOAD_H

#include <stdbool.h>
#include <stdint.h>

struct load {
    int fd; /* Tells when it is over. */
    int pid;
};

struct load_result {
    uint64_t commits; /* Answers in the measured time. */
    double seconds;
    double latency_s; /* Mean. */
    bool failed;
};

/* Each of `clients` has one SET of a key of its own under way, of `value` bytes; the first
 * `warm_s` do not count. False: no process. */
bool load_begin(struct load *l, uint16_t port, uint32_t clients, uint32_t value, double warm_s,
                double measured_s);
bool load_over(const struct load *l); /* Its result waits. */
struct load_result load_end(struct load *l);

/* A file of zeros beside a node's logs, to measure its disk by. */
struct probe {
    int fd;
    uint64_t at;
};

bool probe_open(struct probe *p, const char *folder); /* False: it cannot be made there. */
void probe_close(struct probe *p);
/* How often a second it can be synced when `bytes` were added, measured for `seconds`; 0: it fails.
 */
double probe_syncs(struct probe *p, uint32_t bytes, double seconds);

#endif
