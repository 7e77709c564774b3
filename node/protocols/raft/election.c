#include "raft_impl.h"

bool may_campaign(const struct raft *r)
{
    return r->role != ROLE_LEADER && members_vote(members_now(r), r->self);
}

nsec election_deadline(const struct raft *r)
{
    return r->role == ROLE_LEADER ? NSEC_NEVER : r->waits_since + r->timeout;
}

static Raft__RequestVote request_vote(const struct raft *r, bool transfer)
{
    Raft__RequestVote m = RAFT__REQUEST_VOTE__INIT;
    m.pre = r->role == ROLE_PRE_CANDIDATE;
    m.term = m.pre ? r->pre_term : r->term;
    m.last_index = entries_last(&r->entries);
    m.last_term = entries_last_term(&r->entries);
    m.transfer = transfer;
    return m;
}

void ask_for_votes(struct raft *r, bool transfer, struct out *out)
{
    Raft__RequestVote m = request_vote(r, transfer);
    Raft__Message message = RAFT__MESSAGE__INIT;
    message.kind_case = RAFT__MESSAGE__KIND_REQUEST_VOTE;
    message.request_vote = &m;
    node_id to[PEERS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_peers; i++)
        if (members_vote(members_now(r), r->peers[i].id) && is_known(r, r->peers[i].id))
            to[n++] = r->peers[i].id;
    out_send_many(out, to, n, TRANSPORT_STREAM, &message.base);
}

static bool granted(const struct raft *r, node_id id)
{
    if (id == r->self)
        return r->own_granted;
    const struct peer *p = peer_look(r, id);
    return p && p->vote == VOTE_GRANTED;
}

/* A candidate "wins an election if it receives votes from a majority of the servers in the full
 * cluster for the same term" (paper, 5.2). */
static void count(struct raft *r, struct out *out)
{
    if (!members_quorum(r, granted))
        return;
    if (r->role == ROLE_PRE_CANDIDATE)
        become_candidate(r, false, out);
    else if (r->role == ROLE_CANDIDATE)
        become_leader(r, out);
}

void campaign(struct raft *r, bool transfer, struct out *out)
{
    if (!may_campaign(r))
        return;
    if (r->settings->pre_vote && !transfer) {
        become_pre_candidate(r, out);
        count(r, out);
    } else {
        become_candidate(r, transfer, out);
    }
}

/* The kernel of the leader's machine says that nobody listens there any more. A short while is
 * drawn all the same, so that not all who hear of it campaign at once. */
void leader_gone(struct raft *r, enum link_reason reason, struct out *out)
{
    bool told = reason == LINK_RESET || reason == LINK_CLOSED || reason == LINK_REFUSED;
    if (!r->settings->trust_resets || !told || r->role != ROLE_FOLLOWER || !may_campaign(r))
        return;
    r->heard = false;
    timer_set(r, out_random(out, ms(r->settings->heartbeat_ms)), out);
}

void election_due(struct raft *r, struct out *out)
{
    if (r->now < election_deadline(r))
        return;
    if (!members_vote(members_now(r), r->self)) {
        r->leader = NODE_NONE;
        r->heard = false;
        timer_draw(r, out);
        ask_who_leads(r, out);
        return;
    }
    Raft__ElectionTimeout m = RAFT__ELECTION_TIMEOUT__INIT;
    m.term = r->term;
    m.waited_ns = r->now - r->waits_since;
    m.timeout_ns = r->timeout;
    m.leader = r->leader;
    out_trace(out, &m.base);
    campaign(r, false, out);
}

/* Its own vote counts as others' do: once it is on disk. */
void own_vote_durable(struct raft *r, struct out *out)
{
    if (r->role != ROLE_CANDIDATE || r->own_granted || r->durable_vote < r->own_vote)
        return;
    r->own_granted = true;
    count(r, out);
}

void votes(const struct raft *r, node_id *yes, size_t *n_yes, node_id *no, size_t *n_no)
{
    if (r->own_granted)
        yes[(*n_yes)++] = r->self;
    for (uint32_t i = 0; i < r->n_peers; i++) {
        if (r->peers[i].vote == VOTE_GRANTED)
            yes[(*n_yes)++] = r->peers[i].id;
        else if (r->peers[i].vote == VOTE_REFUSED)
            no[(*n_no)++] = r->peers[i].id;
    }
}

static void trace_tally(const struct raft *r, struct out *out)
{
    Raft__Tally m = RAFT__TALLY__INIT;
    uint32_t yes[PEERS_MAX + 1];
    uint32_t no[PEERS_MAX];
    m.granted = yes;
    m.refused = no;
    m.pre = r->role == ROLE_PRE_CANDIDATE;
    m.term = m.pre ? r->pre_term : r->term;
    votes(r, yes, &m.n_granted, no, &m.n_refused);
    out_trace(out, &m.base);
}

void receive_vote(struct raft *r, node_id from, const Raft__Vote *m, struct out *out)
{
    /* Where a pre-vote is granted, the term is that which has not begun. */
    if (m->term > r->term && !(m->pre && m->granted)) {
        become_follower(r, m->term, NODE_NONE, from, out);
        return;
    }
    uint64_t asked = m->pre ? r->pre_term : r->term;
    enum role role = m->pre ? ROLE_PRE_CANDIDATE : ROLE_CANDIDATE;
    struct peer *p = peer_find(r, from);
    if (r->role != role || !p || (m->granted && m->term != asked))
        return;
    p->vote = m->granted ? VOTE_GRANTED : VOTE_REFUSED;
    trace_tally(r, out);
    count(r, out);
}

/* What was sent over the link before is lost. */
void ask_again(struct raft *r, const struct peer *p, struct out *out)
{
    bool asks = r->role == ROLE_CANDIDATE || r->role == ROLE_PRE_CANDIDATE;
    if (!asks || p->vote != VOTE_NONE || !members_vote(members_now(r), p->id))
        return;
    Raft__RequestVote m = request_vote(r, false);
    SEND(out, p->id, request_vote, REQUEST_VOTE, &m);
}
