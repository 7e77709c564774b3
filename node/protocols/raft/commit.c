#include "base/check.h"
#include "raft_impl.h"

static void committed(struct raft *r, lsn commit, bool counted, struct out *out)
{
    r->commit = commit;
    Raft__Committed m = RAFT__COMMITTED__INIT;
    m.index = commit;
    m.term = entries_term(&r->entries, commit);
    m.counted = counted;
    out_detail(out, &m.base);
}

static uint64_t match_of(const struct raft *r, node_id id)
{
    if (id == r->self)
        return r->durable;
    const struct peer *p = peer_look(r, id);
    return p ? p->match : 0;
}

/* "If there exists an N such that N > commitIndex, a majority of matchIndex[i] >= N, and
 * log[N].term == currentTerm: set commitIndex = N" (paper, figure 2 and 5.4.2). The leader's own
 * entries count once they are on its disk: it "may even commit an entry before it has been written
 * to its own disk, if a majority of followers have" (dissertation, 10.2.1). */
void count_commit(struct raft *r, struct out *out)
{
    if (r->role != ROLE_LEADER)
        return;
    lsn n = members_reach(r, match_of);
    if (n <= r->commit || n > entries_last(&r->entries))
        return;
    if (entries_term(&r->entries, n) != r->term && !r->flaw_commit)
        return;
    committed(r, n, true, out);
}

void learn_commit(struct raft *r, lsn commit, struct out *out)
{
    if (commit > entries_last(&r->entries))
        commit = entries_last(&r->entries);
    if (commit > r->commit)
        committed(r, commit, false, out);
}

static void apply_command(struct raft *r, const struct entry_parts *e, lsn index, struct out *out)
{
    struct machine_command command;
    struct machine_result did;
    if (machine_unpack(e->command, out->arena, &command) != 0)
        return; /* Alike on all. */
    command.ticket = e->ticket;
    machine_apply(&r->machine, &command, index, e->time_ms, out->arena, &did);
    proposal_applied(r, e, index, &did, out);
}

static void apply(struct raft *r, lsn index, struct out *out)
{
    const struct log_entry *e = entries_at(&r->entries, index);
    struct entry_parts parts;
    bool sound = entry_parse(bytes_of(e->bytes, e->len), &parts);
    CHECK(sound);
    r->applied = index;
    r->applied_bytes += e->len;
    if (parts.kind == RAFT__KIND__COMMAND)
        apply_command(r, &parts, index, out);
    else if (parts.kind == RAFT__KIND__MEMBERS)
        members_committed(r, index, out);
}

/* A flaw may have cut off what is applied already. */
static lsn reach(const struct raft *r)
{
    lsn last = entries_last(&r->entries);
    return r->commit < last ? r->commit : last;
}

bool apply_waits(const struct raft *r)
{
    return r->applied < reach(r);
}

void apply_committed(struct raft *r, struct out *out)
{
    lsn before = r->applied;
    while (apply_waits(r) && r->applied - before < APPLY_MAX && out->arena->used < ARENA_USED_MAX &&
           out->n < EFFECTS_MAX / 2)
        apply(r, r->applied + 1, out);
    if (r->applied == before)
        return;
    Raft__Applied m = RAFT__APPLIED__INIT;
    m.index = r->applied;
    out_detail(out, &m.base);
}
