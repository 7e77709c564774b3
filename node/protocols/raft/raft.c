#include "raft.h"

#include "base/check.h"
#include "raft_impl.h"
#include "schema_raft.h"

#define TERM_MAX (UINT64_MAX >> 2) /* No cluster lives to see it; what is added to it fits. */

static void init(void *core, const struct core_config *config)
{
    struct raft *r = core;
    r->memory = config->memory;
    r->self = config->self;
    r->connections = (struct connections){.memory = config->memory, .about = raft_about, .ctx = r};
    r->flush_at = NSEC_NEVER;
    entries_init(&r->entries, config->memory);
    raft_use_settings(r, config->settings);
    members_found(r, config);
}

static uint64_t term_of(const Raft__Message *m)
{
    switch ((int)m->kind_case) {
    case RAFT__MESSAGE__KIND_REQUEST_VOTE:
        return m->request_vote->term;
    case RAFT__MESSAGE__KIND_VOTE:
        return m->vote->term;
    case RAFT__MESSAGE__KIND_APPEND_ENTRIES:
        return m->append_entries->term;
    case RAFT__MESSAGE__KIND_APPENDED:
        return m->appended->term;
    case RAFT__MESSAGE__KIND_INSTALL_SNAPSHOT:
        return m->install_snapshot->term;
    case RAFT__MESSAGE__KIND_SNAPSHOT_RECEIVED:
        return m->snapshot_received->term;
    default:
        return 0;
    }
}

static void receive(struct raft *r, const struct input *in, struct out *out)
{
    node_id from = in->message.from;
    const Raft__Message *m = (const Raft__Message *)(const void *)out_unpack(
        out, &raft__message__descriptor, in->message.body);
    know(r, from);
    if (m && term_of(m) > TERM_MAX) {
        out_violation(out, from, "its term is beyond all bounds", in->message.body);
        return;
    }
    switch (m ? m->kind_case : RAFT__MESSAGE__KIND__NOT_SET) {
    case RAFT__MESSAGE__KIND_REQUEST_VOTE:
        receive_request_vote(r, from, m->request_vote, out);
        break;
    case RAFT__MESSAGE__KIND_VOTE:
        receive_vote(r, from, m->vote, out);
        break;
    case RAFT__MESSAGE__KIND_APPEND_ENTRIES:
        receive_append_entries(r, from, m->append_entries, out);
        break;
    case RAFT__MESSAGE__KIND_APPENDED:
        receive_appended(r, from, m->appended, out);
        break;
    case RAFT__MESSAGE__KIND_INSTALL_SNAPSHOT:
        receive_install_snapshot(r, from, m->install_snapshot, out);
        break;
    case RAFT__MESSAGE__KIND_SNAPSHOT_RECEIVED:
        receive_snapshot_received(r, from, m->snapshot_received, out);
        break;
    case RAFT__MESSAGE__KIND_TIMEOUT_NOW:
        receive_timeout_now(r, from, m->timeout_now, out);
        break;
    case RAFT__MESSAGE__KIND_FORWARD:
        receive_forward(r, from, m->forward, out);
        break;
    case RAFT__MESSAGE__KIND_FORWARD_REFUSED:
        receive_forward_refused(r, from, m->forward_refused);
        break;
    case RAFT__MESSAGE__KIND_READ_INDEX:
        receive_read_index(r, from, m->read_index, out);
        break;
    case RAFT__MESSAGE__KIND_READ_INDEX_ANSWER:
        receive_read_index_answer(r, from, m->read_index_answer, out);
        break;
    case RAFT__MESSAGE__KIND_LEADER_ORDER:
        receive_leader_order(r, m->leader_order, out);
        break;
    default:
        out_violation(out, from, "its message is none of raft's", in->message.body);
        break;
    }
}

/* Both directions of a pair tell. When a link went down, what was on its way may be lost; what was
 * sent since is lost for certain, until it is up again. */
