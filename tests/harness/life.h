/* Plays the agent: starts orrery-node, talks to it, reads its events. For tests and benchmarks. */
#ifndef ORRERY_TESTS_LIFE_H
#define ORRERY_TESTS_LIFE_H

#include "base/ledger.h"
#include "base/ring.h"
#include "node.pb-c.h"

#include <stdbool.h>
#include <sys/types.h>

enum { LIFE_DEADLINE_MS = 60000, LIFE_SETTINGS_MAX = 16 };

struct life {
    pid_t pid; /* 0: not running. */
    int control;
    int errors; /* Its stderr, for reading. */
    struct ring ring;
    void *ring_memory;
    size_t ring_bytes;
    struct ledger *ledger;
    struct buf in;
    uint32_t udp_port;
    uint32_t tcp_port;
    uint32_t client_port;
    char why[512];          /* What FromNode.Failed said. */
    Orrery__Event **events; /* All that were read, in order. */
    size_t n;
    size_t cap;
    bool keep; /* False: events are read and thrown away. */
};

/* What a test wants of a node; zeros are sensible, but for node, nodes and protocol. */
struct life_plan {
    uint32_t node;
    uint32_t nodes;
    uint32_t boot; /* 0: 1 */
    uint64_t seed; /* 0: the node */
    const char *protocol;
    const char *settings[LIFE_SETTINGS_MAX]; /* KEY=VALUE, up to NULL. */
    const char *directory;
    uint32_t udp_port;
    uint32_t tcp_port;
    uint32_t client_port;
    Orrery__Level level;
    size_t ring_bytes;          /* 0: 4 MiB */
    Orrery__NodeConfig *config; /* NULL, or more to say: faults, holds, breaks. */
};

uint64_t life_epoch(void); /* One for all lives of a test. */

void life_begin(struct life *l, const struct life_plan *plan); /* Starts it, and says its config. */
bool life_ready(struct life *l);                               /* False: it said that it failed. */
void life_say(struct life *l, const Orrery__ToNode *message);
void life_introduce(struct life *lives, uint32_t n); /* Members to all; node i + 1 is lives[i]. */
void life_quit(struct life *l);
int life_wait(struct life *l); /* Until it has ended; what waitpid() says. */
void life_end(struct life *l); /* Kills it if need be, and frees all. */

/* Takes what the ring holds now. */
void life_read(struct life *l);
/* Waits until one is there for which `is` says true, and returns its place; from `from` on. */
typedef bool (*life_is)(const Orrery__Event *event, const void *arg);
size_t life_find(struct life *l, size_t from, life_is is, const void *arg, const char *what);
size_t life_count(const struct life *l, life_is is, const void *arg);
bool life_is_body(const Orrery__Event *event, const void *body_case); /* arg: &(int){...} */

/* Reads what it wrote to stderr; the buffer is static. */
const char *life_words(struct life *l);

uint64_t now_ms(void);
void wait_a_moment(void); /* Lets others run, for a millisecond; between looks, never instead. */

#endif
