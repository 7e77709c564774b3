/* Who votes (paper, 6; dissertation, 4): "a server always uses the latest configuration in its log,
 * regardless of whether the entry is committed". New voters first learn the log without a vote,
 * then old and new members decide together, then the new ones alone. */
#include "base/check.h"
#include "raft_impl.h"

#include <string.h>

const struct membership *membership_now(const struct raft *r)
{
    return &r->memberships[r->n_memberships - 1];
}

const struct members *members_now(const struct raft *r)
{
    return &membership_now(r)->members;
}

static bool among(const node_id *all, uint32_t n, node_id id)
{
    for (uint32_t i = 0; i < n; i++)
        if (all[i] == id)
            return true;
    return false;
}

bool members_vote(const struct members *m, node_id id)
{
    return among(m->voters, m->n_voters, id) || among(m->outgoing, m->n_outgoing, id);
}

bool members_have(const struct members *m, node_id id)
{
    return members_vote(m, id) || among(m->learners, m->n_learners, id);
}

bool members_joint(const struct members *m)
{
    return m->n_outgoing > 0;
}

static bool majority(const struct raft *r, const node_id *all, uint32_t n,
                     bool (*has)(const struct raft *r, node_id id))
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < n; i++)
        have += has(r, all[i]);
    return n == 0 || have > n / 2;
}

/* "Agreement (for elections and entry commitment) requires separate majorities from both the old
 * and new configurations" (paper, 6). */
bool members_quorum(const struct raft *r, bool (*has)(const struct raft *r, node_id id))
{
    const struct members *m = members_now(r);
    return majority(r, m->voters, m->n_voters, has) && majority(r, m->outgoing, m->n_outgoing, has);
}

static uint64_t reach(const struct raft *r, const node_id *all, uint32_t n,
                      uint64_t (*of)(const struct raft *r, node_id id))
{
    uint64_t sorted[MEMBERS_MAX];
    for (uint32_t i = 0; i < n; i++) {
        uint64_t v = of(r, all[i]);
        uint32_t at = i;
        for (; at > 0 && sorted[at - 1] < v; at--)
            sorted[at] = sorted[at - 1];
        sorted[at] = v;
    }
    return n == 0 ? UINT64_MAX : sorted[n / 2];
}

uint64_t members_reach(const struct raft *r, uint64_t (*of)(const struct raft *r, node_id id))
{
    const struct members *m = members_now(r);
    uint64_t now = reach(r, m->voters, m->n_voters, of);
    uint64_t before = reach(r, m->outgoing, m->n_outgoing, of);
    return now < before ? now : before;
}

static bool read_list(const uint32_t *from, size_t n, node_id *into, uint32_t *n_into)
{
    if (n > MEMBERS_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (from[i] == NODE_NONE || among(into, (uint32_t)i, from[i]))
            return false;
        into[i] = from[i];
    }
    *n_into = (uint32_t)n;
    return true;
}

bool members_read(const Raft__Members *m, struct members *into)
{
    *into = (struct members){0};
    if (!m || m->n_voters == 0)
        return false;
    return read_list(m->voters, m->n_voters, into->voters, &into->n_voters) &&
           read_list(m->outgoing, m->n_outgoing, into->outgoing, &into->n_outgoing) &&
           read_list(m->learners, m->n_learners, into->learners, &into->n_learners);
}

bool members_parse(struct bytes packed, struct members *into)
{
    uint8_t room[4096];
    struct arena arena = {room, 0, sizeof room};
    ProtobufCAllocator lender = {arena_lend, arena_keep, &arena};
    const Raft__Members *m = raft__members__unpack(&lender, packed.len, packed.base);
    return members_read(m, into);
}