static void link_changed(struct raft *r, const struct input *in, struct out *out)
{
    node_id id = in->link.peer;
    if (!in->link.up && in->link.reason == LINK_REMOVED)
        forget_known(r, id);
    struct peer *p = peer_find(r, id);
    if (!p || (in->link.up && !p->lost))
        return;
    p->lost = !in->link.up;
    peer_restart(r, p, out);
    if (in->link.up && is_known(r, id))
        ask_again(r, p, out);
    if (id == r->leader) {
        if (!in->link.up)
            leader_gone(r, in->link.reason, out);
        proposals_restart(r);
        reads_restart(r);
    }
}

static void durable(struct raft *r, const struct input *in, struct out *out)
{
    lsn at = in->durable.at;
    if (in->durable.log == LOG_VOTE) {
        r->durable_vote = at;
        own_vote_durable(r, out);
        return;
    }
    if (at > entries_last(&r->entries))
        at = entries_last(&r->entries);
    if (at > r->durable)
        r->durable = at;
    count_commit(r, out);
}

/* Keys go when their time has come also if nobody asks: the leader has the log say what time it is.
 * NSEC_NEVER while the log says more than is applied. */
static nsec expiry_deadline(const struct raft *r)
{
    int64_t due = machine_due_ms(&r->machine);
    if (r->role != ROLE_LEADER || due == MACHINE_NEVER || r->applied < entries_last(&r->entries))
        return NSEC_NEVER;
    int64_t left = due - r->wall_ns / (int64_t)NSEC_PER_MS;
    if (left <= 0)
        return r->now;
    return left < 86400000 ? r->now + (nsec)left * NSEC_PER_MS : NSEC_NEVER;
}

static void expiry_due(struct raft *r, struct out *out)
{
    const struct session_ticket none = {0};
    if (r->transfer_to == NODE_NONE && expiry_deadline(r) <= r->now)
        take_command(r, &none, 0, bytes_of(NULL, 0), out);
}

static void order(struct raft *r, const struct input *in, struct out *out)
{
    struct bytes verb = in->order.verb;
    struct members wanted;
    if (bytes_equal(verb, bytes_str("snapshot"))) {
        snapshot_begin(r, out);
    } else if (bytes_equal(verb, bytes_str("campaign"))) {
        campaign(r, false, out);
    } else if (!parse_members_order(in->order.words, in->order.n, &wanted)) {
        refuse_order("nodes are told as: n1 n2 n3 learners n4", out);
    } else if (bytes_equal(verb, bytes_str("members"))) {
        members_order(r, &wanted, out);
    } else if (bytes_equal(verb, bytes_str("transfer"))) {
        transfer_order(r, wanted.voters[0], out);
    }
}

static void wake(struct raft *r, struct out *out)
{
    election_due(r, out);
    heartbeat_due(r, out);
    proposals_due(r, out);
    reads_due(r, out);
    expiry_due(r, out);
}

static void work(struct raft *r, struct out *out)
{
    r->flush_at = NSEC_NEVER;
    transfer_work(r, out);
    apply_committed(r, out);
    members_work(r, out);
    proposals_send(r, out);
    reads_work(r, out);
    acknowledge(r, false, out);
    replicate(r, out);
    snapshot_work(r, out);
    if (apply_waits(r))
        r->flush_at = r->now;
}

