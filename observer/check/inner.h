/* What the checkers share: who lived when, what the user did, and what each node said of itself. */
#ifndef ORRERY_CHECK_INNER_H
#define ORRERY_CHECK_INNER_H

#include "check/check.h"
#include "cluster/faults.h"

enum { SUBJECTS_MAX = 100000, KINDS_MAX = 256, CHECK_INSTANCES_MAX = 8 };

#define NS_PER_MS UINT64_C(1000000)
#define NS_PER_S  UINT64_C(1000000000)
#define NS_NEVER  UINT64_MAX

/* Types that a checker looks at. */
enum kind {
    KIND_OTHER,
    KIND_HISTORY_INVOKE,
    KIND_HISTORY_COMPLETE,
    KIND_HEARTBEAT_OPINION,
    KIND_HEARTBEAT_GAP,
    KIND_HEARTBEAT_REBIRTH,
    KIND_KV_PAGE_FLUSH,
    KIND_LIMITER_DECISION,
    KIND_LIMITER_RELEASE,
    KIND_BACKPROPAGATION_BATCH,
    KIND_RAFT_ELECTED,
    KIND_RAFT_STEPPED_DOWN,
    KIND_RAFT_BALLOT,
    KIND_RAFT_MEMBERSHIP,
    KIND_RAFT_COMMITTED,
    KIND_RAFT_APPLIED,
    KIND_RAFT_COMPACTED,
};

/* Whether the nodes that serve clients by a protocol promise one store, or each its own. */
enum store_kind { STORE_NONE, STORE_OWN, STORE_SHARED };

/* A node, in its newest life. */
struct subject {
    uint32_t boot;
    bool alive;
    bool paused;
    bool told;      /* Its Start event was seen. */
    uint64_t up_at; /* Spawned. */
    uint64_t down_at;
    uint64_t down_ordinal;
    uint64_t disturbed_at; /* Paused, resumed, or its settings changed. */
    uint64_t power_at;     /* Newest power cut; 0: none. */
    uint64_t last_seq;
    uint64_t holes;             /* Events missing in this life. */
    bool disk_faulty;           /* Full or with errors: it may end by itself. */
    bool removed;               /* From the cluster, by the user. */
    bool halted;                /* By a breakpoint: its end was asked for. */
    enum kind kinds[KINDS_MAX]; /* By Trace.type. */
    Orrery__Start *start;
};

struct check {
    struct subject *subjects; /* By node - 1. */
    uint32_t n;
    struct faults faults;
    uint64_t now;
    uint64_t ordinal;
    uint64_t holes;
    bool ended;
    struct heartbeat_check *heartbeat;
    struct clients_check *clients;
    struct durable_check *durable;
    struct lives_check *lives;
    struct write_ahead_check *write_ahead;
    struct limiter_check *limiter;
    struct learning_check *learning;
    struct raft_check *raft;
    struct finding findings[FINDINGS_MAX];
    uint32_t n_findings;
};

struct subject *check_subject(struct check *c, uint32_t node); /* NULL: out of bounds. */
/* The instance of a protocol on a node; NULL. */
const Orrery__Instance *subject_instance(const struct subject *s, const char *protocol);
const char *instance_setting(const Orrery__Instance *i, const char *key); /* NULL: the default. */
double instance_number(const Orrery__Instance *i, const char *key, double otherwise);

struct finding *check_find(struct check *c, const char *checker, const char *invariant);
/* The first failure is the one that is told. */
void finding_refute(struct finding *f, const uint64_t *events, uint32_t n, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void finding_unknown(struct finding *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void finding_proven(struct finding *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));                /* Unless it was refuted or is unknown. */
void seconds_print(char *into, size_t size, uint64_t ns); /* "1.204 s" */

/* Each checker: the events that matter to it, after the common state has taken them in; those about
 * the user's doings (Operator) and about processes (Spawn, Exit) too. */
struct heartbeat_check *heartbeat_check_new(struct check *c);
void heartbeat_check_free(struct heartbeat_check *h);
void heartbeat_check_entry(struct heartbeat_check *h, const struct entry *e, enum kind kind);
void heartbeat_check_path(struct heartbeat_check *h, uint32_t from, uint32_t to);
void heartbeat_check_end(struct heartbeat_check *h);

struct clients_check *clients_check_new(struct check *c);
void clients_check_free(struct clients_check *cs);
void clients_check_keep(struct clients_check *cs, bool all);
struct history *clients_check_history(struct clients_check *cs, char *why, size_t why_size);
void clients_check_entry(struct clients_check *cs, const struct entry *e, enum kind kind);
void clients_check_end(struct clients_check *cs);
/* By whom the instance of a node that told an event keeps its promises; clients.c. */
enum store_kind subject_store(const struct subject *s, uint32_t instance);

struct durable_check *durable_check_new(struct check *c);
void durable_check_free(struct durable_check *h);
void durable_check_entry(struct durable_check *h, const struct entry *e, enum kind kind);
void durable_check_end(struct durable_check *h);

struct lives_check *lives_check_new(struct check *c);
void lives_check_free(struct lives_check *l);
void lives_check_entry(struct lives_check *l, const struct entry *e);
void lives_check_end(struct lives_check *l);

struct write_ahead_check *write_ahead_check_new(struct check *c);
void write_ahead_check_free(struct write_ahead_check *w);
void write_ahead_check_entry(struct write_ahead_check *w, const struct entry *e, enum kind kind);
void write_ahead_check_end(struct write_ahead_check *w);

struct limiter_check *limiter_check_new(struct check *c);
void limiter_check_free(struct limiter_check *l);
void limiter_check_entry(struct limiter_check *l, const struct entry *e, enum kind kind);
void limiter_check_end(struct limiter_check *l);

struct learning_check *learning_check_new(struct check *c);
void learning_check_free(struct learning_check *l);
void learning_check_entry(struct learning_check *l, const struct entry *e, enum kind kind);
void learning_check_end(struct learning_check *l);

struct raft_check *raft_check_new(struct check *c);
void raft_check_free(struct raft_check *r);
void raft_check_entry(struct raft_check *r, const struct entry *e, enum kind kind);
void raft_check_end(struct raft_check *r);

#endif