const Raft__Members *members_message(const struct members *m, struct out *out)
{
    struct {
        Raft__Members message;
        struct members lists;
    } *copy = out_alloc(out, sizeof *copy);
    CHECK(copy);
    copy->lists = *m;
    raft__members__init(&copy->message);
    copy->message.voters = copy->lists.voters;
    copy->message.n_voters = m->n_voters;
    copy->message.outgoing = copy->lists.outgoing;
    copy->message.n_outgoing = m->n_outgoing;
    copy->message.learners = copy->lists.learners;
    copy->message.n_learners = m->n_learners;
    return &copy->message;
}

bool is_known(const struct raft *r, node_id id)
{
    return among(r->known, r->n_known, id);
}

void know(struct raft *r, node_id id)
{
    if (!is_known(r, id) && r->n_known < KNOWN_MAX)
        r->known[r->n_known++] = id;
}

void forget_known(struct raft *r, node_id id)
{
    for (uint32_t i = 0; i < r->n_known; i++)
        if (r->known[i] == id)
            r->known[i--] = r->known[--r->n_known];
}

static void add_peer(struct raft *r, node_id id)
{
    if (id == r->self || peer_find(r, id) || r->n_peers == PEERS_MAX)
        return;
    struct peer *p = &r->peers[r->n_peers++];
    *p = (struct peer){.id = id, .next = entries_last(&r->entries) + 1};
    p->moved_at = p->heard_at = r->now;
}

/* Peers are those whom the membership in force names. */
static void follow_members(struct raft *r)
{
    const struct members *m = members_now(r);
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_peers; i++)
        if (members_have(m, r->peers[i].id)) {
            if (n != i)
                r->peers[n] = r->peers[i];
            n++;
        }
    r->n_peers = n;
    for (uint32_t i = 0; i < m->n_voters; i++)
        add_peer(r, m->voters[i]);
    for (uint32_t i = 0; i < m->n_outgoing; i++)
        add_peer(r, m->outgoing[i]);
    for (uint32_t i = 0; i < m->n_learners; i++)
        add_peer(r, m->learners[i]);
}

/* The first members, before any entry tells: see Settings.founders. */
void members_found(struct raft *r, const struct core_config *config)
{
    struct membership first = {0};
    for (uint32_t i = 0; i < config->n_members; i++) {
        node_id id = config->members[i];
        know(r, id);
        bool founder = r->settings->founders == 0 || id <= r->settings->founders;
        if (founder && first.members.n_voters < MEMBERS_MAX)
            first.members.voters[first.members.n_voters++] = id;
    }
    if (first.members.n_voters == 0) /* None of them is here any more. */
        first.members.voters[first.members.n_voters++] = 1;
    r->memberships[0] = first;
    r->n_memberships = 1;
    follow_members(r);
}

static void trace(const struct raft *r, bool is_committed, struct out *out)
{
    Raft__Membership m = RAFT__MEMBERSHIP__INIT;
    m.index = membership_now(r)->index;
    m.members = (Raft__Members *)(uintptr_t)members_message(members_now(r), out);
    m.committed = is_committed;
    out_trace(out, &m.base);
}

void members_appended(struct raft *r, lsn index, const struct members *m, struct out *out)
{
    CHECK(index > membership_now(r)->index);
    if (r->n_memberships == MEMBERSHIPS_MAX) { /* The oldest are committed long since. */
        memmove(r->memberships, r->memberships + 1,
                (MEMBERSHIPS_MAX - 1) * sizeof r->memberships[0]);
        r->n_memberships--;
    }
    r->memberships[r->n_memberships++] = (struct membership){index, *m};
    follow_members(r);
    trace(r, false, out);
}

void members_cut(struct raft *r, lsn from, struct out *out)
{
    bool any = false;
    while (r->n_memberships > 1 && membership_now(r)->index >= from) {
        r->n_memberships--;
        any = true;
    }
    if (!any)
        return;
    follow_members(r);
    trace(r, membership_now(r)->index <= r->commit, out);
}

const struct membership *membership_at(const struct raft *r, lsn index)
{
    uint32_t i = r->n_memberships - 1;
    while (i > 0 && r->memberships[i].index > index)
        i--;
    return &r->memberships[i];
}

