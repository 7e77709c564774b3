/* One face for the places where a cluster can live: processes on this machine, of agents on others,
 * the simulator. The same commands, the same events.
 *
 * A cluster takes commands and gives events; it knows nothing of the timeline behind them. Calls
 * return at once; what they caused comes back as events. All on one thread. */
#ifndef ORRERY_CLUSTER_CLUSTER_H
#define ORRERY_CLUSTER_CLUSTER_H

#include "base/bytes.h"
#include "command.pb-c.h"
#include "event.pb-c.h"

enum node_state {
    NODE_STARTING,
    NODE_RUNNING,
    NODE_PAUSED,
    NODE_STOPPED, /* Ended as asked. */
    NODE_KILLED,
    NODE_FAILED, /* Ended by itself, or never came up. */
    NODE_REMOVED,
};

const char *node_state_name(enum node_state state);

struct cluster_instance {
    const char *protocol;
    const char *const *settings; /* KEY=VALUE */
    size_t n_settings;
    const char *const *flaws;
    size_t n_flaws;
};

enum { CLUSTER_GROUPS_MAX = 16 };

/* Nodes that run the same. They are numbered in the order of the groups. */
struct cluster_group {
    const char *name; /* Its role in the cluster; NULL where there is but one. */
    uint32_t nodes;
    const struct cluster_instance *instances; /* On each node, numbered from 1 in this order. */
    size_t n_instances;
    /* Groups whose nodes are its members, by bit; 0: all that run the same protocols. Holds only
     * where the other one agrees. */
    uint32_t peers;
};

struct cluster_load { /* Of the clients that a simulated cluster has. */
    uint32_t clients; /* For each node that serves some. */
    double rate;      /* Requests a second of each; 0: as fast as answers come. */
    uint32_t keys;
    uint32_t value_bytes; /* At most. */
};

struct pool;

struct cluster_spec {
    const struct cluster_group *groups; /* Copied. */
    size_t n_groups;
    uint64_t seed;
    Orrery__Level level;
    const char *directory;           /* Nodes' disks live below it. */
    const struct cluster_load *load; /* Simulated clusters only; NULL: as they like. */
    size_t ring_bytes;               /* 0: chosen by the number of nodes. */
    struct pool *agents; /* Real processes: of other hosts' agents (agent/pool.h); NULL: here. */
};

/* What the cluster tells. */
struct cluster_sink {
    /* The next packed Event of a node's life, in its order. */
    void (*event)(void *ctx, uint32_t node, uint32_t boot, struct bytes event);
    /* An event of lane 0 (spawn, exit): seq and lamport to be filled in; returns the seq. */
    uint64_t (*outside)(void *ctx, Orrery__Event *event);
    void (*stream_end)(void *ctx, uint32_t node, uint32_t boot);
    void (*watermark)(void *ctx, uint64_t mono_ns);
    /* A node changed its state, port or pid. */
    void (*changed)(void *ctx, uint32_t node);
};

struct cluster_node {
    uint32_t node;
    char name[16];
    const char *group; /* Its role; "" where there is none. */
    enum node_state state;
    uint32_t boot;
    int32_t pid; /* 0 where there is no process. */
    uint16_t udp_port;
    uint16_t tcp_port;
    uint16_t client_port;
    uint64_t lost;       /* Events that did not fit its ring. */
    const char *words;   /* Its last lines on stderr, or why it failed; never NULL. */
    const char *address; /* Of its ports; NULL where they are none. */
    const char *host;    /* Of an agent elsewhere, whose name that is; NULL: it is here. */
    bool one_clock;      /* That one reads our very clock; else, when it has been measured, */
    bool offset_known;
    int64_t offset_ns;        /* theirs minus ours is this, */
    uint64_t offset_bound_ns; /* give or take. */
};

struct cluster;

struct cluster_ops {
    /* 0, or negative and a sentence. `because` is the seq on lane 0 of the operator's event. */
    int (*command)(struct cluster *c, const Orrery__Command *command, uint64_t because, char *why,
                   size_t why_size);
    uint32_t (*nodes)(const struct cluster *c); /* Ever added; ids 1 to this. */
    bool (*node)(const struct cluster *c, uint32_t node, struct cluster_node *into);
    /* Name of the i-th group, from 0; NULL past the last. */
    const char *(*group)(const struct cluster *c, size_t i);
    void (*now)(const struct cluster *c, uint64_t *mono_ns, int64_t *wall_ns);
    double (*pace)(const struct cluster *c);
    /* Ends every node, then calls done(ctx). */
    void (*end)(struct cluster *c, void (*done)(void *ctx), void *ctx);
    void (*free)(struct cluster *c); /* After done. */
    /* Faults in force, one in words per call. */
    void (*faults)(const struct cluster *c,
                   void (*each)(void *arg, uint32_t node, const char *words), void *arg);
    /* Messages held back, waiting to be delivered by hand. */
    uint32_t (*held)(const struct cluster *c);
};

uint64_t cluster_now(const struct cluster *c); /* Of its monotonic clock. */
/* What every backend must refuse: nodes that are not there, or in no state for it. 0, or negative
 * and a sentence. */
int cluster_check(const struct cluster *c, const Orrery__Command *command, char *why,
                  size_t why_size);
/* Replaces "all" in a command's lists by the nodes that are there. */
void cluster_expand(const struct cluster *c, Orrery__Command *command);

struct cluster {
    const struct cluster_ops *ops;
    struct cluster_sink sink;
    void *sink_ctx;
    uint64_t end_because; /* Seq on lane 0 of what made the run end; set before end(). */
};

/* Backends. NULL and a sentence when it cannot begin. */
struct uv_loop_s;
struct cluster *cluster_agent_new(struct uv_loop_s *loop, const struct cluster_spec *spec,
                                  const struct cluster_sink *sink, void *ctx, char *why,
                                  size_t why_size); /* agent/: real processes */
/* Path of the program that a node is, to be freed; NULL and a sentence. */
char *cluster_node_program(char *why, size_t why_size);
struct cluster *cluster_sim_new(const struct cluster_spec *spec, const struct cluster_sink *sink,
                                void *ctx, char *why, size_t why_size); /* sim/ */
/* Simulated time only passes when told to: runs everything due up to cluster time `until`. */
void cluster_sim_run(struct cluster *c, uint64_t until);

#endif
