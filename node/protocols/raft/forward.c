/* Commands on their way to the leader. Each node's reach it in order and without gaps: what comes
 * behind a gap is refused, and all that the node waits for comes once more. */
#include "base/check.h"
#include "raft_impl.h"

enum { FORWARD_MAX = 256, FORWARD_BYTES_MAX = 1 << 20 };

void take_command(struct raft *r, const struct session_ticket *t, uint64_t opener,
                  struct bytes command, struct out *out)
{
    Raft__Entry e = RAFT__ENTRY__INIT;
    e.kind = RAFT__KIND__COMMAND;
    e.command = bytes_data(command);
    e.opener = opener;
    e.session = t->session;
    e.sequence = t->sequence;
    e.answered = t->answered;
    (void)append_entry(r, &e, out);
}

void forward_opener(struct raft *r, struct out *out)
{
    Raft__Forward m = RAFT__FORWARD__INIT;
    m.opener = r->proposals.opener;
    SEND(out, r->leader, forward, FORWARD, &m);
}

struct proposal *forward_commands(struct raft *r, struct proposal *first, struct out *out)
{
    Raft__Forward m = RAFT__FORWARD__INIT;
    ProtobufCBinaryData commands[FORWARD_MAX];
    m.commands = commands;
    size_t bytes = 0;
    struct proposal *p = first;
    for (; p && m.n_commands < FORWARD_MAX; p = p->next) {
        bytes += p->len;
        if (m.n_commands > 0 && bytes > FORWARD_BYTES_MAX)
            break;
        if (p->sequence == 0)
            p->sequence = ++r->proposals.sequence;
        commands[m.n_commands++] = bytes_data(bytes_of(p->command, p->len));
    }
    m.session = r->proposals.session;
    m.first = first->sequence;
    m.oldest = first == r->proposals.first;
    m.answered = r->proposals.first->sequence - 1;
    SEND(out, r->leader, forward, FORWARD, &m);
    return p;
}

static void refuse(node_id to, uint64_t first, node_id leader, struct out *out)
{
    Raft__ForwardRefused m = RAFT__FORWARD_REFUSED__INIT;
    m.first = first;
    m.leader = leader;
    SEND(out, to, forward_refused, FORWARD_REFUSED, &m);
}

void receive_forward(struct raft *r, node_id from, const Raft__Forward *m, struct out *out)
{
    struct peer *p = peer_find(r, from);
    bool busy = r->transfer_to != NODE_NONE || r->entries.bytes > LOG_BYTES_MAX;
    if (r->role != ROLE_LEADER || busy || !p) {
        node_id leader = r->role == ROLE_LEADER ? NODE_NONE : r->leader;
        refuse(from, m->first, leader, out);
        return;
    }
    if (m->opener != 0) {
        const struct session_ticket open = {.open = true};
        take_command(r, &open, m->opener, bytes_of(NULL, 0), out);
    } else {
        bool next = p->session == m->session && m->first == p->sequence + 1;
        if (m->n_commands > FORWARD_MAX || m->session == 0 || m->first == 0) {
            out_violation(out, from, "it forwards what makes no sense", bytes_of(NULL, 0));
            return;
        }
        if (!next && !m->oldest) {
            refuse(from, m->first, r->self, out);
            return;
        }
        for (size_t i = 0; i < m->n_commands; i++) {
            const struct session_ticket t = {
                .session = m->session, .sequence = m->first + i, .answered = m->answered};
            take_command(r, &t, 0, data_bytes(m->commands[i]), out);
        }
        p->session = m->session;
        p->sequence = m->first + m->n_commands - 1;
    }
    p->commit_wanted = entries_last(&r->entries);
}

void receive_forward_refused(struct raft *r, node_id from, const Raft__ForwardRefused *m)
{
    if (r->role == ROLE_LEADER || r->leader != from)
        return;
    proposals_restart(r);
    if (m->leader != from)
        r->ask_after = r->now + ms(r->settings->heartbeat_ms);
}
