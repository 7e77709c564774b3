#include "limiter_impl.h"

#include "base/check.h"
#include "core/settings.h"

#include <stdio.h>

enum { ALGORITHMS = 5, HOUR_MS = 3600 * 1000, FIRST_GATEWAY = 2 };

void limiter_defaults(ProtobufCMessage *settings)
{
    /* Eight a second for all five, and buckets that hold six: small enough to be counted, and apart
     * enough to be told apart. */
    Limiter__Settings *s = (Limiter__Settings *)settings;
    s->limit = 8;
    s->window_ms = 1000;
    s->burst = 6;
    s->shared_from = FIRST_GATEWAY + ALGORITHMS;
    s->sharers = 2;
    s->share = LIMITER__SHARE__EXACT;
    s->exchange_ms = 200;
    s->ask_timeout_ms = 500;
    s->keys = 10000;
    s->load = 4;
    s->volley = 14;
    s->every_ms = 3000;
    s->gap_ms = 1;
}

bool limiter_accept(const ProtobufCMessage *settings, char *why, size_t size)
{
    const Limiter__Settings *s = (const Limiter__Settings *)settings;
    if (!settings_within("limit", s->limit, 1, 100000, why, size) ||
        !settings_within("window_ms", s->window_ms, 1, HOUR_MS, why, size) ||
        !settings_within("burst", s->burst, 1, WAIT_MAX, why, size) ||
        !settings_within("queue", s->queue, 0, WAIT_MAX, why, size) ||
        !settings_within("shared_from", s->shared_from, 1, MEMBERS_MAX, why, size) ||
        !settings_within("sharers", s->sharers, 0, SHARERS_MAX, why, size) ||
        !settings_within("exchange_ms", s->exchange_ms, 1, HOUR_MS, why, size) ||
        !settings_within("ask_timeout_ms", s->ask_timeout_ms, 1, HOUR_MS, why, size) ||
        !settings_within("keys", s->keys, 1, 1000000, why, size) ||
        !settings_within("volley", s->volley, 1, VOLLEY_MAX, why, size) ||
        !settings_within("every_ms", s->every_ms, 1, HOUR_MS, why, size) ||
        !settings_within("gap_ms", s->gap_ms, 0, HOUR_MS, why, size))
        return false;
    if (!(s->load > 0 && s->load <= 100000)) {
        (void)snprintf(why, size, "load=%g is not between 0 and 100000 requests a second", s->load);
        return false;
    }
    return true;
}

static void read_sharers(struct limiter_node *n, const Limiter__Settings *s)
{
    struct rules *r = &n->rules;
    for (uint32_t i = 0; i < n->n_members && r->n_sharers < s->sharers; i++)
        if (n->members[i] >= s->shared_from)
            r->sharers[r->n_sharers++] = n->members[i];
    while (r->my_share < r->n_sharers && r->sharers[r->my_share] != n->self)
        r->my_share++;
}

static void read_role(struct limiter_node *n, const Limiter__Settings *s)
{
    struct rules *r = &n->rules;
    r->role = s->role;
    r->algorithm = (enum limiter_kind)s->algorithm;
    if (s->role == LIMITER__ROLE__BY_NUMBER) {
        r->role = n->self < FIRST_GATEWAY ? LIMITER__ROLE__TRAFFIC : LIMITER__ROLE__GATEWAY;
        r->algorithm = n->self >= FIRST_GATEWAY && n->self < FIRST_GATEWAY + ALGORITHMS
                           ? (enum limiter_kind)(n->self - FIRST_GATEWAY)
                           : LIMITER_SLIDING_COUNTER;
    }
    if (r->my_share < r->n_sharers) /* Two numbers: small enough to be asked for and told. */
        r->algorithm = LIMITER_SLIDING_COUNTER;
}

void limiter_read_rules(struct limiter_node *n, const ProtobufCMessage *settings)
{
    const Limiter__Settings *s = (const Limiter__Settings *)settings;
    n->rules = (struct rules){
        .rule =
            {
                .count = s->limit,
                .period_ns = s->window_ms * NSEC_PER_MS,
                .burst = s->burst,
                .queue = s->queue,
                .meter = s->meter,
            },
        .share = s->share,
        .exchange_ns = s->exchange_ms * NSEC_PER_MS,
        .ask_timeout_ns = s->ask_timeout_ms * NSEC_PER_MS,
        .fail_open = s->fail_open,
        .keys = s->keys,
        .shape = s->shape,
        .load = s->load,
        .volley = s->volley,
        .every_ns = s->every_ms * NSEC_PER_MS,
        .gap_ns = s->gap_ms * NSEC_PER_MS,
    };
    read_sharers(n, s);
    read_role(n, s);
    for (size_t i = 0; i < s->n_flaws; i++) {
        n->rules.rule.whole_seconds |= s->flaws[i] == LIMITER__FLAW__WHOLE_SECONDS;
        n->rules.race |= s->flaws[i] == LIMITER__FLAW__COUNTER_RACE;
    }
    CHECK(limit_rule_ok(&n->rules.rule));
}
