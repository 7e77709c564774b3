/* A simulated world: nodes, network, disks, clocks and clients under one seed and one virtual
 * clock.
 *
 * The protocols are the real ones, run by the real host; every message goes through the codec and
 * every record through the log's own code onto a disk in memory. What would take time in reality is
 * a happening in one heap, ordered by (time, insertion), so a seed repeats itself to the bit.
 *
 * Each concern draws from its own stream of random numbers: a fault added in one place reshuffles
 * nothing in another. */
#ifndef ORRERY_SIM_WORLD_H
#define ORRERY_SIM_WORLD_H

#include "cluster/cluster.h"
#include "core/core.h"

struct world;

struct world_options {
    const struct cluster_group *groups; /* Copied. */
    size_t n_groups;
    uint64_t seed;
    Orrery__Level level;

    nsec latency;        /* Of a message when nothing is wrong, and */
    nsec latency_spread; /* the mean of an exponential on top. */
    nsec write_ns;       /* Handing records to the kernel, and */
    nsec sync_ns;        /* a sync, and the mean of */
    nsec sync_spread;    /* an exponential on top. */
    nsec boot_ns;        /* From spawn to the first step. */
    nsec wake_late;      /* Mean lateness of the scheduler; 0: always on time. */

    uint32_t clients;   /* For each node of a store. */
    uint32_t pipeline;  /* Most requests that a client has under way. */
    uint32_t keys;      /* They share so many. */
    uint32_t value_max; /* Bytes. */
    double conditional; /* Share of requests that compare, watch, or let a key go in time. */
    nsec think_ns;      /* Mean pause of a client between two bursts. */
    /* What a client asks does not hang on when it is answered, nor by whom; and whenever it
     * connects, it first reads every key. */
    bool scripted;
};

void world_defaults(struct world_options *options);

/* Spawns the nodes at time 0. NULL and a sentence when protocol, setting or flaw is refused. */
struct world *world_new(const struct world_options *options, const struct cluster_sink *sink,
                        void *sink_ctx, char *why, size_t why_size);
void world_free(struct world *w);

/* Runs all that is due up to and including `until`; the time is `until` then. */
void world_run(struct world *w, nsec until);
nsec world_now(const struct world *w);
int64_t world_wall(const struct world *w); /* The machine's wall clock. */

/* 0, or negative and a sentence. `because`: the command's seq on lane 0. */
int world_command(struct world *w, const Orrery__Command *command, uint64_t because, char *why,
                  size_t why_size);
double world_pace(const struct world *w);
uint32_t world_nodes(const struct world *w);
bool world_node(const struct world *w, uint32_t node, struct cluster_node *into);
void world_faults(const struct world *w, void (*each)(void *arg, uint32_t node, const char *words),
                  void *arg);
uint64_t world_events(const struct world *w); /* Told so far. */

/* Clients stop asking anew, read every key once more, and fall silent. */
void world_clients_finish(struct world *w);
/* The first client that is owed something: it has not finished. 0: none; else its number, the node
 * that it talks to and a sentence. */
uint32_t world_client_waits(const struct world *w, uint32_t *node, char *why, size_t why_size);
uint64_t world_client_answers(const struct world *w);

#endif
