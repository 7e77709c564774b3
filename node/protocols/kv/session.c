#include "kv_impl.h"

#include "base/check.h"

#include <string.h>

enum { BUCKETS_FIRST = 16 };

static struct session **bucket(const struct sessions *all, client_id client)
{
    /* Connections are numbered in order, so the low bits spread well. */
    return &all->buckets[client & (all->n_buckets - 1)];
}

static struct session **place(const struct sessions *all, client_id client)
{
    if (all->n_buckets == 0)
        return NULL;
    struct session **at = bucket(all, client);
    while (*at && (*at)->client != client)
        at = &(*at)->next;
    return at;
}

struct session *session_find(struct kv *kv, client_id client)
{
    struct session **at = place(&kv->sessions, client);
    return at ? *at : NULL;
}

static bool grow(struct kv *kv)
{
    struct sessions *all = &kv->sessions;
    struct sessions larger = *all;
    larger.n_buckets = all->n_buckets ? all->n_buckets * 2 : BUCKETS_FIRST;
    larger.buckets = memory_alloc(kv->memory, larger.n_buckets * sizeof *larger.buckets);
    if (!larger.buckets)
        return all->n_buckets > 0;
    for (uint32_t i = 0; i < all->n_buckets; i++)
        for (struct session *s = all->buckets[i]; s;) {
            struct session *next = s->next;
            struct session **at = bucket(&larger, s->client);
            s->next = *at;
            *at = s;
            s = next;
        }
    memory_free(kv->memory, all->buckets);
    *all = larger;
    return true;
}

struct session *session_open(struct kv *kv, client_id client)
{
    struct sessions *all = &kv->sessions;
    if (all->n >= all->n_buckets && !grow(kv))
        return NULL;
    struct session *s = memory_alloc(kv->memory, sizeof *s);
    if (!s)
        return NULL;
    struct session **at = bucket(all, client);
    s->client = client;
    s->next = *at;
    *at = s;
    all->n++;
    return s;
}

static void *lend(struct kv *kv, size_t n)
{
    if (n > SESSIONS_MEMORY_MAX - kv->sessions.memory)
        return NULL;
    void *p = memory_alloc(kv->memory, n);
    if (p)
        kv->sessions.memory += n;
    return p;
}

static void take_back(struct kv *kv, void *p, size_t n)
{
    CHECK(kv->sessions.memory >= n);
    kv->sessions.memory -= n;
    memory_free(kv->memory, p);
}

bool session_queue(struct kv *kv, struct session *s, struct bytes frame)
{
    struct queued *q = lend(kv, sizeof *q + frame.len);
    if (!q)
        return false;
    q->next = NULL;
    q->len = (uint32_t)frame.len;
    memcpy(q->frame, frame.base, frame.len);
    if (s->queue_end)
        s->queue_end->next = q;
    else
        s->queue = q;
    s->queue_end = q;
    s->queued++;
    return true;
}

bool session_watch(struct kv *kv, struct session *s, struct bytes key)
{
    for (const struct watch *w = s->watches; w; w = w->next)
        if (bytes_equal(bytes_of(w->key, w->len), key))
            return true;
    struct watch *w = lend(kv, sizeof *w + key.len);
    if (!w)
        return false;
    const struct entry *e = table_find(&kv->table, key);
    w->at = e ? e->at : LSN_NONE;
    w->len = (uint32_t)key.len;
    if (key.len > 0)
        memcpy(w->key, key.base, key.len);
    w->next = s->watches;
    s->watches = w;
    return true;
}

bool session_watch_broken(const struct kv *kv, const struct session *s)
{
    for (const struct watch *w = s->watches; w; w = w->next) {
        const struct entry *e = table_find(&kv->table, bytes_of(w->key, w->len));
        if ((e ? e->at : LSN_NONE) != w->at)
            return true;
    }
    return false;
}

void session_unwatch(struct kv *kv, struct session *s)
{
    while (s->watches) {
        struct watch *w = s->watches;
        s->watches = w->next;
        take_back(kv, w, sizeof *w + w->len);
    }
}

void session_end_multi(struct kv *kv, struct session *s)
{
    if (s->queue_end) {
        s->queue_end->next = kv->retired;
        kv->retired = s->queue;
    }
    s->queue = s->queue_end = NULL;
    s->queued = 0;
    s->multi = s->dirty = false;
}

void session_free_retired(struct kv *kv)
{
    while (kv->retired) {
        struct queued *q = kv->retired;
        kv->retired = q->next;
        take_back(kv, q, sizeof *q + q->len);
    }
}

void session_close(struct kv *kv, client_id client)
{
    struct session **at = place(&kv->sessions, client);
    if (!at || !*at)
        return;
    struct session *s = *at;
    session_end_multi(kv, s);
    session_unwatch(kv, s);
    *at = s->next;
    kv->sessions.n--;
    memory_free(kv->memory, s);
}
