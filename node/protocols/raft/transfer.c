/* Leadership handed over (dissertation, 3.10): "the prior leader sends its log entries to the
 * target server, then the target server runs an election without waiting for its election timeout".
 */
#include "raft_impl.h"

static void trace(node_id to, bool begun, struct out *out)
{
    Raft__Transfer m = RAFT__TRANSFER__INIT;
    m.to = to;
    m.begun = begun;
    out_trace(out, &m.base);
}

void transfer_order(struct raft *r, node_id to, struct out *out)
{
    if (r->role != ROLE_LEADER) {
        if (r->leader == NODE_NONE || !is_known(r, r->leader)) {
            refuse_order("no leader is known", out);
            return;
        }
        Raft__LeaderOrder m = RAFT__LEADER_ORDER__INIT;
        m.transfer = to;
        SEND(out, r->leader, leader_order, LEADER_ORDER, &m);
        return;
    }
    const struct peer *p = peer_find(r, to);
    if (!p || !members_vote(members_now(r), to) || !is_known(r, to)) {
        refuse_order("who is to lead does not vote, or leads already", out);
        return;
    }
    r->transfer_to = to;
    r->transfer_sent = false;
    r->transfer_until = r->now + ms(r->settings->election_ms_max);
    trace(to, true, out);
}

/* Meanwhile no commands are taken, so that the target can be as far as the log. Should it not lead
 * in time, "the prior leader resumes accepting client requests". */
void transfer_work(struct raft *r, struct out *out)
{
    if (r->transfer_to == NODE_NONE)
        return;
    const struct peer *p = peer_find(r, r->transfer_to);
    if (!p || r->now >= r->transfer_until) {
        trace(r->transfer_to, false, out);
        r->transfer_to = NODE_NONE;
        return;
    }
    if (p->match != entries_last(&r->entries) || r->transfer_sent)
        return;
    Raft__TimeoutNow m = RAFT__TIMEOUT_NOW__INIT;
    m.term = r->term;
    SEND(out, p->id, timeout_now, TIMEOUT_NOW, &m);
    r->transfer_sent = r->handed_over = true;
}

void receive_timeout_now(struct raft *r, node_id from, const Raft__TimeoutNow *m, struct out *out)
{
    if (m->term != r->term || r->role == ROLE_LEADER || r->leader != from)
        return;
    campaign(r, true, out);
}
