/* The smallest world that protocols can live in: hosts, messages that wait until they are told to
 * arrive, logs in memory that are synced when told, one clock. Nothing happens by itself, and all
 * that happens is written down as text. */
#ifndef ORRERY_SCRIPT_WORLD_H
#define ORRERY_SCRIPT_WORLD_H

#include "core/host.h"

enum { WORLD_NODES_MAX = 16, WORLD_LOGS_MAX = LOGS_MAX, WORLD_WORDS_MAX = 64 };

struct world_record {
    lsn at;
    uint8_t type;
    bool durable;
    struct buf body;
};

struct world_log {
    struct world_record *records; /* Ascending. */
    size_t n;
    size_t cap;
    lsn snapshot_at;
    struct buf snapshot;
    bool durable_snapshot;
};

struct world;

struct world_node {
    struct world *world;
    node_id id;
    uint32_t boot;     /* Of its newest life, ours or made up. */
    struct host *host; /* NULL while it is down. */
    int64_t skew_ns;
    uint64_t requests[WORLD_WORDS_MAX]; /* By client. */
    struct world_log logs[WORLD_LOGS_MAX];
};

struct world_message {
    node_id from;
    node_id to;
    enum transport transport;
    nsec sent_at;
    struct buf frame;
};

struct world {
    const struct core_ops *ops;
    uint32_t n_nodes;
    node_id members[WORLD_NODES_MAX];
    struct world_node nodes[WORLD_NODES_MAX];
    Orrery__KeyValue *settings[WORLD_WORDS_MAX];
    size_t n_settings;
    char *flaws[WORLD_WORDS_MAX];
    size_t n_flaws;
    nsec now;
    nsec latency;                   /* Of messages while the world runs by itself. */
    struct world_message *messages; /* In the order of sending. */
    size_t n_messages;
    size_t cap_messages;
    char *hidden[WORLD_WORDS_MAX]; /* Kinds of events that are not written down. */
    size_t n_hidden;
    bool autosync;
    struct buf *text; /* Where it is written down. */
};

void world_init(struct world *w, struct buf *text);
void world_free(struct world *w);

struct moment world_moment(const struct world_node *n);
bool world_start(struct world_node *n, uint64_t seed, char *why, size_t why_size);
void world_down(struct world_node *n, bool power);
void world_sync(struct world_node *n, const char *only /* a log's name, or NULL */);
/* Puts a record on the disk of a node that is down, behind those that are there. */
void world_record(struct world_node *n, uint32_t log, uint8_t type, struct bytes body);
void world_deliver(struct world *w, size_t message); /* And takes it off the queue. */
void world_lose(struct world *w, size_t message);
void world_run(struct world *w, nsec until);
/* A message that no host sent: body as its sender's newest life would pack it. */
void world_forge(struct world *w, node_id from, node_id to, struct bytes body);

#endif
