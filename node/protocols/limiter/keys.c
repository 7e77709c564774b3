/* The states by key and rule: a rule that changes begins anew beside the old one. A key that nobody
 * has asked for in so long that its state is as new may be forgotten, and comes back the same. */
#include "limiter_impl.h"

#include "base/check.h"
#include "base/crc32c.h"

#include <string.h>

enum { BUCKETS_FIRST = 16, TRIES = 32, LOG_MAX = 100000 };

static bool same_rule(const struct limit_rule *a, const struct limit_rule *b)
{
    return a->count == b->count && a->period_ns == b->period_ns && a->burst == b->burst &&
           a->queue == b->queue && a->meter == b->meter && a->whole_seconds == b->whole_seconds;
}

static uint32_t hash_of(struct bytes key, const struct limit_rule *r)
{
    uint64_t numbers[] = {r->count, r->period_ns, r->burst};
    return crc32c(crc32c(0, key.base, key.len), numbers, sizeof numbers);
}

static struct entry *find(const struct keys *keys, uint32_t hash, struct bytes key,
                          const struct limit_rule *r, enum limiter_kind kind)
{
    struct entry *e = keys->n_buckets ? keys->buckets[hash & (keys->n_buckets - 1)] : NULL;
    while (e && !(e->hash == hash && e->limiter.kind == kind && same_rule(&e->rule, r) &&
                  bytes_equal(bytes_of(e->key, e->key_len), key)))
        e = e->next;
    return e;
}

static void unlink_age(struct keys *keys, struct entry *e)
{
    *(e->newer ? &e->newer->older : &keys->newest) = e->older;
    *(e->older ? &e->older->newer : &keys->oldest) = e->newer;
    e->newer = e->older = NULL;
}

static void link_newest(struct keys *keys, struct entry *e)
{
    e->older = keys->newest;
    *(keys->newest ? &keys->newest->newer : &keys->oldest) = e;
    keys->newest = e;
}

static void forget(struct limiter_node *n, struct entry *e)
{
    struct keys *keys = &n->keys;
    struct entry **at = &keys->buckets[e->hash & (keys->n_buckets - 1)];
    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    unlink_age(keys, e);
    keys->n--;
    memory_free(n->memory, e->times);
    memory_free(n->memory, e->others);
    memory_free(n->memory, e);
}

/* Of the keys asked for longest ago, one whose state is as new goes. */
static bool make_room(struct limiter_node *n)
{
    struct entry *e = n->keys.oldest;
    for (uint32_t i = 0; e && i < TRIES; i++, e = e->newer)
        if (!e->first && !e->changed && !e->others &&
            limiter_decide(&e->limiter, &e->rule, n->now, 0).reset_ns == 0) {
            forget(n, e);
            return true;
        }
    return false;
}

static bool grow(struct limiter_node *n)
{
    struct keys *keys = &n->keys;
    uint32_t n_buckets = keys->n_buckets ? 2 * keys->n_buckets : BUCKETS_FIRST;
    struct entry **buckets = memory_alloc(n->memory, n_buckets * sizeof *buckets);
    if (!buckets)
        return keys->n_buckets > 0;
    for (uint32_t i = 0; i < keys->n_buckets; i++)
        for (struct entry *e = keys->buckets[i]; e;) {
            struct entry *next = e->next;
            struct entry **at = &buckets[e->hash & (n_buckets - 1)];
            e->next = *at;
            *at = e;
            e = next;
        }
    memory_free(n->memory, keys->buckets);
    keys->buckets = buckets;
    keys->n_buckets = n_buckets;
    return true;
}

static struct entry *make(struct limiter_node *n, uint32_t hash, struct bytes key,
                          const struct limit_rule *r, enum limiter_kind kind)
{
    struct keys *keys = &n->keys;
    if ((keys->n >= n->rules.keys && !make_room(n)) || (keys->n >= keys->n_buckets && !grow(n)))
        return NULL;
    size_t storage = limiter_storage(kind, r);
    struct entry *e = memory_alloc(n->memory, sizeof *e + key.len);
    uint64_t *times = e && storage ? memory_alloc(n->memory, storage) : NULL;
    if (!e || (storage && !times)) {
        memory_free(n->memory, e);
        return NULL;
    }
    e->hash = hash;
    e->rule = *r;
    e->times = times;
    e->key_len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(e->key, key.base, key.len);
    limiter_init(&e->limiter, kind, r, n->now, times);
    struct entry **at = &keys->buckets[hash & (keys->n_buckets - 1)];
    e->next = *at;
    *at = e;
    link_newest(keys, e);
    keys->n++;
    return e;
}

struct entry *keys_obtain(struct limiter_node *n, struct bytes key, const struct limit_rule *r,
                          enum limiter_kind kind)
{
    if (!limit_rule_ok(r) || key.len > KEY_MAX ||
        (kind == LIMITER_SLIDING_LOG && r->count > LOG_MAX))
        return NULL;
    uint32_t hash = hash_of(key, r);
    struct entry *e = find(&n->keys, hash, key, r, kind);
    if (!e)
        return make(n, hash, key, r, kind);
    if (n->keys.newest != e) {
        unlink_age(&n->keys, e);
        link_newest(&n->keys, e);
    }
    return e;
}

void keys_check(const struct keys *keys)
{
    uint32_t n = 0;
    for (const struct entry *e = keys->newest; e; e = e->older, n++) {
        CHECK((e->older ? e->older->newer : keys->oldest) == e);
        CHECK((e->first != NULL) == (limiter_waiting(&e->limiter) > 0));
    }
    CHECK(n == keys->n);
}
