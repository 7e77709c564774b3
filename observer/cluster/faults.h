/* The faults that are in force: what a node must be told when it starts again, and what `status`
 * says. Kept by whoever runs the cluster, from the commands it was given. */
#ifndef ORRERY_CLUSTER_FAULTS_H
#define ORRERY_CLUSTER_FAULTS_H

#include "base/bytes.h"
#include "command.pb-c.h"

struct fault_links { /* Of one sender: towards everybody (to = 0), then what differs from it. */
    Orrery__LinkFault *rules;
    size_t n;
};

struct fault_break {
    uint32_t id;
    uint32_t node;
    uint64_t because;   /* Lane 0: the command that set it. */
    Orrery__Break what; /* Its texts are owned. */
};

struct faults {
    uint32_t nodes;
    struct fault_links *links;  /* [nodes], by sender - 1 */
    Orrery__DiskFault *disks;   /* [nodes] */
    Orrery__ClockFault *clocks; /* [nodes] */
    struct fault_break *breaks;
    size_t n_breaks;
    Orrery__Hold *holds;
    size_t n_holds;
    Orrery__Pace *paces; /* Oldest first. */
    size_t n_paces;
};

void faults_free(struct faults *f);
void faults_grow(struct faults *f, uint32_t nodes); /* More nodes, all well. */

/* Calls each(ctx, sender, fault) for what senders must be told; `fault` names one direction.
 * Without a `to` it is meant for every receiver. */
typedef void faults_tell(void *ctx, uint32_t sender, const Orrery__LinkFault *fault);
void faults_cut(struct faults *f, const Orrery__Cut *cut, faults_tell *each, void *ctx);
void faults_heal(struct faults *f, const Orrery__Heal *heal, faults_tell *each, void *ctx);
void faults_link(struct faults *f, const Orrery__LinkFault *link, faults_tell *each, void *ctx);

void faults_disk(struct faults *f, uint32_t node, const Orrery__DiskFault *disk);
void faults_clock(struct faults *f, uint32_t node, const Orrery__ClockFault *clock);
void faults_break(struct faults *f, uint32_t node, const Orrery__Break *what, uint64_t because);
/* NULL when there is none; valid until the next change. */
const struct fault_break *faults_broke(const struct faults *f, uint32_t node, uint32_t id);
/* A breakpoint counts once a node: also called when it was hit. */
void faults_unbreak(struct faults *f, uint32_t node, uint32_t id); /* id 0: all of the node's. */
void faults_hold(struct faults *f, const Orrery__Hold *hold);
void faults_pace(struct faults *f, const Orrery__Pace *pace);

/* In words, "n1 to n2: cut", "disk slow 50ms"; node 0 where it concerns all. */
void faults_each(const struct faults *f, void (*each)(void *arg, uint32_t node, const char *words),
                 void *arg);

#endif
