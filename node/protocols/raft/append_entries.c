#include "base/check.h"
#include "raft_impl.h"

bool hear_leader(struct raft *r, node_id from, uint64_t term, struct out *out)
{
    /* Two leaders of one term cannot be; where a flaw makes two, neither heeds the other. */
    if (term < r->term || (term == r->term && r->role == ROLE_LEADER))
        return false;
    if (term > r->term || r->role != ROLE_FOLLOWER || r->leader != from)
        become_follower(r, term, from, from, out);
    r->heard = true;
    r->heard_at = r->now;
    timer_restart(r);
    return true;
}

/* Says how far the log is like the leader's and on disk. */
void acknowledge(struct raft *r, bool always, struct out *out)
{
    lsn match = r->verified < r->durable ? r->verified : r->durable;
    if (r->role != ROLE_FOLLOWER || r->leader == NODE_NONE)
        return;
    if (!always && match <= r->acked)
        return;
    Raft__Appended m = RAFT__APPENDED__INIT;
    m.term = r->term;
    m.match = match;
    m.round = r->round_seen;
    r->acked = match;
    r->round_acked = r->round_seen;
    SEND(out, r->leader, appended, APPENDED, &m);
}

/* "the follower can include the term of the conflicting entry and the first index it stores for
 * that term" (paper, 5.3). Here: the last index whose term is at most prev_term, since nothing
 * behind it can be alike. */
static void refuse(struct raft *r, node_id from, const Raft__AppendEntries *m, struct out *out)
{
    Raft__Appended no = RAFT__APPENDED__INIT;
    no.term = r->term;
    no.refused = true;
    no.match = m->prev_index;
    no.round = m->term == r->term ? m->round : 0;
    if (m->term == r->term) {
        lsn below = m->prev_index > 0 ? m->prev_index - 1 : 0;
        no.hint_index = entries_at_most(&r->entries, below, m->prev_term);
        no.hint_term = entries_term(&r->entries, no.hint_index);
    }
    SEND(out, from, appended, APPENDED, &no);
}

void cut_log(struct raft *r, lsn from, struct out *out)
{
    entries_cut_from(&r->entries, from);
    out_truncate_from(out, LOG_LOG, from);
    if (r->durable >= from)
        r->durable = from - 1;
    if (r->verified >= from)
        r->verified = from - 1;
    if (r->acked >= from)
        r->acked = from - 1;
    members_cut(r, from, out);
}

/* Of entries that are sound. */
static uint64_t term_of(const Raft__AppendEntries *m, size_t i)
{
    struct entry_parts parts;
    (void)entry_parse(data_bytes(m->entries[i]), &parts);
    return parts.term;
}

static void take(struct raft *r, lsn index, struct bytes packed, struct out *out)
{
    struct slice slice = {.kind = SLICE_MEMORY};
    const struct log_entry *e;
    bool pushed = entries_push(&r->entries, packed);
    CHECK(pushed); /* It was looked at before. */
    e = entries_at(&r->entries, index);
    slice.memory = bytes_of(e->bytes, e->len);
    CHECK(out_append(out, LOG_LOG, RECORD_ENTRY, (struct body){&slice, 1}) == index);
    if (e->kind != RAFT__KIND__MEMBERS)
        return;
    struct entry_parts parts;
    struct members members;
    if (entry_parse(slice.memory, &parts) && members_parse(parts.members, &members))
        members_appended(r, index, &members, out);
}

/* How many of the entries our log has already. */
static size_t known(const struct raft *r, const Raft__AppendEntries *m)
{
    const struct entries *e = &r->entries;
    size_t n = 0;
    for (; n < m->n_entries; n++) {
        lsn index = m->prev_index + 1 + n;
        if (index <= e->base)
            continue; /* The snapshot has it: it was committed. */
        if (index > entries_last(e) || entries_term(e, index) != term_of(m, n))
            break;
    }
    return n;
}

/* "If an existing entry conflicts with a new one (same index but different terms), delete the
 * existing entry and all that follow it. Append any new entries not already in the log" (paper,
 * figure 2). */
static void take_from(struct raft *r, const Raft__AppendEntries *m, size_t first, struct out *out)
{
    lsn index = m->prev_index + 1 + first;
    if (first < m->n_entries && index <= entries_last(&r->entries))
        cut_log(r, index, out);
    for (size_t i = first; i < m->n_entries; i++)
        take(r, index++, data_bytes(m->entries[i]), out);
}

static bool sound(const Raft__AppendEntries *m)
{
    uint64_t term = m->prev_term;
    for (size_t i = 0; i < m->n_entries; i++) {
        struct entry_parts parts;
        struct members members;
        if (!entry_parse(data_bytes(m->entries[i]), &parts) || parts.term < term ||
            parts.term > m->term)
            return false;
        if (parts.kind == RAFT__KIND__MEMBERS && !members_parse(parts.members, &members))
            return false;
        term = parts.term;
    }
    return m->n_entries <= BATCH_ENTRIES_MAX && m->prev_index < UINT64_MAX >> 1;
}

/* What is committed stays, and terms never fall: who says otherwise is no leader of ours. With a
 * flaw on, what was called committed may not have been. */
static bool contradicts(const struct raft *r, const Raft__AppendEntries *m, size_t first)
{
    lsn index = m->prev_index + 1 + first;
    if (r->settings->n_flaws > 0 || first == m->n_entries)
        return false;
    return index <= r->commit || term_of(m, first) < entries_term(&r->entries, index - 1);
}

/* "Reply false if log doesn't contain an entry at prevLogIndex whose term matches prevLogTerm"
 * (paper, figure 2). */
static bool fits(const struct raft *r, const Raft__AppendEntries *m)
{
    if (m->prev_index > entries_last(&r->entries))
        return false;
    /* What the snapshot stands for was committed, and so is alike. */
    return m->prev_index <= r->entries.base ||
           entries_term(&r->entries, m->prev_index) == m->prev_term;
}

void receive_append_entries(struct raft *r, node_id from, const Raft__AppendEntries *m,
                            struct out *out)
{
    if (!sound(m)) {
        out_violation(out, from, "its entries make no sense", bytes_of(NULL, 0));
        return;
    }
    if (!hear_leader(r, from, m->term, out)) {
        if (m->term < r->term)
            refuse(r, from, m, out);
        return;
    }
    if (!fits(r, m)) {
        refuse(r, from, m, out);
        return;
    }
    size_t first = known(r, m);
    if (contradicts(r, m, first) || r->entries.bytes > LOG_BYTES_MAX) {
        out_violation(out, from, "its entries contradict what is committed, or are too many",
                      bytes_of(NULL, 0));
        return;
    }
    take_from(r, m, first, out);
    lsn last = m->prev_index + m->n_entries;
    if (last > r->verified)
        r->verified = last;
    if (m->round > r->round_seen)
        r->round_seen = m->round;
    learn_commit(r, m->commit < last ? m->commit : last, out);
    /* What is new is acknowledged when the disk has it; the leader's question at once. */
    if (first == m->n_entries || r->round_seen > r->round_acked)
        acknowledge(r, true, out);
}
