/* What a node of raft knows. */
#ifndef ORRERY_RAFT_STATE_H
#define ORRERY_RAFT_STATE_H

#include "entries.h"
#include "machine/connection.h"
#include "machine/machine.h"
#include "machine/snapshot.h"

enum { LOG_VOTE, LOG_LOG };
enum { RECORD_TERM = 1 };  /* Of "vote". */
enum { RECORD_ENTRY = 1 }; /* Of "log". */

enum {
    MEMBERS_MAX = 16, /* Voters; as many outgoing ones, and learners. */
    PEERS_MAX = 3 * MEMBERS_MAX,
    MEMBERSHIPS_MAX = 64, /* Changes of them in the log. */
    INFLIGHT_MAX = 64,
    BATCH_ENTRIES_MAX = 256,      /* Of one message. */
    APPLY_MAX = 128,              /* Entries of one step. */
    ARENA_USED_MAX = 40 << 20,    /* Of the step's arena, before the last entry of a step. */
    WAITING_MAX = 1 << 15,        /* Requests of clients, and */
    LOG_BYTES_MAX = 512 << 20,    /* Of entries in memory; then no commands are taken. */
    WAITING_BYTES_MAX = 64 << 20, /* their bytes. */
    QUESTIONS_MAX = 4096,
    KNOWN_MAX = 4 * PEERS_MAX,
};

enum role { ROLE_FOLLOWER, ROLE_PRE_CANDIDATE, ROLE_CANDIDATE, ROLE_LEADER };
enum progress { PROGRESS_PROBE, PROGRESS_REPLICATE, PROGRESS_SNAPSHOT };

struct members {
    node_id voters[MEMBERS_MAX];
    node_id outgoing[MEMBERS_MAX]; /* Joint consensus, if there are any. */
    node_id learners[MEMBERS_MAX];
    uint32_t n_voters;
    uint32_t n_outgoing;
    uint32_t n_learners;
};

struct membership {
    lsn index; /* Of its entry; LSN_NONE: the first, that no entry tells. */
    struct members members;
};

struct flight {
    lsn last;
    size_t bytes;
};

/* Of another member: what the leader knows of it, and how it votes. */
struct peer {
    node_id id;
    uint8_t progress;
    lsn match;   /* It has everything up to here on disk. */
    lsn next;    /* Sent to it next. */
    bool probed; /* PROBE: one message is on its way. */
    struct flight flights[INFLIGHT_MAX];
    uint32_t n_flights;
    nsec moved_at;    /* When match grew last, or a flight began where none was. */
    nsec heard_at;    /* When it answered last, in this term. */
    uint64_t round;   /* The latest one that it answered, */
    uint64_t rounded; /* and the latest one that it was sent. */
    lsn commit_sent;
    lsn commit_wanted; /* Its clients wait for this. */
    lsn snapshot;      /* SNAPSHOT: which one it is sent, */
    uint64_t offset;   /* from here on. */
    nsec sent_at;      /* SNAPSHOT: the last chunk. */
    enum { VOTE_NONE, VOTE_GRANTED, VOTE_REFUSED } vote;
    bool lost;         /* Its link was down: what was sent before may not have arrived. */
    uint64_t session;  /* Of its forwarded commands, in this leadership; 0: none came, and */
    uint64_t sequence; /* the last one of them. */
};

/* A write of a client of this node. */
struct proposal {
    struct proposal *next;
    client_id client;
    uint64_t request;
    uint64_t sequence; /* Of the session; 0: it was never sent. */
    nsec asked_at;
    uint32_t len;
    uint8_t command[]; /* A packed machine.Command. */
};

/* A read of a client of this node. */
struct read {
    struct read *next;
    client_id client;
    uint64_t request;
    uint64_t number; /* Of the question; 0: not asked yet. */
    lsn index;       /* LSN_NONE: not answered yet. */
    nsec asked_at;
    uint32_t len;
    uint8_t command[];
};

