/* The cluster of real processes on this machine: what cluster_agent_new() gives.
 *
 * A node is a place in the cluster; a life is one process of it, from spawn to the last byte of its
 * ring. The observer never waits for a node: what it asks for comes back as events, exits and
 * frames, all on the loop's thread. */
#ifndef ORRERY_AGENT_AGENT_H
#define ORRERY_AGENT_AGENT_H

#include "agent/life.h"
#include "base/clock.h"
#include "base/errors.h"
#include "cluster/cluster.h"
#include "cluster/faults.h"
#include "cluster/groups.h"
#include "node.pb-c.h"

#include <uv.h>

enum { SECRET_BYTES = 16, STOP_GRACE_MS = 3000, SPAWNS_A_TURN = 8, SPAWNS_AT_ONCE = 48 };

struct agent_node {
    struct agent *agent;
    uint32_t node;
    char name[16];
    size_t group;
    enum node_state state;
    uint32_t boot;
    struct life *life; /* NULL while there is no process. */
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
    uint64_t epoch_ns;
    struct clock clock;
    struct faults faults;
    struct agent_node **nodes;
    uint32_t n_nodes;
    bool begun;        /* Members were sent: the cluster runs. */
    uint32_t starting; /* Lives that are not ready yet. */
    struct agent_held *held;
    size_t n_held;
    uv_signal_t child;
    uv_timer_t sweep;
    uv_timer_t spawner;
    uint32_t spawn_from; /* Where the spawner looks next. */
    uint64_t sweep_ms;
    struct buf scratch;
    uint32_t handles; /* Open handles of libuv. */
    bool ending;
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
uint64_t machine_now(void); /* Monotonic, in nanoseconds. */
void agent_changed(struct agent *a, const struct agent_node *n);
void agent_words(struct agent_node *n, const char *words);

/* spawn.c */
void agent_want(struct agent_node *n, uint64_t because); /* A new life, as soon as may be. */
void agent_spawn_tick(uv_timer_t *timer);

/* control.c */
void control_open(struct life *l, int fd);
void control_last_words(struct life *l); /* What a dead process had still to say. */
void control_say(struct life *l, const Orrery__ToNode *message);
void agent_send_members(struct agent *a, struct agent_node *to); /* NULL: to all. */
void agent_begin_if_ready(struct agent *a);

/* reap.c */
void agent_child(uv_signal_t *signal, int number);
void agent_reap(struct agent *a);

/* sweep.c */
void agent_sweep(uv_timer_t *timer);
void life_drain(struct life *l); /* All that is in its ring; the process is dead. */
void agent_drop_held(struct agent *a, uint32_t node, uint32_t to); /* 0: any. */

/* power.c: takes away what a power cut would; returns how many bytes. */
uint64_t life_power_cut(struct life *l);

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
