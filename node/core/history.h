/* Histories of clients, as protocols that serve some tell them: what was asked, and what became of
 * it. Packed by hand into the messages of history.proto, since every request passes here twice. */
#ifndef ORRERY_CORE_HISTORY_H
#define ORRERY_CORE_HISTORY_H

#include "core/core.h"

/* One operation; what f means is told in history.proto. Pointers live as long as the step. */
struct history_op {
    const char *f;
    struct bytes key;
    struct bytes value; /* Written, or read. */
    struct bytes expected;
    bool reads;
    bool absent;
    bool failed;
    int64_t by;
    int64_t result;
};

struct history {
    client_id client;
    uint64_t request;
    const struct history_op *ops;
    uint32_t n;
    bool partial; /* There were more. */
};

void history_invoke(struct out *o, const struct history *h);
/* Told with the reply, when `held`, or at once. */
void history_complete(struct out *o, const struct history *h, bool held);

#endif
