#include "protocols/limiter/limiter.h"

#include "base/check.h"
#include "limiter_impl.h"
#include "schema_limiter.h"

#include <string.h>

static void init(void *core, const struct core_config *config)
{
    struct limiter_node *n = core;
    n->memory = config->memory;
    n->self = config->self;
    n->n_members = config->n_members < MEMBERS_MAX ? config->n_members : MEMBERS_MAX;
    memcpy(n->members, config->members, n->n_members * sizeof n->members[0]);
    n->asks = memory_alloc(n->memory, ASKS_MAX * sizeof *n->asks);
    CHECK(n->asks);
    n->release_at = NSEC_NEVER;
    n->traffic.steady_at = n->traffic.volley_at = NSEC_NEVER;
    limiter_read_rules(n, config->settings);
}

static void on_request(struct limiter_node *n, const struct input *in, const Limiter__Request *m,
                       struct out *out)
{
    struct request r = {
        .from = in->message.from, .number = m->number, .quantity = m->quantity, .since = in->now};
    if (m->number == 0 || m->key.len > KEY_MAX || m->quantity == 0 || m->quantity > QUANTITY_MAX) {
        out_violation(out, r.from, "a request without sensible number, key and quantity",
                      in->message.body);
        return;
    }
    if (n->rules.role == LIMITER__ROLE__GATEWAY)
        gateway_request(n, &r, bytes_of(m->key.data, m->key.len), &n->rules.rule, out);
}

static void on_message(struct limiter_node *n, const struct input *in, struct out *out)
{
    Limiter__Message *m =
        (Limiter__Message *)out_unpack(out, &limiter__message__descriptor, in->message.body);
    if (!m || m->kind_case == LIMITER__MESSAGE__KIND__NOT_SET)
        out_violation(out, in->message.from, "not a limiter message", in->message.body);
    else if (m->kind_case == LIMITER__MESSAGE__KIND_REQUEST)
        on_request(n, in, m->request, out);
    else if (m->kind_case != LIMITER__MESSAGE__KIND_ANSWER) /* Which the traffic only counts. */
        shared_message(n, in, m, out);
}

static void forget_member(struct limiter_node *n, const struct input *in)
{
    if (in->link.reason != LINK_REMOVED || in->link.peer == n->self)
        return;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->n_members; i++)
        if (n->members[i] != in->link.peer)
            n->members[kept++] = n->members[i];
    n->n_members = kept;
}

static void step(void *core, const struct input *in, struct out *out)
{
    struct limiter_node *n = core;
    n->now = in->now;
    /* What was due before this input is older than it. */
    if (n->started) {
        gateway_release(n, out);
        shared_wake(n, out);
    }
    switch ((int)in->kind) {
    case INPUT_START:
        n->started = true;
        traffic_plan(n, out);
        break;
    case INPUT_MESSAGE:
        on_message(n, in, out);
        break;
    case INPUT_REQUEST:
        client_request(n, in, out);
        break;
    case INPUT_LINK:
        forget_member(n, in);
        break;
    case INPUT_WAKE:
        traffic_wake(n, out);
        break;
    case INPUT_SETTINGS:
        limiter_read_rules(n, in->settings);
        if (n->started)
            traffic_plan(n, out);
        break;
    case INPUT_ORDER:
        traffic_order(n, in, out);
        break;
    default:
        break; /* It has no log. */
    }
}

static nsec deadline(const void *core)
{
    const struct limiter_node *n = core;
    if (!n->started)
        return NSEC_NEVER;
    nsec shared = shared_deadline(n), traffic = traffic_deadline(n);
    nsec at = shared < traffic ? shared : traffic;
    return n->release_at < at ? n->release_at : at;
}

static void view_times(const struct entry *e, Limiter__KeyView *v, struct out *out)
{
    const struct sliding_log *log = &e->limiter.log;
    uint32_t n = log->n < VIEW_TIMES ? log->n : VIEW_TIMES;
    v->times_ns = out_alloc(out, n * sizeof *v->times_ns);
    CHECK(v->times_ns || n == 0);
    for (uint32_t i = log->n - n; i < log->n; i++)
        v->times_ns[v->n_times_ns++] = log->times[(log->first + i) % e->rule.count];
}

static void view_key(const struct limiter_node *n, const struct entry *e, Limiter__KeyView *v,
                     struct out *out)
{
    Limiter__Rule *rule = out_alloc(out, sizeof *rule);
    CHECK(rule);
    *rule = gateway_rule(&e->rule);
    limiter__key_view__init(v);
    v->key.data = (uint8_t *)(uintptr_t)e->key;
    v->key.len = e->key_len;
    v->algorithm = (Limiter__Algorithm)e->limiter.kind;
    v->rule = rule;
    v->at_ns = n->now;
    v->waiting = limiter_waiting(&e->limiter);
    v->admitted = e->told[LIMIT_ADMITTED];
    v->delayed = e->told[LIMIT_DELAYED];
    v->refused = e->told[LIMIT_REFUSED];
    v->state_bytes = (uint32_t)limiter_bytes(e->limiter.kind, &e->rule);
    if (e->limiter.kind == LIMITER_SLIDING_LOG)
        view_times(e, v, out);
    /* A question for nothing changes no verdict; and it is asked of a copy. */
    struct limiter copy = e->limiter;
    v->level_milli = limiter_decide(&copy, &e->rule, n->now, 0).level_milli;
}

static void view(const void *core, struct out *out)
{
    const struct limiter_node *n = core;
    Limiter__NodeView m = LIMITER__NODE_VIEW__INIT;
    Limiter__KeyView *keys = out_alloc(out, VIEW_KEYS * sizeof *keys);
    m.keys = out_alloc(out, VIEW_KEYS * sizeof *m.keys);
    CHECK(keys && m.keys);
    m.role = n->rules.role;
    m.algorithm = (Limiter__Algorithm)n->rules.algorithm;
    m.share = rules_shares(&n->rules) ? n->rules.share : LIMITER__SHARE__ALONE;
    m.sent = n->traffic.sent;
    m.asked = n->n_asks;
    m.keys_kept = n->keys.n;
    for (const struct entry *e = n->keys.newest; e && m.n_keys < VIEW_KEYS; e = e->older) {
        view_key(n, e, &keys[m.n_keys], out);
        m.keys[m.n_keys] = &keys[m.n_keys];
        m.n_keys++;
    }
    out_view(out, &m.base);
}

static void check(const void *core)
{
    const struct limiter_node *n = core;
    keys_check(&n->keys);
    CHECK(n->n_asks <= ASKS_MAX);
    CHECK(n->traffic.n <= VOLLEYS_MAX);
    CHECK((n->waiting == NULL) == (n->release_at == NSEC_NEVER));
}

static const ProtobufCMessageDescriptor *const traces[] = {
    &limiter__decision__descriptor,
    &limiter__release__descriptor,
    &limiter__volley__descriptor,
    NULL,
};

static const char *const orders[] = {"burst", "straddle", "behind", NULL};

const struct core_ops limiter_ops = {
    .name = "limiter",
    .summary = "how much is too much: five rate limiters under the very same traffic",
    .usual_nodes = 5,
    .size = sizeof(struct limiter_node),
    .message = &limiter__message__descriptor,
    .settings = &limiter__settings__descriptor,
    .view_type = &limiter__node_view__descriptor,
    .traces = traces,
    .orders = orders,
    .schema = schema_limiter,
    .clients = true,
    .defaults = limiter_defaults,
    .accept = limiter_accept,
    .init = init,
    .step = step,
    .deadline = deadline,
    .view = view,
    .check = check,
};
