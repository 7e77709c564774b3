/* Reads without a place in the log (dissertation, 6.4). The leader notes what is committed, asks a
 * majority whether it still leads, and once that is so the read may be answered by whoever has
 * applied as much. All reads that came meanwhile share the next question. */
#include "base/check.h"
#include "raft_impl.h"

#include <stdio.h>
#include <string.h>

enum { ERROR_MAX = 160 };

void read_add(struct raft *r, client_id client, uint64_t request, struct bytes command)
{
    struct reads *all = &r->reads;
    struct read *one = memory_alloc(r->memory, sizeof *one + command.len);
    CHECK(one); /* Their number is bounded. */
    one->client = client;
    one->request = request;
    one->asked_at = r->now;
    one->len = (uint32_t)command.len;
    memcpy(one->command, command.base, command.len);
    if (!all->first)
        all->end = &all->first;
    *all->end = one;
    all->end = &one->next;
    all->n++;
    lane_add(r, client, 0, 1);
}

static void take_out(struct raft *r, struct read **at)
{
    struct read *one = *at;
    *at = one->next;
    if (r->reads.end == &one->next)
        r->reads.end = at;
    r->reads.n--;
    lane_add(r, one->client, 0, -1);
    memory_free(r->memory, one);
}

void reads_to_log(struct raft *r, client_id client)
{
    for (struct read **at = &r->reads.first; *at;) {
        struct read *one = *at;
        if (one->client != client) {
            at = &one->next;
            continue;
        }
        propose(r, client, one->request, bytes_of(one->command, one->len));
        take_out(r, at);
    }
}

void reads_restart(struct raft *r)
{
    for (struct read *one = r->reads.first; one; one = one->next) {
        one->number = 0;
        one->index = LSN_NONE;
    }
    r->reads.answered = r->reads.number;
}

void read_now(struct raft *r, client_id client, uint64_t request,
              const struct machine_command *command, struct out *out)
{
    struct machine_result *did = out_alloc(out, sizeof *did);
    CHECK(did);
    machine_query(&r->machine, command, r->machine.now_ms, out->arena, did);
    const struct history h = {client, request, did->ops, did->n_ops, did->partial};
    out_reply(out, client, request, did->reply);
    if (h.n > 0)
        history_complete(out, &h, true);
}

static void answered(struct raft *r, uint64_t number, lsn index)
{
    if (number > r->reads.answered)
        r->reads.answered = number;
    for (struct read *one = r->reads.first; one; one = one->next)
        if (one->number != 0 && one->number <= number && one->index == LSN_NONE)
            one->index = index;
}

static void serve(struct raft *r, struct out *out)
{
    struct read *one;
    while ((one = r->reads.first) != NULL && one->index != LSN_NONE && one->index <= r->applied) {
        if (out->n >= EFFECTS_MAX / 2 || out->arena->used >= ARENA_USED_MAX) {
            r->flush_at = r->now;
            return;
        }
        struct machine_command command;
        int error = machine_unpack(bytes_of(one->command, one->len), out->arena, &command);
        CHECK(error == 0); /* We packed it. */
        read_now(r, one->client, one->request, &command, out);
        take_out(r, &r->reads.first);
    }
}

static void question_add(struct raft *r, node_id from, uint64_t number)
{
    struct reads *all = &r->reads;
    struct question *q = memory_alloc(r->memory, sizeof *q);
    CHECK(q);
    q->from = from;
    q->number = number;
    if (!all->questions)
        all->questions_end = &all->questions;
    *all->questions_end = q;
    all->questions_end = &q->next;
    all->n_questions++;
}

static void question_drop(struct raft *r)
{
    struct question *q = r->reads.questions;
    r->reads.questions = q->next;
    r->reads.n_questions--;
    memory_free(r->memory, q);
}

void questions_clear(struct raft *r)
{
    while (r->reads.questions)
        question_drop(r);
}

static void ask(struct raft *r, struct out *out)
{
    struct reads *all = &r->reads;
    bool any = false;
    for (const struct read *one = all->first; one && !any; one = one->next)
        any = one->number == 0;
    if (!any || r->leader == NODE_NONE || !is_known(r, r->leader) || r->now < r->ask_after)
        return;
    all->number++;
    all->asked_at = r->now;
    for (struct read *one = all->first; one; one = one->next)
        if (one->number == 0)
            one->number = all->number;
    if (r->role == ROLE_LEADER) {
        question_add(r, r->self, all->number);
        return;
    }
    Raft__ReadIndex m = RAFT__READ_INDEX__INIT;
    m.number = all->number;
    SEND(out, r->leader, read_index, READ_INDEX, &m);
}

static uint64_t round_of(const struct raft *r, node_id id)
{
    if (id == r->self)
        return r->round;
    const struct peer *p = peer_look(r, id);
    return p ? p->round : 0;
}

/* "the leader would use the normal heartbeat mechanism to maintain a lease" (dissertation, 6.4.1):
 * whoever answered a round elects nobody for the least election time-out since then; a tenth of it
 * is left to clocks that drift apart. */
static bool holds_lease(const struct raft *r, uint64_t round)
{
    if (r->settings->reads != RAFT__READS__LEASE || r->transfer_to != NODE_NONE || r->handed_over)
        return false;
    nsec at = r->rounds[round % 32].at;
    return r->rounds[round % 32].round == round && round > 0 &&
           r->now < at + ms(r->settings->election_ms_min) / 10 * 9;
}

