/* Frames between nodes: [crc32c of the rest, 4 bytes little-endian][Envelope], and the same around
 * the Hello that opens a stream. Written and read by hand, since every message passes here. */
#ifndef ORRERY_CORE_ENVELOPE_H
#define ORRERY_CORE_ENVELOPE_H

#include "core/host.h"

struct envelope {
    node_id from;
    node_id to;
    uint32_t instance;
    uint32_t boot;
    uint64_t
        event; /* Always takes the same room, so that frames do not change size with the level. */
    uint64_t lamport;
    uint64_t vclock[VCLOCK_NODES_MAX];
    uint32_t n_vclock;
    struct bytes secret;
    struct bytes body;
};

enum { FRAME_CRC = 4, ENVELOPE_EVENT_MAX_BITS = 49 };

/* The frame lies in `room`, whose content it replaces, and is valid until that changes. */
struct bytes envelope_pack(const struct envelope *e, struct buf *room);
/* 0; ERROR_DAMAGED: the checksum is wrong; ERROR_MALFORMED. Secret and body point into the frame.
 */
int envelope_unpack(struct bytes frame, struct envelope *e);

bool secret_equal(struct bytes told, const uint8_t secret[SECRET_SIZE]);

struct bytes hello_pack(node_id from, node_id to, uint32_t boot, const uint8_t secret[SECRET_SIZE],
                        struct buf *room);
/* 0; ERROR_DAMAGED; ERROR_MALFORMED; ERROR_REFUSED: not for `self`, or another run's secret. */
int hello_unpack(struct bytes frame, node_id self, const uint8_t secret[SECRET_SIZE], node_id *from,
                 uint32_t *boot);

#endif
