/* The cluster of real processes, on this machine or on those of a pool's agents: what
 * cluster_agent_new() gives.
 *
 * A node is a place in the cluster; a life is one process of it, from spawn to the last byte of its
 * ring. The observer never waits for a node: what it asks for comes back as events, exits and
 * frames, all on the loop's thread. */
#ifndef ORRERY_AGENT_AGENT_H
#define ORRERY_AGENT_AGENT_H

#include "agent/clocks.h"
#include "agent/life.h"
#include "agent/pool.h"
#include "agent/process.h"
#include "base/clock.h"
#include "base/errors.h"
#include "cluster/cluster.h"
#include "cluster/faults.h"
#include "cluster/groups.h"
#include "node.pb-c.h"

#include <uv.h>

enum {
    SECRET_BYTES = 16,
    STOP_GRACE_MS = 3000,
    SPAWNS_A_TURN = 8,
    SPAWNS_AT_ONCE = 48,
    EXIT_UNKNOWN_CODE = -1, /* Of an exit that nobody saw. */
};

struct agent_node {
    struct agent *agent;
    uint32_t node;
    char name[16];
    size_t group;
    enum node_state state;
    uint32_t boot;
    struct life *life; /* NULL while there is no process. */
    struct seat *seat; /* Its place in the pool; NULL: here, or none yet. */
    char address[ADDRESS_ROOM];
    bool moved; /* It has another one than others were told. */
    uint16_t udp_port, tcp_port, client_port;
    bool fixed_ports; /* The next life is to have the same. */
    bool known;       /* It was ready once: others have its address. */
    bool removed;
    bool spawn_wanted;
    uint64_t spawn_because;
    uint64_t lost;   /* Events of ended lives that did not fit. */
    char **settings; /* Changed while it ran: "KEY=VALUE", by instance. */
    uint32_t *settings_of;
    size_t n_settings;
    char *words;
};

struct agent_held {
    uint32_t node;
    uint64_t event;
    uint32_t to;
    bool in_order; /* Of a stream. */
};

struct agent {
    struct cluster cluster; /* First: the face is the object. */
    uv_loop_t *loop;
    char *program; /* Path of orrery-node. */
    char *directory;
    struct groups groups;
    uint64_t seed;
    Orrery__Level level;
    size_t ring_bytes;
    uint8_t secret[SECRET_BYTES];
    uint8_t
        run_key[SEAL_KEY]; /* Seals what the nodes of this run send, where they are elsewhere. */
    uint64_t epoch_ns;
    struct clock clock;
    struct faults faults;
    struct agent_node **nodes;
    uint32_t n_nodes;
    bool begun;        /* Members were sent: the cluster runs. */
    uint32_t starting; /* Lives that are not ready yet. */
    struct agent_held *held;
    size_t n_held;
    struct family family;
    struct pool *pool;      /* NULL: all is on this machine. */
    char run[ADDRESS_ROOM]; /* Names the folder of the nodes' disks at the pool's agents. */
    uv_timer_t sweep;
    uv_timer_t spawner;
    uint32_t spawn_from; /* Where the spawner looks next. */
    uint64_t sweep_ms;
    uint64_t seen_ns;        /* Told as watermark. */
    uint64_t waits_since_ns; /* For agents, to seat its nodes; 0: they have their seats. */
    struct buf scratch;
    uint32_t handles; /* Open handles of libuv. */
    bool ending;
    bool killed; /* What did not end as asked was killed. */
    bool closing;
    uv_timer_t grace;
    void (*done)(void *ctx);
    void *done_ctx;
};

static inline struct agent *agent_of(struct cluster *c)
{
    return (struct agent *)c;
}

struct agent_node *agent_node(const struct agent *a, uint32_t node); /* NULL when there is none. */
void agent_now(const struct agent *a, uint64_t *mono_ns, int64_t *wall_ns);
void agent_changed(struct agent *a, const struct agent_node *n);
void agent_words(struct agent_node *n, const char *words);

/* spawn.c */
void agent_want(struct agent_node *n, uint64_t because); /* A new life, as soon as may be. */
void agent_spawn_tick(uv_timer_t *timer);

/* control.c */
void agent_send_members(struct agent *a, struct agent_node *to); /* NULL: to all. */
void agent_begin_if_ready(struct agent *a);

/* sweep.c */
void agent_sweep(uv_timer_t *timer);
void life_drain(struct life *l); /* All that is in its ring; the process is dead. */
void agent_drop_held(struct agent *a, uint32_t node, uint32_t to); /* 0: any. */

/* agent.c */
int agent_add(struct agent *a, const Orrery__Add *add, uint64_t because, char *why,
              size_t why_size);

/* act.c */
int agent_command(struct cluster *c, const Orrery__Command *command, uint64_t because, char *why,
                  size_t why_size);
void agent_kill(struct agent_node *n, uint64_t because);
void agent_quit(struct agent_node *n, uint64_t because);

/* agent.c */
void agent_finish_if_empty(struct agent *a); /* After a life ended, while the cluster ends. */
void agent_handle_closed(struct agent *a);

#endif
