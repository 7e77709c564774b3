/* Messages of Raft that no Raft sent: any bytes, and well-formed ones whose numbers are at their
 * limits, from members and from strangers, among elections, writes, snapshots, changes of members,
 * kills and power cuts. No node breaks an assertion. Each step reads as many bytes as it needs to
 * say what happens; those that say how many are followed by so many more. */
#include "../script/commands.h"

#include "raft.pb-c.h"

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 5, STEPS_MAX = 200, ENTRIES_MAX = 4, IDS_MAX = 8 };

struct reader {
    const uint8_t *at;
    size_t left;
};

static uint8_t take(struct reader *r)
{
    if (r->left == 0)
        return 0;
    r->left--;
    return *r->at++;
}

static struct bytes rest_of(struct reader *r)
{
    size_t n = take(r);
    n = n < r->left ? n : r->left;
    struct bytes b = bytes_of(r->at, n);
    r->at += n;
    r->left -= n;
    return b;
}

/* Small ones, which mean something in a young cluster, and those at the limits. */
static uint64_t number(struct reader *r)
{
    static const uint64_t limits[] = {UINT64_MAX, UINT64_MAX - 1,    UINT64_C(1) << 63,
                                      UINT32_MAX, UINT64_C(1) << 32, INT64_MAX};
    uint8_t b = take(r);
    return b < 240 ? b % 16 : limits[b % (sizeof limits / sizeof limits[0])];
}

struct ids {
    uint32_t all[IDS_MAX];
};

static size_t some_ids(struct reader *r, struct ids *into)
{
    size_t n = take(r) % (IDS_MAX + 1);
    for (size_t i = 0; i < n; i++)
        into->all[i] = (uint32_t)number(r);
    return n;
}

struct members {
    Raft__Members m;
    struct ids ids[3];
};

static Raft__Members *some_members(struct reader *r, struct members *into)
{
    into->m = (Raft__Members)RAFT__MEMBERS__INIT;
    into->m.voters = into->ids[0].all;
    into->m.n_voters = some_ids(r, &into->ids[0]);
    into->m.outgoing = into->ids[1].all;
    into->m.n_outgoing = take(r) % 2 ? some_ids(r, &into->ids[1]) : 0;
    into->m.learners = into->ids[2].all;
    into->m.n_learners = take(r) % 2 ? some_ids(r, &into->ids[2]) : 0;
    return &into->m;
}

static ProtobufCBinaryData data_of(struct bytes b)
{
    return (ProtobufCBinaryData){b.len, (uint8_t *)(uintptr_t)b.base};
}

static void some_entry(struct reader *r, struct buf *into)
{
    Raft__Entry e = RAFT__ENTRY__INIT;
    struct members members;
    if (take(r) % 8 == 0) { /* None at all. */
        buf_append(into, rest_of(r));
        return;
    }
    e.term = number(r);
    e.kind = (Raft__Kind)(take(r) % 4);
    e.time_ms = (int64_t)number(r);
    if (e.kind == RAFT__KIND__MEMBERS || take(r) % 4 == 0)
        e.members = some_members(r, &members);
    if (e.kind == RAFT__KIND__COMMAND) {
        e.command = data_of(rest_of(r));
        e.opener = take(r) % 3 ? 0 : number(r);
        e.session = number(r);
        e.sequence = number(r);
        e.answered = number(r);
    }
    raft__entry__pack(&e, buf_extend(into, raft__entry__get_packed_size(&e)));
}

struct told { /* What a message points to. */
    union {
        Raft__RequestVote request_vote;
        Raft__Vote vote;
        Raft__AppendEntries append_entries;
        Raft__Appended appended;
        Raft__InstallSnapshot install_snapshot;
        Raft__SnapshotReceived snapshot_received;
        Raft__TimeoutNow timeout_now;
        Raft__Forward forward;
        Raft__ForwardRefused forward_refused;
        Raft__ReadIndex read_index;
        Raft__ReadIndexAnswer read_index_answer;
        Raft__LeaderOrder leader_order;
    };
    struct members members;
    struct buf entries[ENTRIES_MAX];
    ProtobufCBinaryData lists[ENTRIES_MAX];
};

