#include "clients/resp_client.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS_FIRST = 8, KEEP = 64 << 10 };

struct resp_slot {
    struct buf held;
    bool whole;
};

void resp_client_init(struct resp_client *c)
{
    *c = (struct resp_client){.head = 1, .next = 1};
}

void resp_client_free(struct resp_client *c)
{
    for (uint32_t i = 0; i < c->slots_cap; i++)
        buf_free(&c->slots[i].held);
    free(c->slots);
    buf_free(&c->in);
    buf_free(&c->inlined);
    buf_free(&c->out);
    resp_client_init(c);
}

/* A buffer that was large once need not stay so. */
static void empty(struct buf *b)
{
    if (b->cap > KEEP)
        buf_free(b);
    else
        buf_clear(b);
}

static void compact_input(struct resp_client *c)
{
    if (c->in_at == c->in.len)
        empty(&c->in);
    else
        buf_consume(&c->in, c->in_at);
    c->in_at = 0;
}

void resp_client_feed(struct resp_client *c, struct bytes read)
{
    if (c->ending)
        return;
    compact_input(c);
    buf_append(&c->in, read);
}

static struct resp_slot *slot_of(struct resp_client *c, uint64_t request)
{
    return &c->slots[request & (c->slots_cap - 1)];
}

static void grow_slots(struct resp_client *c)
{
    uint32_t cap = c->slots_cap ? c->slots_cap * 2 : SLOTS_FIRST;
    struct resp_slot *slots = must_alloc(cap, sizeof *slots);
    for (uint64_t i = c->head; i < c->next; i++)
        slots[i & (cap - 1)] = *slot_of(c, i);
    free(c->slots);
    c->slots = slots;
    c->slots_cap = cap;
}

static uint64_t open_request(struct resp_client *c)
{
    CHECK(c->next - c->head < RESP_CLIENT_FLIGHT_MAX);
    if (c->next - c->head == c->slots_cap)
        grow_slots(c);
    slot_of(c, c->next)->whole = false;
    return c->next++;
}

static void end_input(struct resp_client *c)
{
    c->ending = true;
    c->in_at = 0;
    buf_free(&c->in);
}

/* Answered here, in its turn; nothing is taken after it. */
static void refuse(struct resp_client *c, const char *why)
{
    uint64_t request = open_request(c);
    resp_client_reply(c, request, bytes_str("-ERR "), true);
    resp_client_reply(c, request, bytes_str(why), true);
    resp_client_reply(c, request, bytes_str("\r\n"), false);
    end_input(c);
}

static bool inline_frame(struct resp_client *c, struct bytes line, struct bytes *frame)
{
    empty(&c->inlined);
    struct resp_writer w = {.cap = resp_inline_size(line.len)};
    w.base = buf_extend(&c->inlined, w.cap);
    int words = resp_inline(line, &w);
    if (words < 0) {
        refuse(c, "Protocol error: unbalanced quotes in request");
        return false;
    }
    *frame = bytes_of(w.base, words > 0 ? w.len : 0);
    return true;
}

/* Takes the next frame out of the input: empty when it says nothing. False: there is none. */
static bool take_frame(struct resp_client *c, struct bytes *frame)
{
    if (c->in_at == c->in.len)
        return false;
    struct bytes left = bytes_of(c->in.base + c->in_at, c->in.len - c->in_at);
    int got = resp_scan(&c->scan, left);
    if (got == 0)
        return false;
    if (got == ERROR_REFUSED) {
        end_input(c);
        return false;
    }
    if (got < 0) {
        refuse(c, c->scan.error);
        return false;
    }
    *frame = bytes_of(left.base, c->scan.at);
    bool array = c->scan.in_array;
    bool nothing = array && c->scan.args == 0;
    c->in_at += c->scan.at;
    c->scan = (struct resp_scan){0};
    if (nothing)
        frame->len = 0;
    return array || inline_frame(c, *frame, frame);
}

static bool is_quit(struct bytes frame)
{
    static const uint8_t head[] = "*1\r\n$4\r\n";
    size_t n = sizeof head - 1;
    if (frame.len != n + 6 || memcmp(frame.base, head, n) != 0)
        return false;
    return resp_word_is(bytes_of(frame.base + n, 4), "quit");
}

static bool may_take(const struct resp_client *c)
{
    return !c->ending && !c->slow && c->next - c->head < RESP_CLIENT_FLIGHT_MAX;
}

bool resp_client_next(struct resp_client *c, uint64_t *request, struct bytes *frame)
{
    while (may_take(c)) {
        if (!take_frame(c, frame))
            return false;
        if (frame->len == 0)
            continue;
        *request = open_request(c);
        if (is_quit(*frame))
            c->ending = true;
        return true;
    }
    return false;
}

static size_t unsent(const struct resp_client *c)
{
    return c->out.len - c->out_at + c->held;
}

/* Replies whose turn has come move to the output. */
static void advance(struct resp_client *c)
{
    while (c->head < c->next) {
        struct resp_slot *s = slot_of(c, c->head);
        if (s->held.len > 0) {
            buf_append(&c->out, buf_bytes(&s->held));
            c->held -= s->held.len;
            empty(&s->held);
        }
        if (!s->whole)
            return;
        c->head++;
    }
}

void resp_client_reply(struct resp_client *c, uint64_t request, struct bytes part, bool more)
{
    CHECK(request >= c->head && request < c->next);
    struct resp_slot *s = slot_of(c, request);
    CHECK(!s->whole);
    s->whole = !more;
    if (request == c->head) {
        buf_append(&c->out, part);
        if (!more) {
            c->head++;
            advance(c);
        }
    } else {
        buf_append(&s->held, part);
        c->held += part.len;
    }
    if (unsent(c) > RESP_CLIENT_OUTPUT_MAX)
        c->slow = true;
}

struct bytes resp_client_output(const struct resp_client *c)
{
    size_t n = c->out.len - c->out_at;
    return n > 0 ? bytes_of(c->out.base + c->out_at, n) : bytes_of(NULL, 0);
}

void resp_client_sent(struct resp_client *c, size_t n)
{
    CHECK(n <= c->out.len - c->out_at);
    c->out_at += n;
    if (c->out_at == c->out.len) {
        empty(&c->out);
        c->out_at = 0;
    } else if (c->out_at > RESP_CLIENT_OUTPUT_LOW && c->out_at > c->out.len / 2) {
        buf_consume(&c->out, c->out_at);
        c->out_at = 0;
    }
    if (c->slow && unsent(c) < RESP_CLIENT_OUTPUT_LOW) {
        c->slow = false;
        c->credit = true;
    }
}

bool resp_client_reading(const struct resp_client *c)
{
    return may_take(c);
}

bool resp_client_credit(struct resp_client *c)
{
    bool credit = c->credit;
    c->credit = false;
    return credit;
}

bool resp_client_finished(const struct resp_client *c)
{
    return c->ending && c->head == c->next && c->out_at == c->out.len;
}