/* Whether the leader still leads, asked by it for itself or for another node. */
struct question {
    struct question *next;
    node_id from;
    uint64_t number;
    lsn index; /* What was committed then; LSN_NONE: not begun. */
    uint64_t round;
};

/* What waits of one connection. */
struct lane {
    struct lane *next;
    client_id client;
    uint32_t writes;
    uint32_t reads;
};

struct proposals {
    struct proposal *first;
    struct proposal **end;
    struct proposal *unsent; /* The first one that has not been sent to the leader of now. */
    uint32_t n;
    size_t bytes;
    uint64_t opener; /* Not 0: a session is being opened, under this number. */
    bool opener_sent;
    uint64_t session; /* 0: none. */
    uint64_t sequence;
    nsec sent_at; /* When something was sent last. */
};

struct reads {
    struct read *first;
    struct read **end;
    uint32_t n;
    uint64_t number;   /* Of the newest question. */
    uint64_t answered; /* The newest one that was answered. */
    nsec asked_at;
    struct question *questions; /* A leader's, oldest first. */
    struct question **questions_end;
    uint32_t n_questions;
};

struct image { /* A snapshot, whole: a packed Snapshot. */
    lsn index;
    uint64_t term;
    uint8_t *bytes;
    size_t len;
    size_t cap;
};

struct raft {
    const Raft__Settings *settings;
    struct memory *memory;
    node_id self;
    bool started;
    bool flaw_vote, flaw_commit, flaw_restriction, flaw_reads;
    nsec now;
    int64_t wall_ns; /* As the last input had it. */

    uint64_t term;
    node_id voted_for;
    uint8_t role;
    node_id leader; /* NODE_NONE: not known. */
    lsn last_vote;  /* Records of "vote": emitted, */
    lsn durable_vote;
    lsn own_vote;      /* A candidate's vote for itself is this record. */
    uint64_t pre_term; /* A pre-candidate's: the term that it would begin. */
    bool own_granted;

    nsec waits_since; /* The election timer: since when, */
    nsec timeout;     /* how long. */
    nsec heard_at;    /* From the leader. */
    bool heard;

    struct entries entries;
    lsn durable;  /* Of "log". */
    lsn verified; /* A follower's: like the leader's of this term, up to here. */
    lsn acked;    /* Of that it said so. */
    uint64_t round_seen, round_acked;
    lsn commit;
    lsn applied;

    struct membership memberships[MEMBERSHIPS_MAX]; /* Oldest first; the last is in force. */
    uint32_t n_memberships;
    struct members wanted; /* By a user's order; */
    bool wants;            /* if so, until */
    nsec wants_until;
    lsn members_committed;    /* The newest entry of the kind that is. */
    node_id known[KNOWN_MAX]; /* Nodes that may be sent to. */
    uint32_t n_known;

    struct peer peers[PEERS_MAX];
    uint32_t n_peers;
    nsec heartbeat_at;   /* A leader's next one. */
    uint64_t round;      /* Of its questions whether it leads; */
    uint64_t round_sent; /* the newest that anybody was sent. */
    lsn term_begins;     /* A leader's first entry. */
    nsec led_since;
    nsec flush_at; /* There is more to do by then; NSEC_NEVER: there is not. */
    struct {       /* When the newest rounds were sent, for the lease. */
        uint64_t round;
        nsec at;
    } rounds[32];
    node_id transfer_to; /* NODE_NONE: nobody. */
    bool transfer_sent;
    bool handed_over; /* In this term somebody was told to campaign: no lease holds any more. */
    nsec transfer_until;

    struct machine machine;
    struct connections connections;
    struct proposals proposals;
    struct reads reads;
    nsec ask_after; /* Until then who leads takes nothing: it hands over, or does not lead. */
    struct lane **lanes;
    uint32_t n_lanes;

    struct image image;      /* The newest snapshot. */
    struct image next_image; /* Being made, while saving. */
    struct saving saving;
    bool is_saving;
    uint64_t saving_digest;
    uint64_t applied_bytes; /* Since the last snapshot. */
    struct image incoming;  /* From the leader; len so far, of cap. */
};

#endif
