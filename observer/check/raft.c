/* What Raft promises (Ongaro, Ousterhout, 2014, figure 3), held against what each node's disk was
 * given: the entries as they were appended and cut off, not what a node says of them.
 *
 *   election-safety       at most one leader in a term
 *   leader-append-only    who leads never cuts off or replaces entries of its own log
 *   log-matching          entries of one index and term: all entries up to there are the same
 *   leader-completeness   what is committed in a term is in the log of every later term's leader
 *   state-machine-safety  no two nodes apply different entries at an index, or differ in what
 *                         their machines are after it
 *   one-vote              no node votes for two candidates in a term, whatever lives it lives
 *   commit-majority       what a leader counts as committed is on the disks of a majority
 *   commit-own-term       what a leader counts is of its own term, and older ones with it (5.4.2)
 *   durable-log           what a node said is on its disk is there when it starts again
 *
 * Nodes that run the same together are one cluster. Where events are missing, or were told without
 * their bodies, what rests on them is unknown. */
#include "check/chain.h"
#include "check/inner.h"

#include "base/must.h"
#include "base/wire.h"
#include "raft.pb-c.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TERMS_MAX = 4096, DIGESTS_MAX = 1024, MEMBERS_SHOWN_MAX = 64, CLUSTERS_MAX = 64 };

struct leader {
    uint64_t term;
    uint32_t node;
    uint64_t ordinal;
};

struct saved { /* A snapshot. */
    uint64_t index;
    uint64_t digest;
    uint32_t node;
    uint64_t ordinal;
};

struct cluster {
    struct chain committed;
    uint32_t by;                      /* Who told of the newest one, */
    uint64_t told;                    /* and the event. */
    struct leader leaders[TERMS_MAX]; /* Of the newest terms, as a ring. */
    uint64_t n_leaders;
    struct saved saved[DIGESTS_MAX];
    uint64_t n_saved;
};

struct raft_node {
    bool ours;
    bool whole; /* All of its events are told, with their bodies, and none is missing. */
    uint32_t cluster;
    uint32_t instance;
    uint32_t log;
    struct chain chain;
    uint64_t term; /* That it leads; 0: it does not. */
    uint64_t elected;
    uint64_t durable;
    uint64_t durable_told;
    uint64_t voted_term;
    uint32_t voted_for;
    uint64_t voted_told;
    uint32_t voters[MEMBERS_SHOWN_MAX];
    uint32_t outgoing[MEMBERS_SHOWN_MAX];
    uint32_t n_voters;
    uint32_t n_outgoing;
};

struct raft_check {
    struct check *check;
    struct raft_node *nodes; /* By node - 1. */
    uint32_t n;
    struct cluster *clusters[CLUSTERS_MAX];
    uint32_t n_clusters;
};

static const struct {
    const char *name;
    bool of_entries; /* Judged by entries, whose bodies only level full tells. */
    const char *proven;
} invariants[] = {
    {"election-safety", false, "no term had two leaders"},
    {"leader-append-only", true, "no leader cut off or replaced an entry of its own"},
    {"log-matching", true, "logs that agree in an entry's index and term agree in all before it"},
    {"leader-completeness", true, "every leader had all that was committed before its term"},
    {"state-machine-safety", true,
     "no two nodes applied different entries, or differ in what they made of them"},
    {"one-vote", false, "no node voted twice in a term"},
    {"commit-majority", true, "all that was counted as committed was on the disks of a majority"},
    {"commit-own-term", true, "leaders counted only entries of their own term"},
    {"durable-log", true, "no node lost what it had said is on its disk"},
};
enum { INVARIANTS = sizeof invariants / sizeof invariants[0] };

struct raft_check *raft_check_new(struct check *c)
{
    struct raft_check *r = must_alloc(1, sizeof *r);
    r->check = c;
    return r;
}

void raft_check_free(struct raft_check *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        chain_free(&r->nodes[i].chain);
    for (uint32_t i = 0; i < r->n_clusters; i++) {
        chain_free(&r->clusters[i]->committed);
        free(r->clusters[i]);
    }
    free(r->nodes);
    free(r);
}

static struct raft_node *node_of(struct raft_check *r, uint32_t node)
{
    return node >= 1 && node <= r->n && r->nodes[node - 1].ours ? &r->nodes[node - 1] : NULL;
}

static struct finding *find(struct raft_check *r, const char *invariant)
{
    return check_find(r->check, "raft", invariant);
}

