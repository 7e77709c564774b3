/* Frames on a stream: [length, 4 bytes little-endian][a packed message]. */
#ifndef ORRERY_CLUSTER_FRAME_H
#define ORRERY_CLUSTER_FRAME_H

#include "base/bytes.h"
#include "base/errors.h"

#include <protobuf-c/protobuf-c.h>

enum { FRAME_HEADER = 4 };

void frame_put(struct buf *into, const ProtobufCMessage *m);

/* The first frame in `in`: 1, its body and what it takes in all; 0: not whole yet; ERROR_TOO_LARGE
 * when it claims more than `max`. */
int frame_next(struct bytes in, size_t max, struct bytes *body, size_t *size);

#endif
