#include "base/check.h"
#include "raft_impl.h"

static const struct fsm_state roles[] = {
    [ROLE_FOLLOWER] = {"follower", 1u << ROLE_PRE_CANDIDATE | 1u << ROLE_CANDIDATE},
    [ROLE_PRE_CANDIDATE] = {"pre-candidate", 1u << ROLE_FOLLOWER | 1u << ROLE_CANDIDATE},
    [ROLE_CANDIDATE] = {"candidate",
                        1u << ROLE_FOLLOWER | 1u << ROLE_PRE_CANDIDATE | 1u << ROLE_LEADER},
    [ROLE_LEADER] = {"leader", 1u << ROLE_FOLLOWER},
};

const struct fsm_table raft_role_table = {"role", roles, 4};

static void move(struct raft *r, enum role next, struct out *out)
{
    if (r->role != next)
        fsm_move(&r->role, (uint8_t)next, &raft_role_table, 0, out);
}

/* "currentTerm, votedFor: updated on stable storage before responding to RPCs" (paper, figure 2):
 * whatever is sent waits for this record. */
void raft_set_term(struct raft *r, uint64_t term, node_id vote, struct out *out)
{
    CHECK(term >= r->term);
    bool newer = term > r->term;
    r->term = term;
    r->voted_for = vote;
    if (r->flaw_vote && !newer)
        return;
    Raft__Term m = RAFT__TERM__INIT;
    m.term = term;
    m.voted_for = r->flaw_vote ? NODE_NONE : vote;
    r->last_vote = out_append(out, LOG_VOTE, RECORD_TERM, out_pack(out, &m.base));
    if (r->last_vote % 64 == 0)
        out_truncate_before(out, LOG_VOTE, r->last_vote);
}

void timer_restart(struct raft *r)
{
    r->waits_since = r->now;
}

/* "Election timeouts are chosen randomly from a fixed interval" (paper, 5.2). */
void timer_draw(struct raft *r, struct out *out)
{
    uint64_t min = ms(r->settings->election_ms_min);
    uint64_t max = ms(r->settings->election_ms_max);
    timer_set(r, min + out_random(out, max - min + 1), out);
}

void timer_set(struct raft *r, nsec timeout, struct out *out)
{
    r->timeout = timeout;
    timer_restart(r);
    Raft__Timer m = RAFT__TIMER__INIT;
    m.timeout_ns = r->timeout;
    m.deadline_ns = r->now + r->timeout;
    out_trace(out, &m.base);
}

static void clear_votes(struct raft *r)
{
    r->own_granted = false;
    for (uint32_t i = 0; i < r->n_peers; i++)
        r->peers[i].vote = VOTE_NONE;
}

static void step_down(struct raft *r, Raft__Resignation why, node_id from, struct out *out)
{
    Raft__SteppedDown m = RAFT__STEPPED_DOWN__INIT;
    m.term = r->term;
    m.why = why;
    m.from = from;
    out_trace(out, &m.base);
    r->transfer_to = NODE_NONE;
    questions_clear(r);
    r->wants = false;
    r->flush_at = NSEC_NEVER;
    /* What this node has on disk is its own log's; how far that is the next leader's is to be seen.
     */
    r->verified = r->acked = LSN_NONE;
}

static void follow(struct raft *r, uint64_t term, node_id leader, Raft__Resignation why,
                   node_id from, struct out *out)
{
    bool new_term = term > r->term;
    bool was_leader = r->role == ROLE_LEADER;
    bool news = new_term || r->leader != leader;
    if (was_leader)
        step_down(r, why, from, out);
    if (new_term) {
        raft_set_term(r, term, NODE_NONE, out);
        r->verified = r->acked = LSN_NONE;
        r->round_seen = r->round_acked = 0;
    }
    move(r, ROLE_FOLLOWER, out);
    r->own_vote = LSN_NONE;
    clear_votes(r);
    if (r->leader != leader) {
        image_free(r, &r->incoming);
        r->leader = leader;
    }
    if (leader == NODE_NONE)
        r->heard = false;
    /* A higher term alone restarts no timer: whoever may not win would delay those who may. */
    if (leader != NODE_NONE ? news : was_leader)
        timer_draw(r, out);
    if (news || was_leader) {
        r->ask_after = 0;
        proposals_restart(r);
        reads_restart(r);
    }
}

void become_follower(struct raft *r, uint64_t term, node_id leader, node_id from, struct out *out)
{
    follow(r, term, leader, RAFT__RESIGNATION__HIGHER_TERM, from, out);
}

