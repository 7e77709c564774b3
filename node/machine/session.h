/* Sessions, so that a command which is sent again happens once (Ongaro's dissertation,
 * section 6.3).
 *
 * Whoever sends commands that may have to be repeated, such as a node that forwards those of its
 * clients, opens a session by a command of its own; its place in the log is the session's name.
 * Then each command carries a ticket: the session, a number that grows by one, and up to which
 * number all answers have arrived. The machine keeps the replies to those that are not yet
 * answered, and gives them again.
 *
 * All bounds are kept by what the log says, so all replicas forget the same: of too many sessions
 * the one goes that was used longest ago; of too many bytes of replies the session's oldest.
 * Whoever asks for what was forgotten is told so, and its command is not done. */
#ifndef ORRERY_MACHINE_SESSION_H
#define ORRERY_MACHINE_SESSION_H

#include "core/core.h"

enum {
    SESSIONS_MAX = 1024,
    SESSION_REPLIES_MAX = 1 << 16,
    SESSION_BYTES_MAX = 4 << 20, /* Of the kept replies of one session; one reply may be larger. */
};

struct session_ticket {
    bool open;         /* Opens one; the rest is zero, and the reply is the integer `session`. */
    lsn session;       /* 0: none. */
    uint64_t sequence; /* From 1. */
    uint64_t answered; /* All replies up to this one have arrived. */
};

struct kept_reply {
    struct kept_reply *next; /* Newer. */
    uint64_t sequence;
    uint32_t len;
    uint8_t bytes[];
};

struct session {
    struct session *next; /* Used later. */
    lsn name;
    lsn used;
    uint64_t forgotten;         /* Replies up to this one. */
    uint64_t newest;            /* The highest sequence that was done. */
    struct kept_reply *replies; /* Ascending. */
    struct kept_reply *replies_end;
    uint32_t n;
    size_t bytes;
};

struct sessions {
    struct session *first; /* The one used longest ago. */
    struct session *last;
    uint32_t n;
};

#endif