void members_compacted(struct raft *r, lsn index)
{
    uint32_t keep = (uint32_t)(membership_at(r, index) - r->memberships);
    memmove(r->memberships, r->memberships + keep,
            (r->n_memberships - keep) * sizeof r->memberships[0]);
    r->n_memberships -= keep;
}

void members_reset(struct raft *r, lsn index, const struct members *m, struct out *out)
{
    uint32_t kept = 1;
    struct membership first = {index, *m};
    for (uint32_t i = 0; i < r->n_memberships; i++)
        if (r->memberships[i].index > index && kept < MEMBERSHIPS_MAX)
            r->memberships[kept++] = r->memberships[i];
    r->memberships[0] = first;
    r->n_memberships = kept;
    if (index > r->members_committed)
        r->members_committed = index;
    follow_members(r);
    trace(r, true, out);
}

static void append_members(struct raft *r, const struct members *m, struct out *out)
{
    Raft__Entry e = RAFT__ENTRY__INIT;
    e.kind = RAFT__KIND__MEMBERS;
    e.members = (Raft__Members *)(uintptr_t)members_message(m, out);
    (void)append_entry(r, &e, out);
    count_commit(r, out);
}

/* "Once C-old,new has been committed ... it is now safe for the leader to create a log entry
 * describing C-new" (paper, 6). */
static void leave_joint(struct raft *r, struct out *out)
{
    struct members next = *members_now(r);
    next.n_outgoing = 0;
    append_members(r, &next, out);
}

void members_committed(struct raft *r, lsn index, struct out *out)
{
    r->members_committed = index;
    if (index != membership_now(r)->index)
        return;
    trace(r, true, out);
    if (r->role != ROLE_LEADER)
        return;
    /* "the leader steps down (returns to follower state) once it has committed the C-new log entry"
     * (paper, 6), if it is not in it. */
    if (!members_joint(members_now(r)) && !members_vote(members_now(r), r->self)) {
        replicate(r, out); /* Others learn that it is. */
        resign(r, RAFT__RESIGNATION__NOT_A_MEMBER, out);
    }
}

void refuse_order(const char *why, struct out *out)
{
    Raft__OrderRefused m = RAFT__ORDER_REFUSED__INIT;
    m.why = (char *)(uintptr_t)why;
    out_trace(out, &m.base);
}

static bool parse_node(struct bytes word, node_id *id)
{
    *id = 0;
    size_t at = word.len > 0 && word.base[0] == 'n' ? 1 : 0;
    if (at == word.len || word.len > 6)
        return false;
    for (; at < word.len; at++) {
        if (word.base[at] < '0' || word.base[at] > '9')
            return false;
        *id = *id * 10 + (node_id)(word.base[at] - '0');
    }
    return *id != NODE_NONE;
}

/* n1 n2 n3 [learners n4 n5] */
bool parse_members_order(const struct bytes *words, uint32_t n, struct members *into)
{
    *into = (struct members){0};
    bool learners = false;
    for (uint32_t i = 0; i < n; i++) {
        node_id id;
        if (!learners && bytes_equal(words[i], bytes_str("learners"))) {
            learners = true;
            continue;
        }
        uint32_t *count = learners ? &into->n_learners : &into->n_voters;
        if (!parse_node(words[i], &id) || members_have(into, id) || *count == MEMBERS_MAX)
            return false;
        (learners ? into->learners : into->voters)[(*count)++] = id;
    }
    return into->n_voters > 0;
}

static void send_order(struct raft *r, const Raft__LeaderOrder *m, struct out *out)
{
    if (r->leader == NODE_NONE || !is_known(r, r->leader)) {
        refuse_order("no leader is known", out);
        return;
    }
    SEND(out, r->leader, leader_order, LEADER_ORDER, (Raft__LeaderOrder *)(uintptr_t)m);
}