void resign(struct raft *r, Raft__Resignation why, struct out *out)
{
    follow(r, r->term, NODE_NONE, why, NODE_NONE, out);
}

static void no_leader(struct raft *r)
{
    image_free(r, &r->incoming);
    r->leader = NODE_NONE;
    r->heard = false;
    clear_votes(r);
}

static void trace_candidacy(const struct raft *r, uint64_t term, bool pre, bool transfer,
                            struct out *out)
{
    Raft__Candidacy m = RAFT__CANDIDACY__INIT;
    m.term = term;
    m.pre = pre;
    m.last_index = entries_last(&r->entries);
    m.last_term = entries_last_term(&r->entries);
    m.transfer = transfer;
    out_trace(out, &m.base);
}

/* Dissertation, 9.6: "a candidate only increments its term if it first learns from a majority of
 * the cluster that they would be willing to grant the candidate their votes". */
void become_pre_candidate(struct raft *r, struct out *out)
{
    no_leader(r);
    move(r, ROLE_PRE_CANDIDATE, out);
    r->pre_term = r->term + 1;
    r->own_granted = true; /* It promises nothing. */
    timer_draw(r, out);
    trace_candidacy(r, r->pre_term, true, false, out);
    ask_for_votes(r, false, out);
}

/* "To begin an election, a follower increments its current term and transitions to candidate state.
 * It then votes for itself and issues RequestVote RPCs in parallel" (paper, 5.2). */
void become_candidate(struct raft *r, bool transfer, struct out *out)
{
    no_leader(r);
    raft_set_term(r, r->term + 1, r->self, out);
    r->verified = r->acked = LSN_NONE;
    r->round_seen = r->round_acked = 0;
    move(r, ROLE_CANDIDATE, out);
    timer_draw(r, out);
    trace_candidacy(r, r->term, false, transfer, out);
    trace_ballot(r->self, r->term, false, RAFT__REFUSAL__NOT_REFUSED, out);
    r->own_vote = r->last_vote;
    ask_for_votes(r, transfer, out);
}

static void begin_peer(struct raft *r, struct peer *p, struct out *out)
{
    if (p->progress != PROGRESS_PROBE)
        fsm_move(&p->progress, PROGRESS_PROBE, &raft_progress_table, p->id, out);
    p->match = LSN_NONE;
    /* "initialized to leader last log index + 1" (paper, figure 2). */
    p->next = entries_last(&r->entries) + 1;
    p->probed = false;
    p->n_flights = 0;
    p->moved_at = p->heard_at = r->now;
    p->round = p->rounded = 0;
    p->commit_sent = p->commit_wanted = LSN_NONE;
    p->session = p->sequence = 0;
    p->offset = 0;
    p->snapshot = LSN_NONE;
}

static void trace_elected(const struct raft *r, struct out *out)
{
    Raft__Elected m = RAFT__ELECTED__INIT;
    node_id granted[PEERS_MAX + 1], refused[PEERS_MAX];
    size_t n_refused = 0;
    m.granted = granted;
    votes(r, granted, &m.n_granted, refused, &n_refused);
    m.term = r->term;
    m.last_index = entries_last(&r->entries);
    m.last_term = entries_last_term(&r->entries);
    out_trace(out, &m.base);
}

/* "a leader must have the latest information on which entries are committed ... by having each
 * leader commit a blank no-op entry into the log at the start of its term" (paper, 8). The first
 * leader's entry says who the members are, so that they are part of the log from then on. */
void become_leader(struct raft *r, struct out *out)
{
    move(r, ROLE_LEADER, out);
    trace_elected(r, out);
    r->leader = r->self;
    r->heard = true;
    r->led_since = r->now;
    r->handed_over = false;
    r->round = r->round_sent = 0;
    r->durable = r->durable < entries_last(&r->entries) ? r->durable : entries_last(&r->entries);
    for (uint32_t i = 0; i < r->n_peers; i++)
        begin_peer(r, &r->peers[i], out);
    Raft__Entry first = RAFT__ENTRY__INIT;
    bool tells = membership_now(r)->index == LSN_NONE;
    first.kind = tells ? RAFT__KIND__MEMBERS : RAFT__KIND__NOTHING;
    if (tells)
        first.members = (Raft__Members *)(uintptr_t)members_message(members_now(r), out);
    r->term_begins = append_entry(r, &first, out);
    r->ask_after = 0;
    proposals_restart(r);
    reads_restart(r);
    r->heartbeat_at = r->now + ms(r->settings->heartbeat_ms);
    (void)fresh_round(r);
    replicate(r, out);
}
