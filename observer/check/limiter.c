/* What a rate limiter promises, held against what it let pass: of each key under one rule, wherever
 * its state is kept. Each verdict is judged by the definition of its algorithm alone, from the
 * passes before it; what the gateway says of its own state is not believed.
 *
 *   token-bucket     in every interval no more than burst + rate * length
 *   leaky-bucket     as a queue, one after the other at the rate; as a meter, as the token bucket
 *   fixed-window     in every window no more than the limit
 *   sliding-log      in every interval of the window's length no more than the limit
 *   sliding-counter  no more than the limit, by the weighted counts of this window and the last
 *   shared-limit     the same, over all gateways that share it exactly
 *   no-needless-refusal   none was refused that these bounds would have let pass */
#include "check/limiter.h"

#include "base/check.h"
#include "check/inner.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1024, LANES_MAX = 200000, KEY_SHOWN = 24, QUANTITY_MAX = 1000000 };

struct limiter_check {
    struct check *check;
    struct limiter_lane *lanes[BUCKETS];
    uint32_t n;
    bool too_many;
};

struct limiter_check *limiter_check_new(struct check *c)
{
    struct limiter_check *l = calloc(1, sizeof *l);
    CHECK(l);
    l->check = c;
    return l;
}

void limiter_check_free(struct limiter_check *l)
{
    for (int i = 0; i < BUCKETS; i++)
        for (struct limiter_lane *lane = l->lanes[i]; lane;) {
            struct limiter_lane *next = lane->next;
            limiter_lane_free(lane);
            lane = next;
        }
    free(l);
}

static bool same(const struct limiter_lane *a, const struct limiter_lane *b)
{
    return a->node == b->node && a->boot == b->boot && a->algorithm == b->algorithm &&
           a->exact == b->exact && a->rule.count == b->rule.count &&
           a->rule.period_ns == b->rule.period_ns && a->rule.burst == b->rule.burst &&
           a->rule.queue == b->rule.queue && a->rule.meter == b->rule.meter &&
           a->key_len == b->key_len && memcmp(a->key, b->key, a->key_len) == 0;
}

static uint32_t bucket_of(const struct limiter_lane *lane)
{
    uint64_t h = UINT64_C(14695981039346656037) ^ lane->node;
    for (uint32_t i = 0; i < lane->key_len; i++)
        h = (h ^ lane->key[i]) * UINT64_C(1099511628211);
    return (uint32_t)((h ^ h >> 32 ^ lane->rule.count) % BUCKETS);
}

/* The lane like `like`, found or made. */
static struct limiter_lane *lane_of(struct limiter_check *l, const struct limiter_lane *like)
{
    struct limiter_lane **at = &l->lanes[bucket_of(like)];
    for (struct limiter_lane *lane = *at; lane; lane = lane->next)
        if (same(lane, like))
            return lane;
    l->too_many |= l->n == LANES_MAX;
    if (l->too_many)
        return NULL;
    struct limiter_lane *lane = malloc(sizeof *lane);
    CHECK(lane);
    *lane = *like;
    lane->next = *at;
    *at = lane;
    l->n++;
    return lane;
}

static struct finding *bound_of(struct limiter_check *l, const struct limiter_lane *lane)
{
    static const char *const names[] = {"token-bucket", "leaky-bucket", "fixed-window",
                                        "sliding-log", "sliding-counter"};
    return check_find(l->check, "limiter", lane->exact ? "shared-limit" : names[lane->algorithm]);
}

static const char *rule_text(const struct limiter_lane *lane, char *into, size_t size)
{
    const struct limiter_lane_rule *r = &lane->rule;
    double s = (double)r->period_ns / 1e9;
    if (limiter_lane_is_queue(lane))
        (void)snprintf(into, size, "one each %.4g s", s / (double)r->count);
    else if (lane->algorithm <= LIMITER__ALGORITHM__LEAKY_BUCKET)
        (void)snprintf(into, size, "%" PRIu64 " and %.4g a second", r->burst, (double)r->count / s);
    else
        (void)snprintf(into, size, "%" PRIu64 " in %.4g s", r->count, s);
    return into;
}

static int shown(const struct limiter_lane *lane, char into[KEY_SHOWN + 1])
{
    int n = 0;
    for (; n < (int)lane->key_len && n < KEY_SHOWN; n++)
        into[n] = lane->key[n] > ' ' && lane->key[n] < 127 ? (char)lane->key[n] : '?';
    into[n] = '\0';
    return n;
}

static void pass(struct limiter_check *l, struct limiter_lane *lane, const struct limiter_pass *p)
{
    struct finding *f = bound_of(l, lane);
    struct limiter_excess e;
    f->judged++;
    if (limiter_lane_pass(lane, p, &e))
        return;
    char key[KEY_SHOWN + 1], rule[64];
    (void)shown(lane, key);
    finding_refute(f, (uint64_t[]){e.since, p->ordinal}, 2,
                   "%" PRIu64 " requests of '%s' passed %s%u within %.3f s, where the rule is %s",
                   e.passed, key, lane->exact ? "the gateways of owner n" : "n", lane->node,
                   (double)e.within_ns / 1e9, rule_text(lane, rule, sizeof rule));
}

