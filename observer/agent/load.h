/* Clients of real nodes: a process of its own that asks their client ports in RESP, seeded and
 * rate-limited, over one connection each that it opens again when it breaks. It records nothing:
 * histories are taken at the client ports.
 *
 * What a client asks hangs on the seed, its number and its place alone, and not on when it is
 * answered or by whom: clients of the same place ask the very same, in the same order.
 *
 * Keys are shared: k0, k1 ... hold strings, n0, n1 ... counters; every value written is another, so
 * that their history can be judged. A compare-and-set expects what its client wrote to the key
 * last. After it connects a client first reads every key. */
#ifndef ORRERY_AGENT_LOAD_H
#define ORRERY_AGENT_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum load_kind {
    LOAD_SET,
    LOAD_GET,
    LOAD_DEL,
    LOAD_INCR,
    LOAD_EXEC,
    LOAD_APPEND,
    LOAD_CAS,
    LOAD_KINDS
};
enum { LOAD_PORTS_MAX = 64, LOAD_CLIENTS_MAX = 1024 };

struct load_port {
    uint16_t port;
    const char *address; /* Of the port. */
    uint32_t place;      /* Of its node in its group, from 0. */
};

struct load_plan {
    const struct load_port *ports;
    size_t n_ports;
    uint32_t clients; /* For each port. */
    double rate;      /* Requests a second of each; 0: as fast as answers come. */
    uint32_t keys;
    uint32_t value_bytes; /* At most. */
    uint32_t mix[LOAD_KINDS];
    uint64_t seed;
};

struct load;

/* "set 70" into a weight of the mix; false when it is no such text. */
bool load_mix(uint32_t mix[LOAD_KINDS], const char *text);
/* NULL and a sentence when no process can be made. It dies with its parent. */
struct load *load_start(const struct load_plan *plan, char *why, size_t why_size);
void load_stop(struct load *l); /* Waits for its end. NULL is allowed. */

/* Where the first reply in `text` ends; 0: it is not whole; -1: it is none. */
long load_reply(const char *text, size_t n);

#endif
