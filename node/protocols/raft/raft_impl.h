/* What the files of raft share. Nobody else includes this.
 *
 *   raft.c              the step: which input goes where; deadlines, checks
 *   settings.c          defaults, and what makes sense
 *   role.c              follower, candidate, leader: how one becomes what; term and vote
 *   election.c          time-outs, candidacies, votes counted
 *   request_vote.c      a vote is asked for: given or refused
 *   entries.c           the log as far as it lies in memory
 *   append_entries.c    a follower takes entries and says so
 *   replicate.c         a leader sends entries, and hears how far they got
 *   commit.c            what a majority has; entries applied
 *   members.c           who votes: joint consensus, learners
 *   transfer.c          leadership handed over
 *   propose.c           commands of this node's clients, until they are applied
 *   forward.c           commands on their way to the leader
 *   read_index.c        reads
 *   lanes.c             the order of one connection's requests
 *   snapshot.c          the machine saved, and the log's beginning let go
 *   install_snapshot.c  the same sent and received
 *   recover.c           records read back
 *   view.c              what all this looks like */
#ifndef ORRERY_RAFT_IMPL_H
#define ORRERY_RAFT_IMPL_H

#include "core/core.h"
#include "core/fsm.h"
#include "machine/connection.h"
#include "machine/machine.h"
#include "machine/snapshot.h"
#include "raft.pb-c.h"

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

/* An entry as its bytes say, which own what it points to. */
struct entry_parts {
    uint64_t term;
    Raft__Kind kind;
    int64_t time_ms;
    uint64_t opener;
    struct session_ticket ticket;
    struct bytes command;
    struct bytes members; /* A packed Members. */
};

struct log_entry {
    uint64_t term;
    Raft__Kind kind;
    uint32_t len;
    uint8_t *bytes; /* A packed Entry, lent. */
};

