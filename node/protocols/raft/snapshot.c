/* Snapshots of the machine (paper, 7). One is saved a chunk a step while commands are applied, and
 * kept in memory beside its copy on disk, for followers that need it. */
#include "base/check.h"
#include "base/wire.h"
#include "raft_impl.h"

#include <string.h>

/* Fields of Snapshot in raft.proto. */
enum { SNAPSHOT_INDEX = 1, SNAPSHOT_TERM, SNAPSHOT_MEMBERS, SNAPSHOT_MEMBERS_INDEX };
enum { SNAPSHOT_CHUNKS = 6 };

enum { CHUNK = 64 << 10, DIGEST_MAX = 1 << 20 };

void image_free(struct raft *r, struct image *i)
{
    memory_free(r->memory, i->bytes);
    *i = (struct image){0};
}

/* False: the memory does not suffice. */
static bool put(struct raft *r, struct image *i, struct bytes b)
{
    if (b.len > i->cap - i->len) {
        size_t cap = 2 * (i->len + b.len);
        uint8_t *larger = memory_resize(r->memory, i->bytes, cap);
        if (!larger)
            return false;
        i->bytes = larger;
        i->cap = cap;
    }
    if (b.len > 0)
        memcpy(i->bytes + i->len, b.base, b.len);
    i->len += b.len;
    return true;
}

static bool put_chunk(struct raft *r, struct image *i, struct bytes chunk)
{
    uint8_t head[1 + WIRE_VARINT_MAX];
    size_t n = 0;
    head[n++] = SNAPSHOT_CHUNKS << 3 | WIRE_BYTES;
    uint64_t len = chunk.len;
    for (; len >= 0x80; len >>= 7)
        head[n++] = (uint8_t)(len | 0x80);
    head[n++] = (uint8_t)len;
    return put(r, i, bytes_of(head, n)) && put(r, i, chunk);
}

static bool put_head(struct raft *r, struct image *i, struct out *out)
{
    const struct membership *at = membership_at(r, i->index);
    Raft__Snapshot m = RAFT__SNAPSHOT__INIT;
    m.index = i->index;
    m.term = i->term;
    m.members = (Raft__Members *)(uintptr_t)members_message(&at->members, out);
    m.members_index = at->index;
    struct body packed = out_pack(out, &m.base);
    return packed.n == 1 && put(r, i, packed.slices[0].memory);
}

static void give_up(struct raft *r)
{
    if (r->is_saving)
        machine_save_end(&r->saving);
    r->is_saving = false;
    image_free(r, &r->next_image);
}

uint64_t small_digest(const struct raft *r)
{
    return r->machine.table.bytes < DIGEST_MAX ? machine_digest(&r->machine) : 0;
}

void snapshot_begin(struct raft *r, struct out *out)
{
    if (r->is_saving || r->applied <= r->image.index)
        return;
    r->applied_bytes = 0; /* Should it fail: the next try comes as much later. */
    if (!machine_save(&r->machine, &r->saving))
        return;
    r->is_saving = true;
    r->next_image =
        (struct image){.index = r->applied, .term = entries_term(&r->entries, r->applied)};
    r->saving_digest = small_digest(r);
    if (!put_head(r, &r->next_image, out))
        give_up(r);
}

void trace_compacted(struct raft *r, uint64_t digest, node_id from, struct out *out)
{
    Raft__Compacted m = RAFT__COMPACTED__INIT;
    m.index = r->image.index;
    m.term = r->image.term;
    m.bytes = r->image.len;
    m.digest = digest;
    m.from = from;
    m.first_index = r->entries.base + 1;
    out_trace(out, &m.base);
}

/* Entries that the snapshot stands for stay a while, for followers that lag. */
static void forget_entries(struct raft *r)
{
    lsn to = r->entries.base;
    uint64_t bytes = 0;
    for (lsn i = to + 1; i <= r->image.index; i++)
        bytes += entries_at(&r->entries, i)->len;
    for (; to < r->image.index && bytes > r->settings->keep_bytes; to++)
        bytes -= entries_at(&r->entries, to + 1)->len;
    entries_forget_to(&r->entries, to);
    members_compacted(r, to);
}

static void complete(struct raft *r, struct out *out)
{
    machine_save_end(&r->saving);
    r->is_saving = false;
    image_free(r, &r->image);
    r->image = r->next_image;
    r->next_image = (struct image){0};
    struct slice slice = {.kind = SLICE_MEMORY, .memory = bytes_of(r->image.bytes, r->image.len)};
    out_snapshot(out, LOG_LOG, r->image.index, (struct body){&slice, 1});
    forget_entries(r);
    trace_compacted(r, r->saving_digest, NODE_NONE, out);
}

void snapshot_work(struct raft *r, struct out *out)
{
    uint64_t every = r->settings->snapshot_bytes;
    if (!r->is_saving && every > 0 && r->applied_bytes >= every)
        snapshot_begin(r, out);
    if (!r->is_saving)
        return;
    struct bytes chunk;
    int more = machine_save_chunk(&r->saving, CHUNK, out->arena, &chunk);
    if (more < 0 || (more > 0 && !put_chunk(r, &r->next_image, chunk)))
        give_up(r);
    else if (more == 0)
        complete(r, out);
    if (r->is_saving)
        r->flush_at = r->now;
}

bool image_read(struct bytes packed, struct image_head *head)
{
    *head = (struct image_head){0};
    const uint8_t *at = packed.base;
    const uint8_t *end = wire_end(packed);
    struct wire_field f;
    bool members = false;
    while (at < end) {
        at = wire_next(at, end, &f);
        if (!at)
            return false;
        if (f.number == SNAPSHOT_INDEX && f.type == WIRE_VARINT)
            head->index = f.value;
        else if (f.number == SNAPSHOT_TERM && f.type == WIRE_VARINT)
            head->term = f.value;
        else if (f.number == SNAPSHOT_MEMBERS_INDEX && f.type == WIRE_VARINT)
            head->members_index = f.value;
        else if (f.number == SNAPSHOT_MEMBERS && f.type == WIRE_BYTES)
            members = members_parse(f.bytes, &head->members);
    }
    return members && head->index > 0 && head->term > 0 && head->members_index <= head->index;
}

bool image_load(struct raft *r, struct bytes packed, const struct image_head *head)
{
    struct loading loading = {0};
    int state = 0;
    give_up(r);
    machine_load(&r->machine, &loading, head->index);
    const uint8_t *at = packed.base;
    const uint8_t *end = wire_end(packed);
    struct wire_field f;
    while (state == 0 && at && at < end) {
        at = wire_next(at, end, &f);
        if (at && f.number == SNAPSHOT_CHUNKS && f.type == WIRE_BYTES)
            state = machine_load_chunk(&loading, f.bytes);
    }
    return state == 1 && at == end;
}

void machine_restart(struct raft *r)
{
    struct bytes packed = bytes_of(r->image.bytes, r->image.len);
    struct image_head head = {0};
    bool ours =
        r->image.index == LSN_NONE || (image_read(packed, &head) && image_load(r, packed, &head));
    CHECK(ours); /* We made it, or took it before. */
    if (r->image.index == LSN_NONE) {
        struct loading nothing = {0};
        give_up(r);
        machine_load(&r->machine, &nothing, 0);
    }
    r->applied = r->image.index;
}