static void step(void *core, const struct input *in, struct out *out)
{
    struct raft *r = core;
    r->now = in->now;
    r->wall_ns = in->wall_ns;
    connections_free_retired(&r->connections);
    switch ((int)in->kind) {
    case INPUT_SNAPSHOT:
    case INPUT_RECORD:
        raft_recover(r, in, out);
        return;
    case INPUT_START:
        raft_recovered(r, out);
        break;
    case INPUT_MESSAGE:
        receive(r, in, out);
        break;
    case INPUT_LINK:
        link_changed(r, in, out);
        break;
    case INPUT_WAKE:
        wake(r, out);
        break;
    case INPUT_DURABLE:
        durable(r, in, out);
        break;
    case INPUT_REQUEST:
        /* One turn of the world may bring many: they go together at its end, in one message, and
         * so in one sync of each disk. */
        raft_request(r, in, out);
        r->flush_at = r->now;
        return;
    case INPUT_DISCONNECT:
        connections_close(&r->connections, in->client.client);
        return;
    case INPUT_SETTINGS:
        raft_use_settings(r, in->settings);
        if (r->role != ROLE_LEADER)
            timer_draw(r, out); /* Who turns a knob wants to see it at once. */
        break;
    case INPUT_ORDER:
        order(r, in, out);
        break;
    default:
        return;
    }
    work(r, out);
}

static nsec earlier(nsec a, nsec b)
{
    return a < b ? a : b;
}

static nsec deadline(const void *core)
{
    const struct raft *r = core;
    if (!r->started)
        return NSEC_NEVER;
    nsec at = earlier(election_deadline(r), r->flush_at);
    at = earlier(at, proposals_deadline(r));
    at = earlier(at, reads_deadline(r));
    if (r->role != ROLE_LEADER)
        return at;
    at = earlier(at, r->heartbeat_at);
    if (r->wants)
        at = earlier(at, r->wants_until);
    if (r->transfer_to != NODE_NONE)
        return earlier(at, r->transfer_until);
    return earlier(at, expiry_deadline(r));
}

static void check(const void *core)
{
    const struct raft *r = core;
    const struct entries *e = &r->entries;
    CHECK(r->n_memberships > 0);
    CHECK((r->leader == r->self) == (r->role == ROLE_LEADER));
    CHECK(r->entries.base <= r->image.index);
    CHECK(r->durable <= entries_last(e));
    for (lsn i = e->base + 2; i <= entries_last(e); i++)
        CHECK(entries_term(e, i) >= entries_term(e, i - 1));
    CHECK(entries_last_term(e) <= r->term);
    if (r->settings->n_flaws == 0) {
        CHECK(r->applied <= r->commit);
        CHECK(r->commit <= entries_last(e));
    }
    machine_check(&r->machine);
    CHECK(r->connections.lent <= CONNECTIONS_MEMORY_MAX);
}

static const ProtobufCMessageDescriptor *const traces[] = {
    &raft__election_timeout__descriptor,
    &raft__timer__descriptor,
    &raft__candidacy__descriptor,
    &raft__ballot__descriptor,
    &raft__tally__descriptor,
    &raft__elected__descriptor,
    &raft__stepped_down__descriptor,
    &raft__committed__descriptor,
    &raft__applied__descriptor,
    &raft__membership__descriptor,
    &raft__compacted__descriptor,
    &raft__recovered__descriptor,
    &raft__transfer__descriptor,
    &raft__order_refused__descriptor,
    NULL,
};

static const char *const logs[] = {[LOG_VOTE] = "vote", [LOG_LOG] = "log", NULL};
static const char *const orders[] = {"members", "transfer", "snapshot", "campaign", NULL};
static const struct fsm_table *const machines[] = {&raft_role_table, &raft_progress_table, NULL};

const struct core_ops raft_ops = {
    .name = "raft",
    .summary = "one log on several nodes, and a key-value store over it for Redis clients",
    .usual_nodes = 5,
    .size = sizeof(struct raft),
    .message = &raft__message__descriptor,
    .settings = &raft__settings__descriptor,
    .view_type = &raft__node_view__descriptor,
    .traces = traces,
    .logs = logs,
    .waits_for = LOG_VOTE,
    .machines = machines,
    .orders = orders,
    .schema = schema_raft,
    .clients = true,
    .store = true,
    .defaults = raft_defaults,
    .accept = raft_accept,
    .log_options = raft_log_options,
    .init = init,
    .step = step,
    .deadline = deadline,
    .view = raft_view,
    .check = check,
};
