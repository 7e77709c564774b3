/* What a Redis client and its server say, as words: "SET a 1", "OK", "(nil)". For reading only: a
 * bounded look at bytes from outside, which says nothing when they are something else. */
#ifndef ORRERY_TERMINAL_RESP_H
#define ORRERY_TERMINAL_RESP_H

#include "base/bytes.h"

/* False, and nothing appended, when the bytes are no RESP. */
bool resp_say(struct bytes b, struct buf *into);

#endif
