#include "machine/session.h"

#include "base/check.h"
#include "machine/machine_impl.h"

#include <string.h>

static struct session *find(const struct sessions *all, lsn name, struct session **before)
{
    *before = NULL;
    for (struct session *s = all->first; s; s = s->next) {
        if (s->name == name)
            return s;
        *before = s;
    }
    return NULL;
}

static void take_out(struct sessions *all, struct session *s, struct session *before)
{
    if (before)
        before->next = s->next;
    else
        all->first = s->next;
    if (all->last == s)
        all->last = before;
    s->next = NULL;
    all->n--;
}

static void put_last(struct sessions *all, struct session *s)
{
    if (all->last)
        all->last->next = s;
    else
        all->first = s;
    all->last = s;
    all->n++;
}

static void forget_oldest(struct session *s, struct memory *memory)
{
    struct kept_reply *k = s->replies;
    s->replies = k->next;
    if (!s->replies)
        s->replies_end = NULL;
    s->n--;
    s->bytes -= k->len;
    memory_free(memory, k);
}

static void end_session(struct sessions *all, struct session *s, struct session *before,
                        struct memory *memory)
{
    take_out(all, s, before);
    while (s->replies)
        forget_oldest(s, memory);
    memory_free(memory, s);
}

void sessions_clear(struct sessions *all, struct memory *memory)
{
    while (all->first)
        end_session(all, all->first, NULL, memory);
}

/* Replicas forget alike by their bounds, so memory that ends here ends the process. */
static void *must_lend(struct memory *memory, size_t n)
{
    void *p = memory_alloc(memory, n);
    CHECK(p);
    return p;
}

struct session *session_add(struct sessions *all, lsn name, struct memory *memory)
{
    struct session *s = must_lend(memory, sizeof *s);
    s->name = s->used = name;
    put_last(all, s);
    return s;
}

void session_open(struct sessions *all, lsn at, struct memory *memory)
{
    if (all->n == SESSIONS_MAX)
        end_session(all, all->first, NULL, memory);
    (void)session_add(all, at, memory);
}

/* Replies that have arrived are asked for no more. */
static void drop_answered(struct session *s, uint64_t answered, struct memory *memory)
{
    while (s->replies && s->replies->sequence <= answered)
        forget_oldest(s, memory);
    if (answered > s->forgotten)
        s->forgotten = answered;
}

enum machine_outcome session_look(struct sessions *all, const struct session_ticket *t, lsn at,
                                  struct memory *memory, struct bytes *kept)
{
    struct session *before;
    struct session *s = find(all, t->session, &before);
    if (!s)
        return MACHINE_UNKNOWN;
    take_out(all, s, before);
    put_last(all, s);
    s->used = at;
    drop_answered(s, t->answered, memory);
    if (t->sequence <= s->forgotten)
        return MACHINE_UNKNOWN;
    for (const struct kept_reply *k = s->replies; k && k->sequence <= t->sequence; k = k->next)
        if (k->sequence == t->sequence) {
            *kept = bytes_of(k->bytes, k->len);
            return MACHINE_REPEATED;
        }
    return MACHINE_DONE;
}

static void forget_too_many(struct session *s, struct memory *memory)
{
    while (s->n > SESSION_REPLIES_MAX || (s->bytes > SESSION_BYTES_MAX && s->n > 1)) {
        s->forgotten = s->replies->sequence;
        forget_oldest(s, memory);
    }
}

static void link_reply(struct session *s, struct kept_reply *k)
{
    struct kept_reply **at = &s->replies;
    if (s->replies_end && s->replies_end->sequence < k->sequence)
        at = &s->replies_end->next;
    while (*at && (*at)->sequence < k->sequence)
        at = &(*at)->next;
    k->next = *at;
    *at = k;
    if (!k->next)
        s->replies_end = k;
    s->n++;
    s->bytes += k->len;
    if (k->sequence > s->newest)
        s->newest = k->sequence;
}

void session_add_reply(struct session *s, uint64_t sequence, const struct body *reply, size_t size,
                       struct memory *memory)
{
    struct kept_reply *k = must_lend(memory, sizeof *k + size);
    k->sequence = sequence;
    for (uint32_t i = 0; i < reply->n; i++) {
        struct bytes b = reply->slices[i].memory;
        CHECK(b.len <= size - k->len);
        memcpy(k->bytes + k->len, b.base, b.len);
        k->len += (uint32_t)b.len;
    }
    link_reply(s, k);
}

void session_keep(struct sessions *all, const struct session_ticket *t, const struct body *reply,
                  size_t size, struct memory *memory)
{
    struct session *s = all->last; /* As session_look() left it. */
    CHECK(s && s->name == t->session);
    session_add_reply(s, t->sequence, reply, size, memory);
    forget_too_many(s, memory);
}

static uint64_t digest_of(const struct session *s)
{
    uint64_t h = mix(mix(s->name, s->used), mix(s->forgotten, s->newest));
    for (const struct kept_reply *k = s->replies; k; k = k->next)
        h = mix(mix(h, k->sequence), table_hash(bytes_of(k->bytes, k->len)));
    return h;
}

uint64_t sessions_digest(const struct sessions *all)
{
    uint64_t h = all->n;
    for (const struct session *s = all->first; s; s = s->next)
        h = mix(h, digest_of(s));
    return h;
}

static void check_session(const struct session *s)
{
    uint64_t last = s->forgotten;
    uint32_t n = 0;
    size_t bytes = 0;
    for (const struct kept_reply *k = s->replies; k; k = k->next) {
        CHECK(k->sequence > last && k->sequence <= s->newest);
        CHECK(k->next || k == s->replies_end);
        last = k->sequence;
        bytes += k->len;
        n++;
    }
    CHECK(n == s->n && bytes == s->bytes && n <= SESSION_REPLIES_MAX);
}

void sessions_check(const struct sessions *all)
{
    uint32_t n = 0;
    for (const struct session *s = all->first; s; s = s->next) {
        CHECK(!s->next || s->next->used > s->used);
        check_session(s);
        n++;
    }
    CHECK(n == all->n && n <= SESSIONS_MAX);
}
