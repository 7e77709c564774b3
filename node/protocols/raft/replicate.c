#include "base/check.h"
#include "raft_impl.h"

static const struct fsm_state states[] = {
    [PROGRESS_PROBE] = {"probe", 1u << PROGRESS_REPLICATE | 1u << PROGRESS_SNAPSHOT},
    [PROGRESS_REPLICATE] = {"replicate", 1u << PROGRESS_PROBE | 1u << PROGRESS_SNAPSHOT},
    [PROGRESS_SNAPSHOT] = {"snapshot", 1u << PROGRESS_PROBE | 1u << PROGRESS_REPLICATE},
};

const struct fsm_table raft_progress_table = {"progress", states, 3};

static void move(struct peer *p, enum progress next, struct out *out)
{
    if (p->progress != next)
        fsm_move(&p->progress, (uint8_t)next, &raft_progress_table, p->id, out);
    p->probed = false;
    p->n_flights = 0;
}

const struct peer *peer_look(const struct raft *r, node_id id)
{
    for (uint32_t i = 0; i < r->n_peers; i++)
        if (r->peers[i].id == id)
            return &r->peers[i];
    return NULL;
}

struct peer *peer_find(struct raft *r, node_id id)
{
    return (struct peer *)(uintptr_t)peer_look(r, id);
}

lsn append_entry(struct raft *r, const Raft__Entry *m, struct out *out)
{
    CHECK(r->role == ROLE_LEADER);
    Raft__Entry e = *m;
    e.term = r->term;
    e.time_ms = r->wall_ns / (int64_t)NSEC_PER_MS;
    struct body packed = out_pack(out, &e.base);
    CHECK(packed.n == 1);
    bool pushed = entries_push(&r->entries, packed.slices[0].memory);
    CHECK(pushed);
    lsn at = out_append(out, LOG_LOG, RECORD_ENTRY, packed);
    CHECK(at == entries_last(&r->entries));
    struct members members;
    if (e.kind == RAFT__KIND__MEMBERS && members_read(e.members, &members))
        members_appended(r, at, &members, out);
    return at;
}

uint64_t fresh_round(struct raft *r)
{
    if (r->round > r->round_sent)
        return r->round;
    r->round++;
    r->rounds[r->round % 32].round = r->round;
    r->rounds[r->round % 32].at = r->now;
    return r->round;
}

void peer_restart(struct raft *r, struct peer *p, struct out *out)
{
    if (r->role != ROLE_LEADER)
        return;
    if (p->progress == PROGRESS_SNAPSHOT)
        p->sent_at = 0;
    else
        move(p, PROGRESS_PROBE, out);
    p->next = p->match + 1;
    p->rounded = p->round;
    p->commit_sent = LSN_NONE;
}

/* How many entries from `next` on one message takes. */
static size_t batch(const struct raft *r, lsn next, size_t *bytes)
{
    size_t n = 0;
    *bytes = 0;
    while (next + n <= entries_last(&r->entries) && n < BATCH_ENTRIES_MAX) {
        size_t more = entries_at(&r->entries, next + n)->len;
        if (n > 0 && *bytes + more > r->settings->batch_bytes)
            break;
        *bytes += more;
        n++;
    }
    return n;
}

static void send_entries(struct raft *r, const node_id *to, uint32_t n_to, lsn next, size_t n,
                         struct out *out)
{
    Raft__AppendEntries m = RAFT__APPEND_ENTRIES__INIT;
    m.term = r->term;
    m.prev_index = next - 1;
    m.prev_term = entries_term(&r->entries, next - 1);
    m.commit = r->commit;
    m.round = r->round;
    ProtobufCBinaryData *entries = n > 0 ? out_alloc(out, n * sizeof *entries) : NULL;
    CHECK(n == 0 || entries);
    for (size_t i = 0; i < n; i++) {
        const struct log_entry *e = entries_at(&r->entries, next + i);
        entries[i] = bytes_data(bytes_of(e->bytes, e->len));
    }
    m.entries = entries;
    m.n_entries = n;
    Raft__Message message = RAFT__MESSAGE__INIT;
    message.kind_case = RAFT__MESSAGE__KIND_APPEND_ENTRIES;
    message.append_entries = &m;
    out_send_many(out, to, n_to, TRANSPORT_STREAM, &message.base);
}