static void refused(struct limiter_check *l, struct limiter_lane *lane,
                    const struct limiter_pass *p)
{
    struct finding *f = check_find(l->check, "limiter", "no-needless-refusal");
    f->judged++;
    if (!limiter_lane_allows(lane, p))
        return;
    char key[KEY_SHOWN + 1], rule[64];
    (void)shown(lane, key);
    finding_refute(f, (uint64_t[]){lane->newest, p->ordinal}, 2,
                   "n%u refused a request of '%s' that its rule lets pass: %s", lane->node, key,
                   rule_text(lane, rule, sizeof rule));
}

static bool read_rule(const Limiter__Rule *m, struct limiter_lane_rule *r)
{
    const uint64_t most = INT64_MAX, requests = 1000000000;
    if (!m || m->count < 1 || m->burst < 1 || m->period_ns < 1 || m->count > requests ||
        m->burst > requests || m->queue > requests || m->count > most / m->period_ns ||
        m->burst + m->queue > most / m->period_ns)
        return false;
    *r = (struct limiter_lane_rule){m->count, m->period_ns, m->burst, m->queue, m->meter};
    return true;
}

static bool read_lane(struct limiter_check *l, const struct entry *e, ProtobufCBinaryData key,
                      Limiter__Algorithm algorithm, const Limiter__Rule *rule,
                      struct limiter_lane *into)
{
    *into = (struct limiter_lane){.node = e->node, .boot = e->boot, .algorithm = algorithm};
    if ((unsigned)algorithm > LIMITER__ALGORITHM__SLIDING_COUNTER || key.len > sizeof into->key ||
        !read_rule(rule, &into->rule) || l->too_many)
        return false;
    into->key_len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(into->key, key.data, key.len);
    return true;
}

static void take_decision(struct limiter_check *l, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Limiter__Decision *m = limiter__decision__unpack(NULL, body.len, body.base);
    struct limiter_lane like;
    if (m && m->reason == LIMITER__REASON__RULE && m->quantity > 0 && m->quantity <= QUANTITY_MAX &&
        read_lane(l, e, m->key, m->algorithm, m->rule, &like)) {
        like.exact = m->share == LIMITER__SHARE__EXACT;
        const struct subject *owner = m->owner ? check_subject(l->check, m->owner) : NULL;
        if (owner) {
            like.node = m->owner;
            like.boot = owner->boot;
        }
        struct limiter_pass p = {m->at_ns, m->quantity, e->ordinal};
        struct limiter_lane *lane = lane_of(l, &like);
        if (lane && m->outcome == LIMITER__OUTCOME__ADMITTED)
            pass(l, lane, &p);
        else if (lane && m->outcome == LIMITER__OUTCOME__DELAYED)
            lane->waiting += m->quantity;
        else if (lane && m->share != LIMITER__SHARE__LOCAL) /* Others' counts may forbid it. */
            refused(l, lane, &p);
    }
    if (m)
        limiter__decision__free_unpacked(m, NULL);
}

static void take_release(struct limiter_check *l, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Limiter__Release *m = limiter__release__unpack(NULL, body.len, body.base);
    struct limiter_lane like;
    if (m && m->quantity > 0 && m->quantity <= QUANTITY_MAX &&
        read_lane(l, e, m->key, m->algorithm, m->rule, &like)) {
        struct limiter_pass p = {m->at_ns, m->quantity, e->ordinal};
        struct limiter_lane *lane = lane_of(l, &like);
        if (lane) {
            lane->waiting -= lane->waiting < m->quantity ? lane->waiting : m->quantity;
            pass(l, lane, &p);
        }
    }
    if (m)
        limiter__release__free_unpacked(m, NULL);
}

void limiter_check_entry(struct limiter_check *l, const struct entry *e, enum kind kind)
{
    if (kind == KIND_LIMITER_DECISION)
        take_decision(l, e);
    else if (kind == KIND_LIMITER_RELEASE)
        take_release(l, e);
    else if (e->node && e->head.body == ORRERY__EVENT__BODY_START &&
             subject_instance(check_subject(l->check, e->node), "limiter"))
        for (int i = 0; i < LIMITER_INVARIANTS; i++)
            (void)check_find(l->check, "limiter", limiter_invariants[i].name);
}

const struct limiter_invariant limiter_invariants[LIMITER_INVARIANTS] = {
    {"token-bucket", "in no interval passed more than the burst and the rate allow"},
    {"leaky-bucket", "what passed kept the distance of the rate"},
    {"fixed-window", "no window let more than its limit pass"},
    {"sliding-log", "no interval of the window's length let more than the limit pass"},
    {"sliding-counter", "nothing passed that the weighted count forbids"},
    {"shared-limit", "all gateways together let pass what one would have"},
    {"no-needless-refusal", "every refusal was needed to keep the limit"},
};

void limiter_check_end(struct limiter_check *l)
{
    if (l->n == 0)
        return;
    for (int i = 0; i < LIMITER_INVARIANTS; i++) {
        struct finding *f = check_find(l->check, "limiter", limiter_invariants[i].name);
        if (l->check->holes && f->judged)
            finding_unknown(f, "events are missing, verdicts perhaps among them");
        if (l->too_many)
            finding_unknown(f, "there were more than %d keys", LANES_MAX);
        finding_proven(f, "%s", limiter_invariants[i].holds);
    }
}