/* The cluster of a node that is known already, or a new one. */
static bool join(struct raft_check *r, struct raft_node *n, const Orrery__Start *start)
{
    for (size_t i = 0; i < start->n_members; i++) {
        const struct raft_node *other = node_of(r, start->members[i]);
        if (!other || other == n)
            continue;
        n->cluster = other->cluster;
        return true;
    }
    if (r->n_clusters == CLUSTERS_MAX)
        return false;
    r->clusters[r->n_clusters] = must_alloc(1, sizeof *r->clusters[0]);
    n->cluster = r->n_clusters++;
    return true;
}

static void take_start(struct raft_check *r, uint32_t node)
{
    const struct subject *s = check_subject(r->check, node);
    const Orrery__Instance *i = subject_instance(s, "raft");
    if (!i)
        return;
    if (node > r->n) {
        r->nodes = must_grow(r->nodes, r->n, node, sizeof *r->nodes);
        r->n = node;
    }
    struct raft_node *n = &r->nodes[node - 1];
    if (!n->ours && !join(r, n, s->start))
        return;
    n->ours = true;
    n->instance = i->number;
    n->term = 0;
    n->whole = s->start->level == ORRERY__LEVEL__LEVEL_FULL;
    chain_reset(&n->chain, 0, NULL);
    for (size_t k = 0; k < i->n_logs; k++)
        if (strcmp(i->logs[k], "log") == 0)
            n->log = (uint32_t)k;
    n->n_voters = n->n_outgoing = 0;
    const char *founders = instance_setting(i, "founders");
    uint64_t most = founders ? strtoull(founders, NULL, 10) : 0;
    for (size_t k = 0; k < s->start->n_members && n->n_voters < MEMBERS_SHOWN_MAX; k++)
        if (most == 0 || s->start->members[k] <= most)
            n->voters[n->n_voters++] = s->start->members[k];
    for (size_t k = 0; k < INVARIANTS; k++)
        (void)find(r, invariants[k].name);
}

/* Once something of its life is missing, a node's log is not known before the next. */
static void take_hole(struct raft_check *r)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (check_subject(r->check, i + 1)->holes > 0) {
            r->nodes[i].whole = false;
            r->nodes[i].durable = 0; /* It may have been cut off since. */
        }
}

/* Entries of one index and term in two logs: "then the logs are identical in all entries up through
 * the given index". */
static void match(struct raft_check *r, const struct raft_node *n, const struct entry *e,
                  uint64_t index)
{
    const struct chain_link *mine = chain_at(&n->chain, index);
    struct finding *f = find(r, "log-matching");
    for (uint32_t i = 0; mine && i < r->n; i++) {
        const struct raft_node *other = &r->nodes[i];
        if (!other->ours || !other->whole || other == n || other->cluster != n->cluster)
            continue;
        const struct chain_link *theirs = chain_at(&other->chain, index);
        if (!theirs || theirs->term != mine->term)
            continue;
        f->judged++;
        if (theirs->value != mine->value)
            finding_refute(f, &e->ordinal, 1,
                           "n%u and n%u both have an entry %" PRIu64 " of term %" PRIu64
                           ", and their logs differ in it or before it",
                           e->node, i + 1, index, mine->term);
    }
}

static void take_append(struct raft_check *r, struct raft_node *n, const struct entry *e)
{
    uint64_t index = wire_number(e->head.payload, 2);
    struct bytes body = wire_bytes(e->head.payload, 7);
    if (index != chain_last(&n->chain) + 1) {
        n->whole = false;
        return;
    }
    chain_push(&n->chain, wire_number(body, 1), body);
    match(r, n, e, index);
    if (n->term)
        find(r, "leader-append-only")->judged++;
}

static void take_truncate(struct raft_check *r, struct raft_node *n, const struct entry *e)
{
    uint64_t from = wire_number(e->head.payload, 2);
    if (!wire_number(e->head.payload, 3))
        return;
    if (n->term && from <= chain_last(&n->chain))
        finding_refute(find(r, "leader-append-only"), (uint64_t[]){n->elected, e->ordinal}, 2,
                       "n%u leads term %" PRIu64 " and cut its own log from entry %" PRIu64 " on",
                       e->node, n->term, from);
    chain_cut(&n->chain, from);
    if (n->durable >= from)
        n->durable = from - 1;
}

