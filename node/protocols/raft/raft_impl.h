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

#include "core/fsm.h"
#include "state.h"

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
void timer_set(struct raft *r, nsec timeout, struct out *out);
void timer_draw(struct raft *r, struct out *out);

/* election.c */
bool may_campaign(const struct raft *r);
nsec election_deadline(const struct raft *r);
void election_due(struct raft *r, struct out *out);
void leader_gone(struct raft *r, enum link_reason reason, struct out *out);
void campaign(struct raft *r, bool transfer, struct out *out);
void ask_for_votes(struct raft *r, bool transfer, struct out *out);
void own_vote_durable(struct raft *r, struct out *out);
/* Who gave its vote so far, the node itself too, and who refused it. Each list has room for all. */
void votes(const struct raft *r, node_id *yes, size_t *n_yes, node_id *no, size_t *n_no);
void receive_vote(struct raft *r, node_id from, const Raft__Vote *m, struct out *out);
void ask_again(struct raft *r, const struct peer *p, struct out *out);

/* request_vote.c */
void receive_request_vote(struct raft *r, node_id from, const Raft__RequestVote *m,
                          struct out *out);
bool hears_a_leader(const struct raft *r);
void trace_ballot(node_id candidate, uint64_t term, bool pre, Raft__Refusal refusal,
                  struct out *out);

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
void replicate(struct raft *r, struct out *out);                    /* Sends what may be sent. */
void peer_restart(struct raft *r, struct peer *p, struct out *out); /* What was sent may be lost. */
uint64_t fresh_round(struct raft *r);                           /* One that nobody was sent yet. */
const struct peer *peer_look(const struct raft *r, node_id id); /* NULL: it is none. */
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
bool members_quorum(const struct raft *r, bool (*has)(const struct raft *r, node_id id));
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
void proposals_send(struct raft *r, struct out *out);
void proposals_restart(struct raft *r); /* All that was sent goes once more. */
void proposals_due(struct raft *r, struct out *out);
nsec proposals_deadline(const struct raft *r);
void proposal_applied(struct raft *r, const struct entry_parts *e, lsn index,
                      const struct machine_result *did, struct out *out);
void raft_about(const void *ctx, struct arena *a, struct about *about);
/* Tells the history that it did not happen. */
void fail_request(client_id client, uint64_t request, struct bytes command, const char *error,
                  struct out *out);

/* forward.c */
void forward_opener(struct raft *r, struct out *out);
/* As many from the first one on as one message takes; the one behind them. */
struct proposal *forward_commands(struct raft *r, struct proposal *first, struct out *out);
void receive_forward(struct raft *r, node_id from, const Raft__Forward *m, struct out *out);
void receive_forward_refused(struct raft *r, node_id from, const Raft__ForwardRefused *m);
void take_command(struct raft *r, const struct session_ticket *t, uint64_t opener,
                  struct bytes command, struct out *out);

/* read_index.c */
void read_add(struct raft *r, client_id client, uint64_t request, struct bytes command);
void reads_work(struct raft *r, struct out *out);
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
