#include "base/check.h"
#include "raft_impl.h"

enum { RUNS_MAX = 64, NEWEST_MAX = 32, NEWEST_BYTES_MAX = 200 };

static void view_terms(const struct raft *r, Raft__NodeView *m, struct out *out)
{
    const struct entries *e = &r->entries;
    Raft__RunView *runs = out_alloc(out, RUNS_MAX * sizeof *runs);
    m->terms = out_alloc(out, RUNS_MAX * sizeof *m->terms);
    CHECK(runs && m->terms);
    lsn last = entries_last(e);
    while (last > e->base && m->n_terms < RUNS_MAX) { /* The newest first, then turned round. */
        uint64_t term = entries_term(e, last);
        lsn first = entries_at_most(e, last, term - 1) + 1;
        Raft__RunView *run = &runs[m->n_terms];
        raft__run_view__init(run);
        run->first = first;
        run->term = term;
        m->terms[m->n_terms++] = run;
        last = first - 1;
    }
    for (size_t i = 0, k = m->n_terms; i + 1 < k; i++, k--) {
        Raft__RunView *swap = m->terms[i];
        m->terms[i] = m->terms[k - 1];
        m->terms[k - 1] = swap;
    }
}

static void view_newest(const struct raft *r, Raft__NodeView *m, struct out *out)
{
    const struct entries *e = &r->entries;
    lsn first = entries_last(e) + 1;
    while (first > e->base + 1 && entries_last(e) + 1 - first < NEWEST_MAX &&
           entries_at(e, first - 1)->len <= NEWEST_BYTES_MAX)
        first--;
    m->newest = out_alloc(out, NEWEST_MAX * sizeof *m->newest);
    CHECK(m->newest);
    for (lsn i = first; i <= entries_last(e); i++) {
        const struct log_entry *one = entries_at(e, i);
        m->newest[m->n_newest++] = bytes_data(bytes_of(one->bytes, one->len));
    }
}

static void view_followers(const struct raft *r, Raft__NodeView *m, struct out *out)
{
    Raft__FollowerView *all = out_alloc(out, (r->n_peers + 1) * sizeof *all);
    m->followers = out_alloc(out, (r->n_peers + 1) * sizeof *m->followers);
    CHECK(all && m->followers);
    for (uint32_t i = 0; i < r->n_peers && r->role == ROLE_LEADER; i++) {
        const struct peer *p = &r->peers[i];
        Raft__FollowerView *v = &all[i];
        raft__follower_view__init(v);
        v->node = p->id;
        v->state = p->progress;
        v->match = p->match;
        v->next = p->next;
        v->inflight = p->n_flights;
        m->followers[m->n_followers++] = v;
    }
}

static void view_votes(const struct raft *r, Raft__NodeView *m, struct out *out)
{
    m->granted = out_alloc(out, (r->n_peers + 1) * sizeof *m->granted);
    m->refused = out_alloc(out, (r->n_peers + 1) * sizeof *m->refused);
    CHECK(m->granted && m->refused);
    votes(r, m->granted, &m->n_granted, m->refused, &m->n_refused);
}

void raft_view(const void *core, struct out *out)
{
    const struct raft *r = core;
    Raft__NodeView m = RAFT__NODE_VIEW__INIT;
    m.term = r->term;
    m.voted_for = r->voted_for;
    m.role = r->role;
    m.leader = r->leader;
    m.first_index = r->entries.base + 1;
    m.last_index = entries_last(&r->entries);
    m.durable_index = r->durable;
    m.commit = r->commit;
    m.applied = r->applied;
    m.snapshot_index = r->image.index;
    m.snapshot_term = r->image.term;
    m.timeout_ns = r->role == ROLE_LEADER ? ms(r->settings->heartbeat_ms) : r->timeout;
    m.deadline_ns = r->role == ROLE_LEADER ? r->heartbeat_at : election_deadline(r);
    m.members = (Raft__Members *)(uintptr_t)members_message(members_now(r), out);
    m.keys = r->machine.table.keys;
    m.waiting = r->proposals.n + r->reads.n;
    view_terms(r, &m, out);
    view_newest(r, &m, out);
    view_followers(r, &m, out);
    view_votes(r, &m, out);
    out_view(out, &m.base);
}