/* A record or snapshot read back, or the end of that: what is there must be what was. */
static void take_recovered(struct raft_check *r, struct raft_node *n, const struct entry *e)
{
    struct bytes m = e->head.payload;
    uint64_t index = wire_number(m, 2);
    if (wire_number(m, 9)) {
        struct finding *f = find(r, "durable-log");
        f->judged += n->durable > 0;
        if (n->whole && chain_last(&n->chain) < n->durable)
            finding_refute(f, (uint64_t[]){n->durable_told, e->ordinal}, 2,
                           "n%u had said that its log is on disk up to entry %" PRIu64
                           ", and found it up to %" PRIu64 " as it started again",
                           e->node, n->durable, chain_last(&n->chain));
        n->durable = chain_last(&n->chain);
        return;
    }
    if (wire_number(m, 1) != n->log)
        return;
    if (wire_number(m, 5)) {
        chain_reset(&n->chain, index, chain_at(&r->clusters[n->cluster]->committed, index));
        return;
    }
    struct bytes body = wire_bytes(m, 4);
    if (index != chain_last(&n->chain) + 1)
        n->whole = false;
    else
        chain_push(&n->chain, wire_number(body, 1), body);
}

static bool on_disk(struct raft_check *r, uint32_t node, uint64_t index)
{
    const struct raft_node *n = node_of(r, node);
    return n && n->durable >= index;
}

static bool majority(struct raft_check *r, const uint32_t *nodes, uint32_t n, uint64_t index)
{
    uint32_t have = 0;
    for (uint32_t i = 0; i < n; i++)
        have += on_disk(r, nodes[i], index);
    return n == 0 || have > n / 2;
}

/* Whether all that could be on a disk is known. */
static bool all_whole(struct raft_check *r, uint32_t cluster)
{
    for (uint32_t i = 0; i < r->n; i++)
        if (r->nodes[i].ours && r->nodes[i].cluster == cluster && !r->nodes[i].whole)
            return false;
    return true;
}

static void counted(struct raft_check *r, const struct raft_node *n, const struct entry *e,
                    uint64_t index)
{
    struct finding *own = find(r, "commit-own-term");
    uint64_t term = chain_at(&n->chain, index)->term;
    own->judged++;
    if (term != n->term)
        finding_refute(own, (uint64_t[]){n->elected, e->ordinal}, 2,
                       "n%u leads term %" PRIu64 " and counts entry %" PRIu64 " of term %" PRIu64
                       " as committed",
                       e->node, n->term, index, term);
    struct finding *f = find(r, "commit-majority");
    f->judged++;
    if (majority(r, n->voters, n->n_voters, index) &&
        majority(r, n->outgoing, n->n_outgoing, index))
        return;
    if (all_whole(r, n->cluster))
        finding_refute(f, (uint64_t[]){n->elected, e->ordinal}, 2,
                       "n%u counts entry %" PRIu64 " as committed, which no majority has on disk",
                       e->node, index);
    else
        finding_unknown(f, "events are missing, syncs perhaps among them");
}

/* Leaders of later terms than that in which it was committed have it. */
static void complete(struct raft_check *r, const struct raft_node *by, const struct entry *e,
                     uint64_t index, const struct chain_link *link)
{
    struct finding *f = find(r, "leader-completeness");
    for (uint32_t i = 0; by->term && i < r->n; i++) {
        const struct raft_node *n = &r->nodes[i];
        if (!n->ours || !n->whole || n->cluster != by->cluster || n->term <= by->term)
            continue;
        const struct chain_link *has = chain_at(&n->chain, index);
        f->judged++;
        if (chain_last(&n->chain) < index || (has && has->value != link->value))
            finding_refute(f, (uint64_t[]){n->elected, e->ordinal}, 2,
                           "n%u committed entry %" PRIu64 " in term %" PRIu64
                           ", and n%u, which leads term %" PRIu64 ", lacks it",
                           e->node, index, by->term, i + 1, n->term);
    }
}

static void take_committed(struct raft_check *r, struct raft_node *n, const struct entry *e,
                           struct bytes m)
{
    struct cluster *c = r->clusters[n->cluster];
    uint64_t index = wire_number(m, 1);
    const struct chain_link *mine = chain_at(&n->chain, index);
    if (!mine)
        return;
    if (wire_number(m, 3))
        counted(r, n, e, index);
    if (index <= chain_last(&c->committed)) {
        const struct chain_link *known = chain_at(&c->committed, index);
        struct finding *f = find(r, "state-machine-safety");
        f->judged += known != NULL;
        if (known && known->value != mine->value)
            finding_refute(f, (uint64_t[]){c->told, e->ordinal}, 2,
                           "n%u takes another entry %" PRIu64 " (or one before it) as committed "
                           "than n%u did",
                           e->node, index, c->by);
        return;
    }
    complete(r, n, e, index, mine);
    if (!chain_at(&n->chain, chain_last(&c->committed) + 1))
        chain_reset(&c->committed, index - 1, chain_at(&n->chain, index - 1));
    for (uint64_t i = chain_last(&c->committed) + 1; i <= index; i++)
        chain_put(&c->committed, *chain_at(&n->chain, i));
    c->by = e->node;
    c->told = e->ordinal;
}