static void sent(struct raft *r, struct peer *p, size_t n, size_t bytes)
{
    p->rounded = r->round_sent = r->round;
    p->commit_sent = r->commit;
    if (p->progress == PROGRESS_PROBE) {
        p->probed = true;
        return;
    }
    if (n == 0)
        return;
    if (p->n_flights == 0)
        p->moved_at = r->now;
    p->next += n;
    p->flights[p->n_flights++] = (struct flight){p->next - 1, bytes};
}

static size_t in_flight(const struct peer *p)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < p->n_flights; i++)
        bytes += p->flights[i].bytes;
    return bytes;
}

/* Whether entries may be sent to it now: in replicate, so many messages ahead of their answers; a
 * probe is answered before the next. */
static bool may_send(const struct raft *r, const struct peer *p)
{
    enum { FLYING_MAX = 2 << 20 }; /* Below what a stream's queue takes. */
    if (p->progress == PROGRESS_PROBE)
        return !p->probed;
    return p->progress == PROGRESS_REPLICATE && p->next <= entries_last(&r->entries) &&
           p->n_flights < r->settings->inflight && in_flight(p) < FLYING_MAX;
}

/* News without entries: a question, or what is committed for those who wait for it. */
static bool owes_news(const struct raft *r, const struct peer *p)
{
    if (p->progress == PROGRESS_SNAPSHOT)
        return false;
    return p->rounded < r->round ||
           (p->commit_sent < r->commit && p->commit_sent < p->commit_wanted &&
            p->commit_wanted <= r->commit);
}

/* Others that are as far as this one get the same message. */
static uint32_t alike(struct raft *r, const struct peer *p, struct peer **all)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->n_peers; i++) {
        struct peer *q = &r->peers[i];
        if (q == p || (q > p && q->next == p->next && q->progress == p->progress &&
                       is_known(r, q->id) && may_send(r, q)))
            all[n++] = q;
    }
    return n;
}

static bool send_next(struct raft *r, struct peer *p, struct out *out)
{
    if (p->next <= r->entries.base && p->progress != PROGRESS_SNAPSHOT) {
        move(p, PROGRESS_SNAPSHOT, out);
        p->snapshot = LSN_NONE;
        send_snapshot(r, p, out);
        return false;
    }
    if (!may_send(r, p))
        return false;
    if (out->n >= EFFECTS_MAX / 4 * 3) {
        r->flush_at = r->now;
        return false;
    }
    struct peer *all[PEERS_MAX];
    node_id to[PEERS_MAX];
    size_t bytes;
    size_t n = batch(r, p->next, &bytes);
    lsn next = p->next;
    uint32_t n_all = alike(r, p, all);
    for (uint32_t i = 0; i < n_all; i++) {
        to[i] = all[i]->id;
        sent(r, all[i], n, bytes);
    }
    send_entries(r, to, n_all, next, n, out);
    return p->progress == PROGRESS_REPLICATE;
}

static void send_news(struct raft *r, struct out *out)
{
    for (uint32_t i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        if (!owes_news(r, p) || !is_known(r, p->id) || p->next <= r->entries.base)
            continue;
        node_id to[PEERS_MAX];
        uint32_t n = 0;
        for (uint32_t k = i; k < r->n_peers; k++) {
            struct peer *q = &r->peers[k];
            if (q->next != p->next || !owes_news(r, q) || !is_known(r, q->id))
                continue;
            to[n++] = q->id;
            if (q != p) {
                q->rounded = r->round;
                q->commit_sent = r->commit;
            }
        }
        p->rounded = r->round_sent = r->round;
        p->commit_sent = r->commit;
        send_entries(r, to, n, p->next, 0, out);
    }
}