void members_order(struct raft *r, const struct members *wanted, struct out *out)
{
    if (r->role != ROLE_LEADER) {
        Raft__LeaderOrder m = RAFT__LEADER_ORDER__INIT;
        m.members = (Raft__Members *)(uintptr_t)members_message(wanted, out);
        send_order(r, &m, out);
        return;
    }
    for (uint32_t i = 0; i < wanted->n_voters + wanted->n_learners; i++) {
        node_id id =
            i < wanted->n_voters ? wanted->voters[i] : wanted->learners[i - wanted->n_voters];
        if (id != r->self && !is_known(r, id)) {
            refuse_order("a node that is to be a member is not in the cluster", out);
            return;
        }
    }
    r->wanted = *wanted;
    r->wants = true;
    r->wants_until = r->now + 4 * ms(r->settings->patience_ms);
}

void receive_leader_order(struct raft *r, const Raft__LeaderOrder *m, struct out *out)
{
    struct members wanted;
    if (r->role != ROLE_LEADER)
        refuse_order("the leader has changed meanwhile", out);
    else if (m->transfer != NODE_NONE)
        transfer_order(r, m->transfer, out);
    else if (members_read(m->members, &wanted) && wanted.n_outgoing == 0)
        members_order(r, &wanted, out);
}

static bool same_set(const node_id *a, uint32_t n_a, const node_id *b, uint32_t n_b)
{
    for (uint32_t i = 0; i < n_a; i++)
        if (!among(b, n_b, a[i]))
            return false;
    return n_a == n_b;
}

/* Voters to be who are no members yet. */
static bool add_learners(const struct raft *r, struct members *next)
{
    bool any = false;
    *next = *members_now(r);
    for (uint32_t i = 0; i < r->wanted.n_voters; i++) {
        if (members_have(next, r->wanted.voters[i]) || next->n_learners == MEMBERS_MAX)
            continue;
        next->learners[next->n_learners++] = r->wanted.voters[i];
        any = true;
    }
    return any;
}

/* "new servers ... the leader replicates log entries to them, but they are not considered for
 * majorities. Once the new servers have caught up with the rest of the cluster, the reconfiguration
 * can proceed" (paper, 6). */
static bool caught_up(struct raft *r)
{
    for (uint32_t i = 0; i < r->wanted.n_voters; i++) {
        node_id id = r->wanted.voters[i];
        const struct peer *p = peer_find(r, id);
        if (members_vote(members_now(r), id))
            continue;
        if (!p || p->progress != PROGRESS_REPLICATE || p->match < r->commit)
            return false;
    }
    return true;
}

static void next_change(struct raft *r, struct out *out)
{
    const struct members *now = members_now(r);
    struct members next;
    if (same_set(now->voters, now->n_voters, r->wanted.voters, r->wanted.n_voters)) {
        bool done =
            same_set(now->learners, now->n_learners, r->wanted.learners, r->wanted.n_learners);
        r->wants = false;
        if (!done)
            append_members(r, &r->wanted, out);
        return;
    }
    if (add_learners(r, &next)) {
        append_members(r, &next, out);
        return;
    }
    if (!caught_up(r))
        return;
    next = r->wanted;
    memcpy(next.outgoing, now->voters, sizeof next.outgoing);
    next.n_outgoing = now->n_voters;
    append_members(r, &next, out);
}

/* One change at a time, each once the one before is committed, and none before something of the
 * leader's own term is. */
void members_work(struct raft *r, struct out *out)
{
    if (r->wants && r->now >= r->wants_until) {
        r->wants = false;
        refuse_order("a new member did not catch up", out);
    }
    if (r->role != ROLE_LEADER || r->applied < r->term_begins ||
        r->members_committed < membership_now(r)->index)
        return;
    if (members_joint(members_now(r)))
        leave_joint(r, out);
    else if (r->wants)
        next_change(r, out);
}