static void take_applied(struct raft_check *r, const struct raft_node *n, const struct entry *e,
                         struct bytes m)
{
    const struct cluster *c = r->clusters[n->cluster];
    uint64_t index = wire_number(m, 1);
    const struct chain_link *mine = chain_at(&n->chain, index);
    const struct chain_link *known = chain_at(&c->committed, index);
    struct finding *f = find(r, "state-machine-safety");
    if (!mine || !known)
        return;
    f->judged++;
    if (mine->value != known->value)
        finding_refute(f, (uint64_t[]){c->told, e->ordinal}, 2,
                       "n%u applied another entry %" PRIu64 " (or one before it) than the one that "
                       "was committed",
                       e->node, index);
}

static void take_elected(struct raft_check *r, struct raft_node *n, const struct entry *e,
                         struct bytes m)
{
    struct cluster *c = r->clusters[n->cluster];
    struct finding *f = find(r, "election-safety");
    n->term = wire_number(m, 1);
    n->elected = e->ordinal;
    f->judged++;
    uint64_t kept = c->n_leaders < TERMS_MAX ? c->n_leaders : TERMS_MAX;
    for (uint64_t i = 0; i < kept; i++) {
        const struct leader *l = &c->leaders[i];
        if (l->term == n->term)
            finding_refute(f, (uint64_t[]){l->ordinal, e->ordinal}, 2,
                           "term %" PRIu64 " has two leaders: n%u and n%u", n->term, l->node,
                           e->node);
    }
    c->leaders[c->n_leaders++ % TERMS_MAX] = (struct leader){n->term, e->node, e->ordinal};
    if (!n->whole)
        return;
    uint64_t index = chain_last(&c->committed);
    const struct chain_link *known = chain_at(&c->committed, index);
    const struct chain_link *mine = chain_at(&n->chain, index);
    struct finding *complete = find(r, "leader-completeness");
    if (!known || index == 0 || known->term >= n->term)
        return;
    complete->judged++;
    if (chain_last(&n->chain) < index || (mine && mine->value != known->value))
        finding_refute(complete, (uint64_t[]){c->told, e->ordinal}, 2,
                       "n%u leads term %" PRIu64 " and lacks entry %" PRIu64 " of term %" PRIu64
                       ", which was committed",
                       e->node, n->term, index, known->term);
}

static void take_ballot(struct raft_check *r, struct raft_node *n, const struct entry *e,
                        struct bytes m)
{
    uint64_t term = wire_number(m, 1);
    uint32_t candidate = (uint32_t)wire_number(m, 2);
    if (wire_number(m, 3) ||
        !wire_number(m, 4)) /* A pre-vote promises nothing, a refusal neither. */
        return;
    struct finding *f = find(r, "one-vote");
    f->judged++;
    if (term == n->voted_term && candidate != n->voted_for)
        finding_refute(f, (uint64_t[]){n->voted_told, e->ordinal}, 2,
                       "n%u voted for n%u and for n%u in term %" PRIu64, e->node, n->voted_for,
                       candidate, term);
    else if (term < n->voted_term)
        finding_refute(f, (uint64_t[]){n->voted_told, e->ordinal}, 2,
                       "n%u voted in term %" PRIu64 " after it had in term %" PRIu64, e->node, term,
                       n->voted_term);
    n->voted_term = term;
    n->voted_for = candidate;
    n->voted_told = e->ordinal;
}

static uint32_t take_list(const uint32_t *from, size_t n, uint32_t into[MEMBERS_SHOWN_MAX])
{
    uint32_t kept = 0;
    for (size_t i = 0; i < n && kept < MEMBERS_SHOWN_MAX; i++)
        into[kept++] = from[i];
    return kept;
}

static void take_membership(struct raft_node *n, struct bytes m)
{
    Raft__Membership *all = raft__membership__unpack(NULL, m.len, m.base);
    if (all && all->members) {
        n->n_voters = take_list(all->members->voters, all->members->n_voters, n->voters);
        n->n_outgoing = take_list(all->members->outgoing, all->members->n_outgoing, n->outgoing);
    }
    if (all)
        raft__membership__free_unpacked(all, NULL);
}

