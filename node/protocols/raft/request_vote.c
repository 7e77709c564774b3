#include "raft_impl.h"

/* "if a server receives a RequestVote RPC within the minimum election timeout of hearing from a
 * current leader, it does not update its term or grant its vote" (paper, 6). A leader hears itself.
 */
bool hears_a_leader(const struct raft *r)
{
    if (r->role == ROLE_LEADER)
        return true;
    nsec least = ms(r->settings->election_ms_min);
    /* With leases, whoever heard from the leader before a crash has forgotten it: it protects
     * anybody for as long. */
    bool lease = r->settings->reads == RAFT__READS__LEASE;
    if (!r->heard)
        return lease && r->heard_at != 0 && r->now - r->heard_at < least;
    return r->leader != NODE_NONE && r->now - r->heard_at < least;
}

/* "Raft determines which of two logs is more up-to-date by comparing the index and term of the last
 * entries in the logs" (paper, 5.4.1). */
static bool behind(const struct raft *r, const Raft__RequestVote *m)
{
    if (r->flaw_restriction)
        return false;
    uint64_t term = entries_last_term(&r->entries);
    if (m->last_term != term)
        return m->last_term < term;
    return m->last_index < entries_last(&r->entries);
}

static Raft__Refusal judge(const struct raft *r, node_id from, const Raft__RequestVote *m)
{
    if (m->term < r->term || (m->pre && m->term == r->term && r->role == ROLE_LEADER))
        return RAFT__REFUSAL__STALE_TERM;
    if (!m->pre && r->voted_for != NODE_NONE && r->voted_for != from)
        return RAFT__REFUSAL__VOTED;
    if (behind(r, m))
        return RAFT__REFUSAL__LOG_BEHIND;
    return RAFT__REFUSAL__NOT_REFUSED;
}

void trace_ballot(node_id candidate, uint64_t term, bool pre, Raft__Refusal refusal,
                  struct out *out)
{
    Raft__Ballot m = RAFT__BALLOT__INIT;
    m.term = term;
    m.candidate = candidate;
    m.pre = pre;
    m.granted = refusal == RAFT__REFUSAL__NOT_REFUSED;
    m.refusal = refusal;
    out_trace_held(out, &m.base); /* With the vote, which is none before it is on disk. */
}

static void answer(struct raft *r, node_id from, const Raft__RequestVote *m, Raft__Refusal refusal,
                   struct out *out)
{
    trace_ballot(from, m->term, m->pre, refusal, out);
    Raft__Vote vote = RAFT__VOTE__INIT;
    vote.granted = refusal == RAFT__REFUSAL__NOT_REFUSED;
    vote.term = vote.granted ? m->term : r->term;
    vote.pre = m->pre;
    vote.refusal = refusal;
    SEND(out, from, vote, VOTE, &vote);
}

void receive_request_vote(struct raft *r, node_id from, const Raft__RequestVote *m, struct out *out)
{
    bool protects = (m->pre || r->settings->check_quorum) && !m->transfer;
    if (protects && m->term >= r->term && hears_a_leader(r)) {
        answer(r, from, m, RAFT__REFUSAL__LEADER_KNOWN, out);
        return;
    }
    /* "If RPC request or response contains term T > currentTerm: set currentTerm = T, convert to
     * follower" (paper, figure 2). A pre-vote's term has not begun. */
    if (!m->pre && m->term > r->term)
        become_follower(r, m->term, NODE_NONE, from, out);
    Raft__Refusal refusal = judge(r, from, m);
    if (refusal == RAFT__REFUSAL__NOT_REFUSED && !m->pre) {
        if (r->voted_for == NODE_NONE)
            raft_set_term(r, r->term, from, out);
        timer_restart(r);
    }
    answer(r, from, m, refusal, out);
}
