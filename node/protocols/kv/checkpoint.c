/* Checkpoints: the images of changed pages go to the log "pages", a few at a time, so that the wal
 * can be shortened. Each batch goes when the one before it is durable; nobody waits for them.
 *
 * The log of images shrinks too: images so old that they hold back more than RENEW_AT logs' worth
 * are written again, so it never keeps more than a few images for each page that has one. */
#include "kv_impl.h"

#include "base/check.h"

enum { BATCH_BYTES = 256 << 10, RENEW_AT = 3 };

static const struct fsm_state states[] = {
    [CHECKPOINT_IDLE] = {"idle", 1u << CHECKPOINT_WRITING},
    [CHECKPOINT_WRITING] = {"writing images", 1u << CHECKPOINT_WAITING},
    [CHECKPOINT_WAITING] = {"waiting for the disk", 1u << CHECKPOINT_IDLE},
};

const struct fsm_table kv_checkpoint_table = {"checkpoint", states, 3};

static void move(struct kv *kv, enum checkpoint_state next, struct out *out)
{
    fsm_move(&kv->checkpoint.state, (uint8_t)next, &kv_checkpoint_table, 0, out);
}

void checkpoint_logged(struct kv *kv, size_t bytes)
{
    kv->checkpoint.bytes += bytes;
}

/* An image that is older than this many records of "pages" is written again. */
static lsn renew_below(const struct kv *kv, uint32_t dirty)
{
    uint32_t images = 0;
    for (uint32_t i = 0; i < kv->machine.table.n; i++)
        images += kv->machine.table.pages[i].image != LSN_NONE;
    uint64_t kept = (uint64_t)RENEW_AT * images;
    uint64_t then = kv->last[LOG_PAGES] + dirty;
    return then > kept ? then - kept : 0;
}

void checkpoint_begin(struct kv *kv, struct out *out)
{
    struct checkpoint *c = &kv->checkpoint;
    if (c->state != CHECKPOINT_IDLE)
        return;
    Kv__Checkpoint m = KV__CHECKPOINT__INIT;
    for (uint32_t i = 0; i < kv->machine.table.n; i++)
        m.dirty += kv->machine.table.pages[i].first != LSN_NONE;
    c->begin = kv->last[LOG_WAL];
    c->next = 0;
    c->bytes = 0;
    c->renew_below = renew_below(kv, m.dirty);
    m.begin_lsn = c->begin;
    out_trace(out, &m.base);
    move(kv, CHECKPOINT_WRITING, out);
}

/* The write-ahead rule: the image waits until the wal is durable up to the page's newest change. */
static void write_image(struct kv *kv, uint32_t number, struct out *out)
{
    struct page *p = &kv->machine.table.pages[number];
    struct body body = pack_page(out, p, number, kv->machine.table.n);
    CHECK(body.n > 0); /* TABLE_PAGE_MAX is below what a step may take. */
    lsn at = kv->flaw_pages ? out_append(out, LOG_PAGES, RECORD_PAGE, body)
                            : out_append_after(out, LOG_PAGES, LOG_WAL, RECORD_PAGE, body);
    kv->last[LOG_PAGES] = at;
    p->image = at;
    p->imaged = p->at;
    p->first = LSN_NONE;
    Kv__PageFlush m = KV__PAGE_FLUSH__INIT;
    m.page = number;
    m.page_lsn = p->at;
    m.durable_lsn = kv->flaw_pages ? kv->durable[LOG_WAL] : kv->last[LOG_WAL];
    m.image_lsn = at;
    if (kv->flaw_pages)
        out_trace(out, &m.base);
    else
        out_trace_held(out, &m.base);
}

static bool wants_image(const struct checkpoint *c, const struct page *p)
{
    return p->first != LSN_NONE || (p->image != LSN_NONE && p->image < c->renew_below);
}

static void write_batch(struct kv *kv, struct out *out)
{
    struct checkpoint *c = &kv->checkpoint;
    for (uint64_t bytes = 0; c->next < kv->machine.table.n && bytes < BATCH_BYTES; c->next++) {
        const struct page *p = &kv->machine.table.pages[c->next];
        if (!wants_image(c, p))
            continue;
        bytes += p->bytes + (uint64_t)p->keys * TABLE_ENTRY_EXTRA + 4096;
        write_image(kv, c->next, out);
    }
    if (c->next == kv->machine.table.n)
        move(kv, CHECKPOINT_WAITING, out);
}

/* Every image written so far is durable: what no page lacks may go, of both logs. */
static void end(struct kv *kv, struct out *out)
{
    lsn replay_from = kv->last[LOG_WAL] + 1;
    lsn oldest_image = kv->last[LOG_PAGES] + 1;
    for (uint32_t i = 0; i < kv->machine.table.n; i++) {
        const struct page *p = &kv->machine.table.pages[i];
        if (p->first != LSN_NONE && p->first < replay_from)
            replay_from = p->first;
        if (p->image != LSN_NONE && p->image < oldest_image)
            oldest_image = p->image;
    }
    Kv__CheckpointEnd record = KV__CHECKPOINT_END__INIT;
    record.replay_from = replay_from;
    kv->last[LOG_WAL] =
        out_append(out, LOG_WAL, RECORD_CHECKPOINT_END, out_pack(out, &record.base));
    out_truncate_before(out, LOG_WAL, replay_from);
    if (kv->last[LOG_PAGES] > 0)
        out_truncate_before(out, LOG_PAGES, oldest_image);
    kv->checkpoint.replay_from = replay_from;
    Kv__Checkpoint m = KV__CHECKPOINT__INIT;
    m.begin_lsn = kv->checkpoint.begin;
    m.done = true;
    m.replay_from = replay_from;
    out_trace(out, &m.base);
    move(kv, CHECKPOINT_IDLE, out);
}

void checkpoint_step(struct kv *kv, struct out *out)
{
    struct checkpoint *c = &kv->checkpoint;
    uint64_t every = kv->settings->checkpoint_bytes;
    if (c->state == CHECKPOINT_IDLE && every > 0 && c->bytes >= every)
        checkpoint_begin(kv, out);
    if (kv->durable[LOG_PAGES] < kv->last[LOG_PAGES])
        return;
    if (c->state == CHECKPOINT_WRITING)
        write_batch(kv, out);
    else if (c->state == CHECKPOINT_WAITING)
        end(kv, out);
}