static void compare_digests(struct raft_check *r, struct cluster *c, const struct saved *new)
{
    struct finding *f = find(r, "state-machine-safety");
    uint64_t kept = c->n_saved < DIGESTS_MAX ? c->n_saved : DIGESTS_MAX;
    for (uint64_t i = 0; i < kept; i++) {
        const struct saved *old = &c->saved[i];
        if (old->index != new->index)
            continue;
        f->judged++;
        if (old->digest != new->digest)
            finding_refute(f, (uint64_t[]){old->ordinal, new->ordinal}, 2,
                           "n%u and n%u differ in their state after entry %" PRIu64, old->node,
                           new->node, new->index);
    }
    c->saved[c->n_saved++ % DIGESTS_MAX] = *new;
}

static void take_compacted(struct raft_check *r, struct raft_node *n, const struct entry *e,
                           struct bytes m)
{
    struct cluster *c = r->clusters[n->cluster];
    uint64_t index = wire_number(m, 1);
    const struct saved new = {index, wire_number(m, 4), e->node, e->ordinal};
    if (new.digest)
        compare_digests(r, c, &new);
    if (!wire_number(m, 5))
        return;
    const struct chain_link *mine = chain_at(&n->chain, index);
    const struct chain_link *known = chain_at(&c->committed, index);
    if (!mine || !known || mine->value != known->value)
        chain_reset(&n->chain, index, known);
}

static void take_trace(struct raft_check *r, struct raft_node *n, const struct entry *e,
                       enum kind kind)
{
    struct bytes m = trace_body(e->head.payload);
    switch (kind) {
    case KIND_RAFT_ELECTED:
        take_elected(r, n, e, m);
        break;
    case KIND_RAFT_STEPPED_DOWN:
        n->term = 0;
        break;
    case KIND_RAFT_BALLOT:
        take_ballot(r, n, e, m);
        break;
    case KIND_RAFT_MEMBERSHIP:
        take_membership(n, m);
        break;
    case KIND_RAFT_COMMITTED:
        if (n->whole)
            take_committed(r, n, e, m);
        break;
    case KIND_RAFT_APPLIED:
        if (n->whole)
            take_applied(r, n, e, m);
        break;
    case KIND_RAFT_COMPACTED:
        take_compacted(r, n, e, m);
        break;
    default:
        break;
    }
}

static void take_durable(struct raft_node *n, const struct entry *e)
{
    uint64_t index = wire_number(e->head.payload, 2);
    if (wire_number(e->head.payload, 1) != n->log || index <= n->durable)
        return;
    n->durable = index;
    n->durable_told = e->ordinal;
}

void raft_check_entry(struct raft_check *r, const struct entry *e, enum kind kind)
{
    if (e->node && e->head.body == ORRERY__EVENT__BODY_START)
        take_start(r, e->node);
    if (!e->node && e->head.body == ORRERY__EVENT__BODY_HOLE)
        take_hole(r);
    struct raft_node *n = node_of(r, e->node);
    /* That recovery is over the node itself tells, of all its logs. */
    bool recovered =
        e->head.body == ORRERY__EVENT__BODY_RECOVERED && wire_number(e->head.payload, 9);
    if (!n || (e->head.instance != n->instance && !recovered))
        return;
    bool of_log = wire_number(e->head.payload, 1) == n->log && n->whole;
    switch ((int)e->head.body) {
    case ORRERY__EVENT__BODY_RECOVERED:
        take_recovered(r, n, e);
        break;
    case ORRERY__EVENT__BODY_APPEND:
        if (of_log)
            take_append(r, n, e);
        break;
    case ORRERY__EVENT__BODY_TRUNCATE:
        if (of_log)
            take_truncate(r, n, e);
        break;
    case ORRERY__EVENT__BODY_DURABLE:
        take_durable(n, e);
        break;
    case ORRERY__EVENT__BODY_TRACE:
        take_trace(r, n, e, kind);
        break;
    default:
        break;
    }
}

void raft_check_end(struct raft_check *r)
{
    bool any = false;
    bool told = r->check->holes == 0;
    bool whole = told;
    for (uint32_t i = 0; i < r->n; i++) {
        any = any || r->nodes[i].ours;
        whole = whole && (!r->nodes[i].ours || r->nodes[i].whole);
    }
    for (size_t i = 0; any && i < INVARIANTS; i++) {
        struct finding *f = find(r, invariants[i].name);
        if (invariants[i].of_entries ? !whole : !told)
            finding_unknown(f, "events are missing, or were told without what they carried");
        finding_proven(f, "%s", invariants[i].proven);
    }
}
