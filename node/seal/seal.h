/* Sealing what leaves the machine: nobody without the cluster's key can read it, make it up, change
 * it, or send it a second time. Streams and datagrams, and how two that share a key agree on fresh
 * ones. No I/O; the primitives are libsodium's.
 *
 * A stream is sealed by records [length, 4 bytes little-endian][sealed]: the length is that of what
 * follows, and the number of the record is its nonce, so that one that was left out, repeated or
 * moved does not open. Every stream has a key of its own for each direction.
 *
 * A datagram is [from, 4 bytes][boot, 4][number, 8][sealed]: what comes first is its nonce. A
 * number that was seen opens no second time, within a window. */
#ifndef ORRERY_SEAL_SEAL_H
#define ORRERY_SEAL_SEAL_H

#include "base/bytes.h"

enum {
    SEAL_KEY = 32,
    SEAL_TAG = 16,
    SEAL_LENGTH = 4,
    SEAL_RANDOM = 32, /* That each end of a stream adds. */
    SEAL_HELLO = 8 + 32 + 32,
    SEAL_DATAGRAM = 16 + SEAL_TAG, /* What a datagram grows by. */
    SEAL_WINDOW = 1024,            /* Datagrams that may overtake each other. */
    SEAL_SENDERS_MAX = 1 << 16,
    CLUSTER_KEY_MIN = 20, /* Characters of a key, as people give it. */
};

/* The key of a cluster from what people keep in a file: any text. */
void seal_key_of_text(struct bytes text, uint8_t key[SEAL_KEY]);

void seal_random(uint8_t *into, size_t size);
void seal_wipe(void *secret, size_t size);

/* --- records of a stream --- */

struct sealer { /* Of one direction, and one end. */
    uint8_t key[SEAL_KEY];
    uint64_t number;
};

void sealer_put(struct sealer *s, struct bytes plain, struct buf *into); /* A whole record. */
/* The first record in `in`: 1, its content (in `plain`, whose own it replaces) and what it takes in
 * all; 0: not whole yet; ERROR_TOO_LARGE: it claims more than `max`; ERROR_REFUSED: it does not
 * open, and nothing behind it will. */
int sealer_next(struct sealer *s, struct bytes in, size_t max, struct buf *plain, size_t *size);

/* --- two that share a key --- */

/* Who calls says Hello first, the other answers with its own. Each is [magic][public key][proof
 * that it knows the cluster's key]; that of the answer covers both. Recorded Hellos are worth
 * nothing: the keys come from numbers that only live ends know. */
struct handshake {
    uint8_t key[SEAL_KEY];
    uint8_t secret[32];
    uint8_t hellos[2][SEAL_HELLO]; /* The caller's, the other's. */
    bool caller;
};

void handshake_begin(struct handshake *h, const uint8_t key[SEAL_KEY], bool caller);
void handshake_wipe(struct handshake *h);
/* The caller's first word. */
struct bytes handshake_call(struct handshake *h);
/* What the other end said, SEAL_HELLO bytes. False: it does not know the key. Then there are keys;
 * who was called has to send handshake_answer(). */
bool handshake_hear(struct handshake *h, const uint8_t hello[SEAL_HELLO], struct sealer *out,
                    struct sealer *in);
struct bytes handshake_answer(const struct handshake *h);

/* A stream one way between nodes that have the run's key: its receiver says `theirs` first, its
 * sender `ours`, each drawn anew. */
void seal_stream(struct sealer *s, const uint8_t key[SEAL_KEY], const uint8_t theirs[SEAL_RANDOM],
                 const uint8_t ours[SEAL_RANDOM]);

/* --- datagrams --- */

struct seal_window;

struct datagrams {
    uint8_t key[SEAL_KEY];
    uint32_t from;
    uint32_t boot;
    uint64_t number;
    struct seal_window **windows; /* By sender; NULL: not heard of. */
    uint32_t n_windows;
};

void datagrams_open(struct datagrams *d, const uint8_t run_key[SEAL_KEY], uint32_t from,
                    uint32_t boot);
void datagrams_close(struct datagrams *d);
/* `into` has room for plain.len + SEAL_DATAGRAM. */
void datagrams_seal(struct datagrams *d, struct bytes plain, uint8_t *into);
/* In place. 0 and the content, which lies in `sealed`; ERROR_REFUSED: a stranger's, or changed;
 * ERROR_IN_USE: it was here before, or is too old to tell. `from` is set when it opened. */
int datagrams_unseal(struct datagrams *d, uint8_t *sealed, size_t size, struct bytes *plain,
                     uint32_t *from);

#endif
