/* What the files of the protocol share. */
#ifndef ORRERY_LIMITER_LIMITER_IMPL_H
#define ORRERY_LIMITER_LIMITER_IMPL_H

#include "core/core.h"
#include "limiter.pb-c.h"
#include "modules/limiter.h"

enum {
    KEY_MAX = 256, /* Bytes of a key. */
    SHARERS_MAX = 16,
    ASKS_MAX = 256, /* Of owners, and not answered yet. */
    MEMBERS_MAX = 1024,
    VOLLEYS_MAX = 64,   /* Bursts under way. */
    VOLLEY_MAX = 10000, /* Requests of one. */
    WAIT_MAX = 10000,   /* Requests of one key that are delayed. */
    QUANTITY_MAX = 1000000,
    STEP_MAX = 100, /* Requests sent, or let go, in one step: effects are bounded. */
    VIEW_KEYS = 16,
    VIEW_TIMES = 64,
};

/* What the settings say, read once. */
struct rules {
    Limiter__Role role; /* Never BY_NUMBER. */
    enum limiter_kind algorithm;
    struct limit_rule rule;
    Limiter__Share share;
    node_id sharers[SHARERS_MAX]; /* Ascending. */
    uint32_t n_sharers;
    uint32_t my_share; /* Index of this node among them; n_sharers: it is none. */
    nsec exchange_ns;
    nsec ask_timeout_ns;
    bool fail_open;
    uint32_t keys;
    Limiter__Shape shape;
    double load;
    uint32_t volley;
    nsec every_ns;
    nsec gap_ns;
    bool race; /* A flaw. */
};

/* Who asked for what. The key is the input's, or copied behind what keeps it. */
struct request {
    node_id from;     /* The traffic; NODE_NONE: a client, */
    client_id client; /* this one. */
    uint64_t number;
    uint32_t quantity;
    nsec since;
    node_id gateway; /* That asked us, the owner, for this; NODE_NONE: it came to us. */
};

struct waiting {
    struct waiting *next;
    struct request request;
};

/* The state of one key under one rule. */
struct entry {
    struct entry *next;  /* In its bucket. */
    struct entry *newer; /* Entries from the one asked last to the one asked longest ago. */
    struct entry *older;
    struct entry *next_waiting; /* Of those with delayed requests. */
    uint32_t hash;
    struct limit_rule rule;
    struct limiter limiter;
    struct waiting *first; /* Delayed, in their order. */
    struct waiting *last;
    uint64_t told[3];               /* Verdicts by outcome. */
    struct sliding_counter *others; /* Local: as each sharer told it last. */
    bool changed;                   /* Local: since the others were told. */
    uint32_t key_len;
    uint64_t *times; /* Of a sliding log. */
    uint8_t key[];
};

struct keys {
    struct entry **buckets;
    uint32_t n_buckets; /* A power of two; 0 at first. */
    uint32_t n;
    struct entry *newest;
    struct entry *oldest;
};

/* A question to the owner of a key. */
struct ask {
    uint64_t id;
    nsec until;
    struct request request;
    struct limit_rule rule;
    uint32_t key_len;
    uint8_t key[KEY_MAX];
};

struct volley {
    nsec at;
    nsec gap;
    uint32_t left;
    uint8_t tenant; /* 'a' or 'b' */
    bool begun;
    nsec boundary; /* 0: none. */
};

struct traffic {
    nsec steady_at; /* NSEC_NEVER: no steady traffic. */
    nsec volley_at;
    struct volley volleys[VOLLEYS_MAX];
    uint32_t n;
    uint64_t sent;
};

struct limiter_node {
    struct memory *memory;
    node_id self;
    bool started;
    node_id members[MEMBERS_MAX];
    uint32_t n_members;
    struct rules rules;
    struct keys keys;
    struct entry *waiting; /* Entries with delayed requests. */
    nsec release_at;       /* The first of them may leave. */
    struct ask *asks;      /* ASKS_MAX of them. */
    uint32_t n_asks;
    uint64_t next_ask;
    nsec exchange_at;
    struct traffic traffic;
    nsec now;
};

/* rules.c */
void limiter_defaults(ProtobufCMessage *settings);
bool limiter_accept(const ProtobufCMessage *settings, char *why, size_t size);
void limiter_read_rules(struct limiter_node *n, const ProtobufCMessage *settings);
static inline bool rules_shares(const struct rules *r)
{
    return r->role == LIMITER__ROLE__GATEWAY && r->my_share < r->n_sharers &&
           r->share != LIMITER__SHARE__ALONE;
}

/* keys.c: found or made; NULL: there is no room, or the rule is too large. */
struct entry *keys_obtain(struct limiter_node *n, struct bytes key, const struct limit_rule *r,
                          enum limiter_kind kind);
void keys_check(const struct keys *keys);

/* gateway.c */
struct told { /* What a verdict is told with, beside the request. */
    struct bytes key;
    const struct limit_rule *rule;
    enum limiter_kind algorithm;
    struct limit_verdict verdict;
    uint32_t state_bytes;
    Limiter__Share share;
    node_id owner;
    Limiter__Reason reason;
};
void gateway_request(struct limiter_node *n, const struct request *r, struct bytes key,
                     const struct limit_rule *rule, struct out *out);
void gateway_tell(struct limiter_node *n, const struct request *r, const struct told *t,
                  struct out *out);
/* The verdict goes to whoever asked. */
void gateway_answer(struct limiter_node *n, const struct request *r, const struct limit_rule *rule,
                    const struct limit_verdict *v, struct out *out);
void gateway_release(struct limiter_node *n, struct out *out); /* What is due leaves. */
Limiter__Rule gateway_rule(const struct limit_rule *r);

/* shared.c */
void shared_request(struct limiter_node *n, const struct request *r, struct bytes key,
                    const struct limit_rule *rule, struct out *out);
void shared_message(struct limiter_node *n, const struct input *in, const Limiter__Message *m,
                    struct out *out);
void shared_wake(struct limiter_node *n, struct out *out);
nsec shared_deadline(const struct limiter_node *n);

/* client.c */
void client_request(struct limiter_node *n, const struct input *in, struct out *out);
void client_verdict(const struct request *r, const struct limit_rule *rule, enum limiter_kind kind,
                    const struct limit_verdict *v, struct out *out);

/* traffic.c */
void traffic_plan(struct limiter_node *n, struct out *out); /* As the settings say, from now on. */
void traffic_wake(struct limiter_node *n, struct out *out);
void traffic_order(struct limiter_node *n, const struct input *in, struct out *out);
nsec traffic_deadline(const struct limiter_node *n);

#endif
