/* Redis clients: CL.THROTTLE key max_burst count_per_period period [quantity], answered as
 * redis-cell does: limited (0 or 1), limit, remaining, seconds until a retry passes (-1: it passed,
 * or never), seconds until all is as new. A request that is delayed is answered when it is passed
 * on. Source: https://github.com/brandur/redis-cell, "Usage". */
#include "limiter_impl.h"

#include "codec/resp.h"

#include <stdio.h>

enum { ARGS_MAX = 8, REPLY_MAX = 256, THROTTLE_ARGS_MIN = 5, THROTTLE_ARGS_MAX = 6 };

static struct resp_writer writer(struct out *out)
{
    struct resp_writer w = {.base = out_alloc(out, REPLY_MAX), .cap = REPLY_MAX};
    w.cap = w.base ? w.cap : 0;
    return w;
}

static void reply(const struct request *r, const struct resp_writer *w, struct out *out)
{
    struct slice slice = {.kind = SLICE_MEMORY, .memory = bytes_of(w->base, w->len)};
    out_reply(out, r->client, r->number, (struct body){&slice, 1});
}

static int64_t seconds_up(uint64_t ns)
{
    return ns == LIMIT_NEVER ? -1 : (int64_t)limit_divide_up(ns, NSEC_PER_S);
}

void client_verdict(const struct request *r, const struct limit_rule *rule, enum limiter_kind kind,
                    const struct limit_verdict *v, struct out *out)
{
    bool bucket = kind == LIMITER_TOKEN_BUCKET || kind == LIMITER_LEAKY_BUCKET;
    bool limited = v->outcome == LIMIT_REFUSED;
    struct resp_writer w = writer(out);
    resp_array(&w, 5);
    resp_integer(&w, limited);
    resp_integer(&w, (int64_t)(bucket ? rule->burst : rule->count));
    resp_integer(&w, (int64_t)v->remaining);
    resp_integer(&w, limited ? seconds_up(v->retry_ns) : -1);
    resp_integer(&w, seconds_up(v->reset_ns));
    reply(r, &w, out);
}

static void reply_error(const struct request *r, const char *text, struct out *out)
{
    struct resp_writer w = writer(out);
    resp_error(&w, text);
    reply(r, &w, out);
}

static void throttle(struct limiter_node *n, struct request *r, const struct bytes *args,
                     int n_args, struct out *out)
{
    int64_t burst, count, seconds, quantity = 1;
    if (n_args < THROTTLE_ARGS_MIN || n_args > THROTTLE_ARGS_MAX) {
        reply_error(r, "ERR usage: CL.THROTTLE key max_burst count_per_period period [quantity]",
                    out);
        return;
    }
    if (!resp_number(args[2], &burst) || !resp_number(args[3], &count) ||
        !resp_number(args[4], &seconds) || (n_args > 5 && !resp_number(args[5], &quantity)) ||
        burst < 0 || burst > LIMIT_BURST_MAX || count < 1 || seconds < 1 ||
        seconds > (int64_t)(LIMIT_PERIOD_MAX / NSEC_PER_S) || quantity < 0 ||
        quantity > QUANTITY_MAX) {
        reply_error(r, "ERR max_burst, count, period and quantity must be whole numbers in range",
                    out);
        return;
    }
    struct limit_rule rule = n->rules.rule;
    rule.burst = (uint64_t)burst + 1;
    rule.count = (uint64_t)count;
    rule.period_ns = (uint64_t)seconds * NSEC_PER_S;
    r->quantity = (uint32_t)quantity;
    if (n->rules.role != LIMITER__ROLE__GATEWAY)
        reply_error(r, "ERR this node makes the traffic: ask a gateway", out);
    else if (args[1].len > KEY_MAX)
        reply_error(r, "ERR a key is at most 256 bytes long", out);
    else if (!limit_rule_ok(&rule))
        reply_error(r, "ERR such a limit is too large: burst or count times period", out);
    else
        gateway_request(n, r, args[1], &rule, out);
}

void client_request(struct limiter_node *n, const struct input *in, struct out *out)
{
    struct bytes args[ARGS_MAX];
    struct request r = {
        .client = in->request.client, .number = in->request.id, .quantity = 1, .since = n->now};
    int n_args = resp_parse(in->request.body, NULL, 0);
    if (n_args <= 0) {
        out_violation(out, NODE_NONE, "a client's request is not an array of strings",
                      in->request.body);
        reply_error(&r, "ERR Protocol error: expected an array of strings", out);
        return;
    }
    n_args = resp_parse(in->request.body, args, ARGS_MAX);
    struct resp_writer w = writer(out);
    if (n_args < 0) { /* More words than any command here has. */
        reply_error(&r, "ERR unknown command, or too many arguments", out);
    } else if (resp_word_is(args[0], "cl.throttle")) {
        throttle(n, &r, args, n_args, out);
    } else if (resp_word_is(args[0], "ping")) {
        resp_simple(&w, "PONG");
        reply(&r, &w, out);
    } else if (resp_word_is(args[0], "command")) { /* redis-cli asks at its start. */
        resp_array(&w, 0);
        reply(&r, &w, out);
    } else if (resp_word_is(args[0], "quit")) {
        resp_simple(&w, "OK");
        reply(&r, &w, out);
    } else {
        reply_error(&r, "ERR unknown command: this is a rate limiter, ask it CL.THROTTLE", out);
    }
}