static void elect(struct reader *r, Raft__Message *m, struct told *t)
{
    switch (m->kind_case) {
    case RAFT__MESSAGE__KIND_REQUEST_VOTE:
        t->request_vote = (Raft__RequestVote)RAFT__REQUEST_VOTE__INIT;
        t->request_vote.term = number(r);
        t->request_vote.last_index = number(r);
        t->request_vote.last_term = number(r);
        t->request_vote.pre = take(r) % 2;
        t->request_vote.transfer = take(r) % 2;
        m->request_vote = &t->request_vote;
        break;
    case RAFT__MESSAGE__KIND_VOTE:
        t->vote = (Raft__Vote)RAFT__VOTE__INIT;
        t->vote.term = number(r);
        t->vote.pre = take(r) % 2;
        t->vote.granted = take(r) % 2;
        t->vote.refusal = (Raft__Refusal)(take(r) % 6);
        m->vote = &t->vote;
        break;
    default:
        t->timeout_now = (Raft__TimeoutNow)RAFT__TIMEOUT_NOW__INIT;
        t->timeout_now.term = number(r);
        m->timeout_now = &t->timeout_now;
        break;
    }
}

static size_t some_entries(struct reader *r, struct told *t)
{
    size_t n = take(r) % (ENTRIES_MAX + 1);
    for (size_t i = 0; i < n; i++) {
        some_entry(r, &t->entries[i]);
        t->lists[i] = data_of(buf_bytes(&t->entries[i]));
    }
    return n;
}

static void replicate(struct reader *r, Raft__Message *m, struct told *t)
{
    switch (m->kind_case) {
    case RAFT__MESSAGE__KIND_APPEND_ENTRIES:
        t->append_entries = (Raft__AppendEntries)RAFT__APPEND_ENTRIES__INIT;
        t->append_entries.term = number(r);
        t->append_entries.prev_index = number(r);
        t->append_entries.prev_term = number(r);
        t->append_entries.commit = number(r);
        t->append_entries.round = number(r);
        t->append_entries.n_entries = some_entries(r, t);
        t->append_entries.entries = t->lists;
        m->append_entries = &t->append_entries;
        break;
    case RAFT__MESSAGE__KIND_APPENDED:
        t->appended = (Raft__Appended)RAFT__APPENDED__INIT;
        t->appended.term = number(r);
        t->appended.refused = take(r) % 2;
        t->appended.match = number(r);
        t->appended.round = number(r);
        t->appended.hint_index = number(r);
        t->appended.hint_term = number(r);
        m->appended = &t->appended;
        break;
    case RAFT__MESSAGE__KIND_INSTALL_SNAPSHOT:
        t->install_snapshot = (Raft__InstallSnapshot)RAFT__INSTALL_SNAPSHOT__INIT;
        t->install_snapshot.term = number(r);
        t->install_snapshot.index = number(r);
        t->install_snapshot.offset = number(r);
        t->install_snapshot.size = number(r);
        t->install_snapshot.round = number(r);
        t->install_snapshot.data = data_of(rest_of(r));
        m->install_snapshot = &t->install_snapshot;
        break;
    default:
        t->snapshot_received = (Raft__SnapshotReceived)RAFT__SNAPSHOT_RECEIVED__INIT;
        t->snapshot_received.term = number(r);
        t->snapshot_received.index = number(r);
        t->snapshot_received.offset = number(r);
        t->snapshot_received.installed = take(r) % 2;
        t->snapshot_received.round = number(r);
        m->snapshot_received = &t->snapshot_received;
        break;
    }
}