struct entries {
    struct memory *memory;
    struct log_entry *all; /* The first is of index base + 1. */
    size_t cap;
    size_t n;
    lsn base;           /* What is before is only in the snapshot; */
    uint64_t base_term; /* this is the term of its last entry. */
    uint64_t bytes;
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
    bool flaw_vote, flaw_commit, flaw_restriction, flaw_sync, flaw_reads;
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
    nsec flush_at; /* NSEC_NEVER: nothing waits to be sent. */
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

extern const struct fsm_table raft_role_table;
extern const struct fsm_table raft_progress_table;

/* settings.c */
void raft_defaults(ProtobufCMessage *settings);
bool raft_accept(const ProtobufCMessage *settings, char *why, size_t size);
void raft_log_options(const ProtobufCMessage *settings, uint32_t log, struct log_options *options);
void raft_use_settings(struct raft *r, const ProtobufCMessage *settings);

/* role.c */
void raft_set_term(struct raft *r, uint64_t term, node_id vote, struct out *out);
/* `from`: whose message told of the term; leader: NODE_NONE while it is not known. */
void become_follower(struct raft *r, uint64_t term, node_id leader, node_id from, struct out *out);
void become_pre_candidate(struct raft *r, struct out *out);
void become_candidate(struct raft *r, bool transfer, struct out *out);
void become_leader(struct raft *r, struct out *out);
void resign(struct raft *r, Raft__Resignation why, struct out *out); /* A leader. */
void timer_restart(struct raft *r); /* The same time-out once more, from now on. */
void timer_draw(struct raft *r, struct out *out);

/* election.c */
bool may_campaign(const struct raft *r);
nsec election_deadline(const struct raft *r);
void election_due(struct raft *r, struct out *out);
void campaign(struct raft *r, bool transfer, struct out *out);
void ask_for_votes(struct raft *r, bool transfer, struct out *out);
void own_vote_durable(struct raft *r, struct out *out);
void receive_vote(struct raft *r, node_id from, const Raft__Vote *m, struct out *out);
void ask_again(struct raft *r, const struct peer *p, struct out *out);

/* request_vote.c */
void receive_request_vote(struct raft *r, node_id from, const Raft__RequestVote *m,
                          struct out *out);
bool hears_a_leader(const struct raft *r);
void trace_ballot(node_id candidate, uint64_t term, bool pre, Raft__Refusal refusal,
                  struct out *out);

/* entries.c: indices are from base + 1 to entries_last(). */
void entries_init(struct entries *e, struct memory *memory);
lsn entries_last(const struct entries *e);
uint64_t entries_last_term(const struct entries *e);
uint64_t entries_term(const struct entries *e, lsn index); /* From base on. */
const struct log_entry *entries_at(const struct entries *e, lsn index);
/* The bytes are copied. False: they are no entry. */
bool entries_push(struct entries *e, struct bytes packed);
void entries_cut_from(struct entries *e, lsn index);
void entries_forget_to(struct entries *e, lsn index);           /* It becomes the base. */
void entries_reset(struct entries *e, lsn base, uint64_t term); /* Empty, behind that base. */
bool entry_parse(struct bytes packed, struct entry_parts *parts);
/* The largest index up to `index` whose term is at most `term`; base if none is. */
lsn entries_at_most(const struct entries *e, lsn index, uint64_t term);

/* append_entries.c */
void receive_append_entries(struct raft *r, node_id from, const Raft__AppendEntries *m,
                            struct out *out);
void acknowledge(struct raft *r, bool always, struct out *out);
/* A follower hears from the leader of this term, or of a later one. False: it is none. */
bool hear_leader(struct raft *r, node_id from, uint64_t term, struct out *out);
void cut_log(struct raft *r, lsn from, struct out *out);

/* replicate.c */
lsn append_entry(struct raft *r, const Raft__Entry *m, struct out *out);
void receive_appended(struct raft *r, node_id from, const Raft__Appended *m, struct out *out);
void peer_heard(struct raft *r, struct peer *p, uint64_t round);
void heartbeat_due(struct raft *r, struct out *out);
void replicate(struct raft *r, bool patient, struct out *out);
void peer_restart(struct raft *r, struct peer *p, struct out *out); /* What was sent may be lost. */
uint64_t fresh_round(struct raft *r); /* One that nobody was sent yet. */
struct peer *peer_find(struct raft *r, node_id id);

/* commit.c */
void count_commit(struct raft *r, struct out *out);
void learn_commit(struct raft *r, lsn commit, struct out *out);
void apply_committed(struct raft *r, struct out *out);
bool apply_waits(const struct raft *r);

/* members.c */
const struct members *members_now(const struct raft *r);
const struct membership *membership_now(const struct raft *r);
bool members_vote(const struct members *m, node_id id);
bool members_have(const struct members *m, node_id id);
bool members_joint(const struct members *m);
/* A majority of the voters, and of the outgoing ones. */
bool members_quorum(const struct raft *r, bool (*has)(const struct raft *r, node_id id, uint64_t v),
                    uint64_t v);
/* The largest value that a majority reaches. */
uint64_t members_reach(const struct raft *r, uint64_t (*of)(const struct raft *r, node_id id));
bool members_read(const Raft__Members *m, struct members *into);
bool members_parse(struct bytes packed, struct members *into);
const Raft__Members *members_message(const struct members *m, struct out *out);
void members_found(struct raft *r, const struct core_config *config);
void members_appended(struct raft *r, lsn index, const struct members *m, struct out *out);
void members_cut(struct raft *r, lsn from, struct out *out);
void members_compacted(struct raft *r, lsn index);
/* As a snapshot has them, and the entries behind it. */
void members_reset(struct raft *r, lsn index, const struct members *m, struct out *out);
const struct membership *membership_at(const struct raft *r, lsn index);
void members_committed(struct raft *r, lsn index, struct out *out);
void members_order(struct raft *r, const struct members *wanted, struct out *out);
void members_work(struct raft *r, struct out *out);
bool parse_members_order(const struct bytes *words, uint32_t n, struct members *into);
void refuse_order(const char *why, struct out *out);
bool is_known(const struct raft *r, node_id id);
void know(struct raft *r, node_id id);
void forget_known(struct raft *r, node_id id);
void receive_leader_order(struct raft *r, const Raft__LeaderOrder *m, struct out *out);

/* transfer.c */
void transfer_order(struct raft *r, node_id to, struct out *out);
void transfer_work(struct raft *r, struct out *out);
void receive_timeout_now(struct raft *r, node_id from, const Raft__TimeoutNow *m, struct out *out);

/* propose.c */
void raft_request(struct raft *r, const struct input *in, struct out *out);
/* A read too, which must keep its place among writes. */
void propose(struct raft *r, client_id client, uint64_t request, struct bytes command);
/* `patient`: while others are on their way, more may come soon. */
void proposals_send(struct raft *r, bool patient, struct out *out);
void proposals_restart(struct raft *r); /* All that was sent goes once more. */
void proposals_due(struct raft *r, struct out *out);
nsec proposals_deadline(const struct raft *r);
void proposal_applied(struct raft *r, const struct entry_parts *e, lsn index,
                      const struct machine_result *did, struct out *out);
void raft_about(const void *ctx, struct arena *a, struct about *about);
void fail_request(struct raft *r, client_id client, uint64_t request, struct bytes command,
                  const char *error, struct out *out);

/* forward.c */
void forward_opener(struct raft *r, struct out *out);
/* As many from the first one on as one message takes; the one behind them. */
struct proposal *forward_commands(struct raft *r, struct proposal *first, struct out *out);
void receive_forward(struct raft *r, node_id from, const Raft__Forward *m, struct out *out);
void receive_forward_refused(struct raft *r, node_id from, const Raft__ForwardRefused *m,
                             struct out *out);
void take_command(struct raft *r, const struct session_ticket *t, uint64_t opener,
                  struct bytes command, struct out *out);

/* read_index.c */
void read_add(struct raft *r, client_id client, uint64_t request, struct bytes command);
void reads_work(struct raft *r, bool patient, struct out *out);
void reads_restart(struct raft *r); /* All that was asked is asked once more. */
void reads_due(struct raft *r, struct out *out);
nsec reads_deadline(const struct raft *r);
void reads_to_log(struct raft *r, client_id client);
void read_now(struct raft *r, client_id client, uint64_t request,
              const struct machine_command *command, struct out *out);
void questions_clear(struct raft *r);
void receive_read_index(struct raft *r, node_id from, const Raft__ReadIndex *m, struct out *out);
void receive_read_index_answer(struct raft *r, node_id from, const Raft__ReadIndexAnswer *m,
                               struct out *out);
void ask_who_leads(struct raft *r, struct out *out);

/* lanes.c */
struct lane *lane_of(const struct raft *r, client_id client); /* NULL: nothing of it waits. */
void lane_add(struct raft *r, client_id client, int writes, int reads);

/* snapshot.c */
void snapshot_begin(struct raft *r, struct out *out);
void snapshot_work(struct raft *r, struct out *out);
/* Of the machine, for comparing nodes by; 0 where it is so large that it would take long. */
uint64_t small_digest(const struct raft *r);
void image_free(struct raft *r, struct image *i);
/* What a snapshot says beside the machine. */
struct image_head {
    lsn index;
    uint64_t term;
    lsn members_index;
    struct members members;
};
/* False: it is malformed. */
bool image_read(struct bytes packed, struct image_head *head);
/* The machine becomes what the image says. False: it is malformed, and the machine undefined. */
bool image_load(struct raft *r, struct bytes packed, const struct image_head *head);
void machine_restart(struct raft *r); /* As the newest snapshot has it; the log is applied anew. */
void trace_compacted(struct raft *r, uint64_t digest, node_id from, struct out *out);

/* install_snapshot.c */
void send_snapshot(struct raft *r, struct peer *p, struct out *out);
void receive_install_snapshot(struct raft *r, node_id from, const Raft__InstallSnapshot *m,
                              struct out *out);
void receive_snapshot_received(struct raft *r, node_id from, const Raft__SnapshotReceived *m,
                               struct out *out);

/* recover.c */
void raft_recover(struct raft *r, const struct input *in, struct out *out);
void raft_recovered(struct raft *r, struct out *out);
void need_machine(struct raft *r);

/* view.c */
void raft_view(const void *core, struct out *out);

static inline nsec ms(uint32_t n)
{
    return n * NSEC_PER_MS;
}

static inline struct bytes data_bytes(ProtobufCBinaryData d)
{
    return bytes_of(d.data, d.len);
}

static inline ProtobufCBinaryData bytes_data(struct bytes b)
{
    return (ProtobufCBinaryData){b.len, (uint8_t *)(uintptr_t)b.base};
}

/* The oneof of Message, sent. */
#define SEND(out, to, field, FIELD, inner)                                                         \
    do {                                                                                           \
        Raft__Message message_ = RAFT__MESSAGE__INIT;                                              \
        message_.kind_case = RAFT__MESSAGE__KIND_##FIELD;                                          \
        message_.field = (inner);                                                                  \
        out_send((out), (to), TRANSPORT_STREAM, &message_.base);                                   \
    } while (0)

#endif
