/* Recovery. The images come first, since "pages" is declared first: of each page the newest counts.
 * Then each record of the wal is applied to those pages whose image does not contain it. Records
 * hold values, not operations, so it does not matter if one is applied twice. */
#include "kv_impl.h"

#include "base/check.h"

#include <stdio.h>

void kv_need_table(struct kv *kv, uint32_t pages)
{
    if (!kv->machine.table.pages)
        machine_init(&kv->machine, kv->memory, pages);
}

static struct bytes bytes_in(ProtobufCBinaryData d)
{
    return bytes_of(d.data, d.len);
}

static void drop(struct kv *kv, const struct input *in, struct out *out)
{
    kv->recovery.malformed++;
    out_violation(out, NODE_NONE,
                  in->record.log == LOG_WAL ? "a record of the wal makes no sense"
                                            : "a record of the pages makes no sense",
                  in->record.body);
}

static struct change change_of(const Kv__Write *w)
{
    return (struct change){
        .key = bytes_in(w->key),
        .value = bytes_in(w->value),
        .expires_ms = (int64_t)(w->expires_ms & INT64_MAX),
        .deleted = w->deleted,
        .everything = w->everything,
    };
}

static bool image_ok(const struct kv *kv, const Kv__Page *image)
{
    if (image->pages == 0 || image->pages > TABLE_PAGES_MAX || image->number >= image->pages)
        return false;
    if (kv->machine.table.pages && kv->machine.table.n != image->pages)
        return false;
    for (size_t i = 0; i < image->n_entries; i++)
        if (table_hash(bytes_in(image->entries[i]->key)) % image->pages != image->number)
            return false;
    return true;
}

static void recover_image(struct kv *kv, const struct input *in, struct out *out)
{
    const Kv__Page *image =
        (const Kv__Page *)(const void *)out_unpack(out, &kv__page__descriptor, in->record.body);
    if (in->record.type != RECORD_PAGE || !image || !image_ok(kv, image)) {
        drop(kv, in, out);
        return;
    }
    kv_need_table(kv, image->pages);
    struct page *p = &kv->machine.table.pages[image->number];
    table_empty_page(&kv->machine.table, p);
    for (size_t i = 0; i < image->n_entries; i++) {
        struct change c = change_of(image->entries[i]);
        machine_redo(&kv->machine, &c, image->lsn);
    }
    p->at = p->imaged = image->lsn;
    p->image = in->record.at;
    p->first = LSN_NONE;
}

/* Whether the page lacks what the record did to it. */
static bool lacks(const struct page *p, lsn at)
{
    return at > p->imaged;
}

static bool replay_everything(struct kv *kv, lsn at)
{
    bool any = false;
    for (uint32_t i = 0; i < kv->machine.table.n; i++) {
        struct page *p = &kv->machine.table.pages[i];
        if (!lacks(p, at) || p->keys == 0)
            continue;
        table_empty_page(&kv->machine.table, p);
        table_touch(p, at);
        any = true;
    }
    return any;
}

static bool replay(struct kv *kv, const Kv__Write *w, lsn at)
{
    if (w->everything)
        return replay_everything(kv, at);
    struct page *p = table_page(&kv->machine.table, table_hash(bytes_in(w->key)));
    if (!lacks(p, at))
        return false;
    struct change c = change_of(w);
    machine_redo(&kv->machine, &c, at);
    return true;
}

static void recover_change(struct kv *kv, const struct input *in, struct out *out)
{
    const Kv__Change *m =
        (const Kv__Change *)(const void *)out_unpack(out, &kv__change__descriptor, in->record.body);
    if (!m) {
        drop(kv, in, out);
        return;
    }
    bool any = false;
    for (size_t i = 0; i < m->n_writes; i++)
        any = replay(kv, m->writes[i], in->record.at) || any;
    if (any)
        kv->recovery.replayed++;
    else
        kv->recovery.skipped++;
    checkpoint_logged(kv, in->record.body.len);
}

static void recover_end(struct kv *kv, const struct input *in, struct out *out)
{
    const Kv__CheckpointEnd *m = (const Kv__CheckpointEnd *)(const void *)out_unpack(
        out, &kv__checkpoint_end__descriptor, in->record.body);
    if (m)
        kv->checkpoint.replay_from = m->replay_from;
    else
        drop(kv, in, out);
}

void recover_record(struct kv *kv, const struct input *in, struct out *out)
{
    uint32_t log = in->record.log;
    CHECK(log == LOG_PAGES || log == LOG_WAL);
    kv->last[log] = kv->written[log] = kv->durable[log] = in->record.at;
    if (log == LOG_PAGES) {
        recover_image(kv, in, out);
        return;
    }
    kv_need_table(kv, kv->settings->pages);
    if (in->kind == INPUT_RECORD && in->record.type == RECORD_CHANGE)
        recover_change(kv, in, out);
    else if (in->kind == INPUT_RECORD && in->record.type == RECORD_CHECKPOINT_END)
        recover_end(kv, in, out);
    else
        drop(kv, in, out);
}

void recover_done(struct kv *kv, struct out *out)
{
    kv_need_table(kv, kv->settings->pages);
    kv->started = true;
    Kv__RecoveryDone m = KV__RECOVERY_DONE__INIT;
    for (uint32_t i = 0; i < kv->machine.table.n; i++)
        m.pages += kv->machine.table.pages[i].image != LSN_NONE;
    m.replayed = kv->recovery.replayed;
    m.skipped = kv->recovery.skipped;
    m.malformed = kv->recovery.malformed;
    m.last_lsn = kv->last[LOG_WAL];
    m.keys = kv->machine.table.keys;
    out_trace(out, &m.base);
}