static void answer(struct raft *r, const struct question *q, struct out *out)
{
    if (q->from == r->self) {
        answered(r, q->number, q->index);
        return;
    }
    struct peer *p = peer_find(r, q->from);
    Raft__ReadIndexAnswer m = RAFT__READ_INDEX_ANSWER__INIT;
    m.number = q->number;
    m.index = q->index;
    m.leader = r->self;
    if (p && q->index > p->commit_wanted)
        p->commit_wanted = q->index;
    SEND(out, q->from, read_index_answer, READ_INDEX_ANSWER, &m);
}

/* "If the leader has not yet marked an entry from its current term committed, it waits until it has
 * done so" (dissertation, 6.4): before, it does not know what is committed. */
static void answer_questions(struct raft *r, struct out *out)
{
    if (!r->reads.questions || r->role != ROLE_LEADER || r->commit < r->term_begins)
        return;
    uint64_t reach = members_reach(r, round_of);
    bool lease = holds_lease(r, reach);
    for (struct question *q = r->reads.questions; q; q = q->next)
        if (q->index == LSN_NONE) {
            q->index = r->commit;
            q->round = lease ? reach : fresh_round(r);
        }
    reach = members_reach(r, round_of);
    while (r->reads.questions && r->reads.questions->round <= reach && out->n < EFFECTS_MAX / 2) {
        answer(r, r->reads.questions, out);
        question_drop(r);
    }
}

void reads_work(struct raft *r, struct out *out)
{
    ask(r, out);
    answer_questions(r, out);
    serve(r, out);
}

static nsec ask_again_after(const struct raft *r)
{
    return 2 * ms(r->settings->election_ms_max);
}

static bool asks(const struct raft *r)
{
    return r->reads.first && r->reads.answered < r->reads.number && r->leader != r->self;
}

nsec reads_deadline(const struct raft *r)
{
    if (!r->reads.first)
        return NSEC_NEVER;
    nsec due = r->reads.first->asked_at + ms(r->settings->patience_ms);
    nsec again = r->reads.asked_at + ask_again_after(r);
    if (r->now < r->ask_after && r->ask_after < due)
        due = r->ask_after;
    return asks(r) && again < due ? again : due;
}

void reads_due(struct raft *r, struct out *out)
{
    char text[ERROR_MAX];
    nsec patience = ms(r->settings->patience_ms);
    (void)snprintf(text, sizeof text, "-CLUSTERDOWN no leader answered within %u ms, ask again\r\n",
                   (unsigned)r->settings->patience_ms);
    while (r->reads.first && r->now - r->reads.first->asked_at >= patience &&
           out->n < EFFECTS_MAX / 2) {
        struct read *one = r->reads.first;
        fail_request(one->client, one->request, bytes_of(one->command, one->len), text, out);
        take_out(r, &r->reads.first);
    }
    if (asks(r) && r->now - r->reads.asked_at >= ask_again_after(r)) {
        r->reads.asked_at = r->now;
        reads_restart(r);
    }
}

static void refuse(struct raft *r, node_id to, uint64_t number, struct out *out)
{
    Raft__ReadIndexAnswer m = RAFT__READ_INDEX_ANSWER__INIT;
    m.number = number;
    m.refused = true;
    m.leader = r->leader;
    SEND(out, to, read_index_answer, READ_INDEX_ANSWER, &m);
}

void receive_read_index(struct raft *r, node_id from, const Raft__ReadIndex *m, struct out *out)
{
    bool leads = r->role == ROLE_LEADER && peer_find(r, from) != NULL;
    if (!leads || m->number == 0 || r->reads.n_questions >= QUESTIONS_MAX)
        refuse(r, from, m->number, out);
    else
        question_add(r, from, m->number);
}

void receive_read_index_answer(struct raft *r, node_id from, const Raft__ReadIndexAnswer *m,
                               struct out *out)
{
    if (r->role == ROLE_LEADER)
        return;
    if (m->number == 0) {
        bool stranger = !members_have(members_now(r), r->self);
        bool other = m->leader != r->self && is_known(r, m->leader);
        if (stranger && r->leader == NODE_NONE && other)
            r->leader = m->leader;
        return;
    }
    if (from != r->leader || m->number > r->reads.number)
        return;
    if (m->refused) {
        r->ask_after = r->now + ms(r->settings->heartbeat_ms);
        reads_restart(r);
        return;
    }
    answered(r, m->number, m->index);
    learn_commit(r, m->index < r->verified ? m->index : r->verified, out);
}

/* A node that is no member yet makes itself known by this, too. */
void ask_who_leads(struct raft *r, struct out *out)
{
    Raft__Message message = RAFT__MESSAGE__INIT;
    Raft__ReadIndex m = RAFT__READ_INDEX__INIT;
    message.kind_case = RAFT__MESSAGE__KIND_READ_INDEX;
    message.read_index = &m;
    node_id to[KNOWN_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_known; i++)
        if (r->known[i] != r->self)
            to[n++] = r->known[i];
    out_send_many(out, to, n, TRANSPORT_STREAM, &message.base);
}