void replicate(struct raft *r, struct out *out)
{
    if (r->role != ROLE_LEADER)
        return;
    for (uint32_t i = 0; i < r->n_peers; i++)
        while (is_known(r, r->peers[i].id) && send_next(r, &r->peers[i], out))
            ;
    send_news(r, out);
}

void peer_heard(struct raft *r, struct peer *p, uint64_t round)
{
    p->heard_at = r->now;
    if (round > p->round)
        p->round = round;
}

static void moved(struct raft *r, struct peer *p, lsn match, struct out *out)
{
    if (match > p->match) {
        p->match = match;
        p->moved_at = r->now;
    }
    if (p->next <= p->match)
        p->next = p->match + 1;
    uint32_t done = 0;
    while (done < p->n_flights && p->flights[done].last <= p->match)
        done++;
    for (uint32_t i = done; i < p->n_flights; i++)
        p->flights[i - done] = p->flights[i];
    p->n_flights -= done;
    if (p->progress != PROGRESS_REPLICATE && p->match >= r->entries.base) {
        p->next = p->match + 1;
        move(p, PROGRESS_REPLICATE, out);
    }
}

/* "If AppendEntries fails because of log inconsistency: decrement nextIndex and retry" (paper,
 * figure 2), by as much as both logs allow. */
static void rewind(struct raft *r, struct peer *p, const Raft__Appended *m, struct out *out)
{
    if (p->progress == PROGRESS_SNAPSHOT || m->match >= p->next)
        return; /* An answer to what was given up since. */
    lsn alike = LSN_NONE;
    if (m->hint_index >= r->entries.base)
        alike = entries_at_most(&r->entries, m->hint_index, m->hint_term);
    else
        alike = m->hint_index;
    if (alike >= m->match)
        alike = m->match > 0 ? m->match - 1 : 0;
    move(p, PROGRESS_PROBE, out);
    p->next = alike + 1;
}

void receive_appended(struct raft *r, node_id from, const Raft__Appended *m, struct out *out)
{
    if (m->term > r->term) {
        become_follower(r, m->term, NODE_NONE, from, out);
        return;
    }
    struct peer *p = peer_find(r, from);
    if (r->role != ROLE_LEADER || m->term < r->term || !p)
        return;
    if (m->match > entries_last(&r->entries) || m->round > r->round) {
        out_violation(out, from, "it answers what was not sent", bytes_of(NULL, 0));
        return;
    }
    peer_heard(r, p, m->round);
    if (m->refused) {
        rewind(r, p, m, out);
    } else {
        moved(r, p, m->match, out);
        count_commit(r, out);
    }
}

static uint64_t heard_of(const struct raft *r, node_id id)
{
    if (id == r->self)
        return r->now;
    const struct peer *p = peer_look(r, id);
    return p ? p->heard_at : 0;
}

/* "a leader steps down if an election timeout elapses without a successful round of heartbeats to a
 * majority of its cluster" (dissertation, 6.2). */
static bool lost_quorum(const struct raft *r)
{
    nsec heard = members_reach(r, heard_of);
    nsec since = heard > r->led_since ? heard : r->led_since;
    return r->settings->check_quorum && r->now - since >= ms(r->settings->election_ms_max);
}

void heartbeat_due(struct raft *r, struct out *out)
{
    if (r->role != ROLE_LEADER || r->now < r->heartbeat_at)
        return;
    if (lost_quorum(r)) {
        resign(r, RAFT__RESIGNATION__NO_QUORUM, out);
        return;
    }
    r->heartbeat_at = r->now + ms(r->settings->heartbeat_ms);
    (void)fresh_round(r);
    for (uint32_t i = 0; i < r->n_peers; i++) {
        struct peer *p = &r->peers[i];
        bool stuck = r->now - p->moved_at >= ms(r->settings->election_ms_max);
        if (p->progress == PROGRESS_SNAPSHOT && is_known(r, p->id))
            send_snapshot(r, p, out);
        else if (p->progress == PROGRESS_REPLICATE && p->n_flights > 0 && stuck)
            peer_restart(r, p, out);
        else
            p->probed = false;
    }
    replicate(r, out);
}
