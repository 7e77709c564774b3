#include "base/ledger.h"

#include "base/check.h"

#include <string.h>

/* No honest file has more unsynced bytes; a scribbled position must not keep us busy for hours. */
static const uint64_t unsynced_max = UINT64_C(1) << 34;

static bool name_ok(const char *name)
{
    size_t n = strnlen(name, LEDGER_NAME_MAX);
    return n > 0 && n < LEDGER_NAME_MAX && name[0] != '/' && strstr(name, "..") == NULL;
}

struct ledger_file *ledger_open(struct ledger *l, const char *name)
{
    CHECK(name_ok(name));
    struct ledger_file *unused = NULL;
    for (int i = 0; i < LEDGER_FILES_MAX; i++) {
        struct ledger_file *f = &l->files[i];
        if (!atomic_load(&f->used))
            unused = unused ? unused : f;
        else if (strncmp(f->name, name, LEDGER_NAME_MAX) == 0)
            return f;
    }
    if (!unused)
        return NULL;
    memset(unused->name, 0, sizeof unused->name);
    memcpy(unused->name, name, strlen(name));
    atomic_store(&unused->synced, 0);
    atomic_store(&unused->written, 0);
    atomic_store(&unused->used, 1);
    return unused;
}

void ledger_close(struct ledger_file *f)
{
    atomic_store(&f->used, 0);
}

struct loss {
    const char *name;
    void (*lose)(void *ctx, const char *name, uint64_t from, uint64_t to);
    void *ctx;
    uint64_t bytes;
};

static void lose_range(struct loss *loss, uint64_t from, uint64_t to)
{
    if (from == to)
        return;
    loss->lose(loss->ctx, loss->name, from, to);
    loss->bytes += to - from;
}

/* Neighbouring lost blocks make one range. */
static void lose_blocks(struct loss *loss, uint64_t from, uint64_t to, struct random *random)
{
    uint64_t begin = from; /* Of the lost range that grows; empty when begin == at. */
    for (uint64_t at = from; at < to;) {
        uint64_t end = (at / LEDGER_BLOCK + 1) * LEDGER_BLOCK;
        end = end < to ? end : to;
        if (!random_chance(random, 0.5)) {
            lose_range(loss, begin, at);
            begin = end;
        }
        at = end;
    }
    lose_range(loss, begin, to);
}

uint64_t ledger_power_cut(const struct ledger *l, bool torn, struct random *random,
                          void (*lose)(void *ctx, const char *name, uint64_t from, uint64_t to),
                          void *ctx)
{
    uint64_t bytes = 0;
    for (int i = 0; i < LEDGER_FILES_MAX; i++) {
        const struct ledger_file *f = &l->files[i];
        if (!atomic_load(&f->used))
            continue;
        char name[LEDGER_NAME_MAX];
        memcpy(name, f->name, sizeof name);
        uint64_t synced = atomic_load(&f->synced);
        uint64_t written = atomic_load(&f->written);
        if (!name_ok(name) || written <= synced || written - synced > unsynced_max)
            continue;
        struct loss loss = {name, lose, ctx, 0};
        if (torn)
            lose_blocks(&loss, synced, written, random);
        else
            lose_range(&loss, synced, written);
        bytes += loss.bytes;
    }
    return bytes;
}