static void serve(struct reader *r, Raft__Message *m, struct told *t)
{
    switch (m->kind_case) {
    case RAFT__MESSAGE__KIND_FORWARD:
        t->forward = (Raft__Forward)RAFT__FORWARD__INIT;
        t->forward.session = number(r);
        t->forward.first = number(r);
        t->forward.oldest = take(r) % 2;
        t->forward.answered = number(r);
        t->forward.opener = take(r) % 2 ? number(r) : 0;
        t->lists[0] = data_of(rest_of(r));
        t->forward.commands = t->lists;
        t->forward.n_commands = take(r) % 2;
        m->forward = &t->forward;
        break;
    case RAFT__MESSAGE__KIND_FORWARD_REFUSED:
        t->forward_refused = (Raft__ForwardRefused)RAFT__FORWARD_REFUSED__INIT;
        t->forward_refused.first = number(r);
        t->forward_refused.leader = (uint32_t)number(r);
        m->forward_refused = &t->forward_refused;
        break;
    case RAFT__MESSAGE__KIND_READ_INDEX:
        t->read_index = (Raft__ReadIndex)RAFT__READ_INDEX__INIT;
        t->read_index.number = number(r);
        m->read_index = &t->read_index;
        break;
    case RAFT__MESSAGE__KIND_READ_INDEX_ANSWER:
        t->read_index_answer = (Raft__ReadIndexAnswer)RAFT__READ_INDEX_ANSWER__INIT;
        t->read_index_answer.number = number(r);
        t->read_index_answer.refused = take(r) % 2;
        t->read_index_answer.index = number(r);
        t->read_index_answer.leader = (uint32_t)number(r);
        m->read_index_answer = &t->read_index_answer;
        break;
    default:
        t->leader_order = (Raft__LeaderOrder)RAFT__LEADER_ORDER__INIT;
        t->leader_order.members = take(r) % 2 ? some_members(r, &t->members) : NULL;
        t->leader_order.transfer = (uint32_t)number(r);
        m->leader_order = &t->leader_order;
        break;
    }
}

static void forge(struct world *w, node_id from, node_id to, struct reader *r)
{
    Raft__Message m = RAFT__MESSAGE__INIT;
    struct told t = {.entries = {{0}}};
    struct buf packed = {0};
    m.kind_case = (Raft__Message__KindCase)(RAFT__MESSAGE__KIND_REQUEST_VOTE + take(r) % 12);
    if (m.kind_case <= RAFT__MESSAGE__KIND_VOTE || m.kind_case == RAFT__MESSAGE__KIND_TIMEOUT_NOW)
        elect(r, &m, &t);
    else if (m.kind_case <= RAFT__MESSAGE__KIND_SNAPSHOT_RECEIVED)
        replicate(r, &m, &t);
    else
        serve(r, &m, &t);
    raft__message__pack(&m, buf_extend(&packed, raft__message__get_packed_size(&m)));
    world_forge(w, from, to, buf_bytes(&packed));
    buf_free(&packed);
    for (size_t i = 0; i < ENTRIES_MAX; i++)
        buf_free(&t.entries[i]);
}

/* What else goes on; `%u` is the node. */
static const char *const commands[] = {
    "among n1 n2 n3",
    "run 5ms",
    "run 60ms",
    "run 200ms",
    "do n%u campaign",
    "do n%u snapshot",
    "do n%u transfer n2",
    "do n%u members n1 n2 n4",
    "do n%u members n1 n2 n3 learners n5",
    "client n%u c1 INCR x",
    "client n%u c1 SET k v PX 30",
    "client n%u c2 GET k",
    "client n%u c2 CAS k v w",
    "kill n%u",
    "power n%u",
    "start n%u",
};

static void happen(struct world *w, struct reader *r)
{
    enum { COMMANDS = sizeof commands / sizeof commands[0] };
    char line[64];
    char why[512];
    uint8_t what = take(r);
    node_id to = 1 + what / 8 % 3;
    node_id from = 1 + take(r) % NODES;
    if (what % 8 < 4) {
        (void)snprintf(line, sizeof line, commands[take(r) % COMMANDS], to);
        (void)command_do(w, line, why, sizeof why);
    } else if (!w->nodes[to - 1].host || from == to)
        return;
    else if (what % 8 == 4)
        world_forge(w, from, to, rest_of(r));
    else
        forge(w, from, to, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const begin[] = {
        "cluster 5 raft founders=3 snapshot_bytes=200 keep_bytes=0 chunk_bytes=50 pages=1 "
        "election_ms_min=100 election_ms_max=150 patience_ms=300",
        "autosync", "start n1", "start n2", "start n3"};
    struct buf said = {0};
    struct world world;
    char why[512];
    struct reader r = {data, size};
    world_init(&world, &said);
    for (size_t i = 0; i < sizeof begin / sizeof begin[0]; i++)
        (void)command_do(&world, begin[i], why, sizeof why);
    for (int n = 0; n < STEPS_MAX && r.left > 0; n++) {
        happen(&world, &r);
        buf_clear(&said);
    }
    world_free(&world);
    buf_free(&said);
    return 0;
}
