/* "Although servers normally take snapshots independently, the leader must occasionally send
 * snapshots to followers that lag behind" (paper, 7), in chunks, each once the one before has
 * arrived. A message without data keeps a follower from electing another meanwhile. */
#include "base/check.h"
#include "raft_impl.h"

#include <string.h>

enum { SNAPSHOT_MAX = 512 << 20 };

static void send_chunk(struct raft *r, struct peer *p, bool data, struct out *out)
{
    Raft__InstallSnapshot m = RAFT__INSTALL_SNAPSHOT__INIT;
    size_t left = r->image.len - p->offset;
    size_t n = left < r->settings->chunk_bytes ? left : r->settings->chunk_bytes;
    m.term = r->term;
    m.index = r->image.index;
    m.offset = p->offset;
    m.size = r->image.len;
    m.round = r->round;
    if (data) {
        m.data = bytes_data(bytes_of(r->image.bytes + p->offset, n));
        p->sent_at = r->now;
    }
    p->rounded = r->round_sent = r->round;
    SEND(out, p->id, install_snapshot, INSTALL_SNAPSHOT, &m);
}

void send_snapshot(struct raft *r, struct peer *p, struct out *out)
{
    CHECK(r->image.index > LSN_NONE);
    bool anew = p->snapshot != r->image.index;
    if (anew) {
        p->snapshot = r->image.index;
        p->offset = 0;
    }
    bool lost = r->now - p->sent_at >= ms(r->settings->election_ms_max);
    send_chunk(r, p, (anew || lost) && p->offset < r->image.len, out);
}

void receive_snapshot_received(struct raft *r, node_id from, const Raft__SnapshotReceived *m,
                               struct out *out)
{
    if (m->term > r->term) {
        become_follower(r, m->term, NODE_NONE, from, out);
        return;
    }
    struct peer *p = peer_find(r, from);
    if (r->role != ROLE_LEADER || m->term < r->term || !p || m->round > r->round)
        return;
    peer_heard(r, p, m->round);
    if (p->progress != PROGRESS_SNAPSHOT || m->index != p->snapshot ||
        p->snapshot != r->image.index || m->installed || m->offset >= r->image.len)
        return;
    if (m->offset == p->offset && r->now - p->sent_at < ms(r->settings->election_ms_max))
        return; /* The answer to the chunk is still on its way. */
    p->offset = m->offset;
    send_chunk(r, p, true, out);
}

static void reply(struct raft *r, node_id to, const Raft__InstallSnapshot *asked, struct out *out)
{
    Raft__SnapshotReceived m = RAFT__SNAPSHOT_RECEIVED__INIT;
    m.term = r->term;
    m.index = asked->index;
    m.installed = asked->index <= r->commit;
    m.offset = r->incoming.index == asked->index ? r->incoming.len : 0;
    m.round = asked->term == r->term ? asked->round : 0;
    SEND(out, to, snapshot_received, SNAPSHOT_RECEIVED, &m);
}

/* "If existing log entry has same index and term as snapshot's last included entry, retain log
 * entries following it"; else "discard the entire log" (paper, figure 13). */
static void replace_log(struct raft *r, struct out *out)
{
    struct entries *e = &r->entries;
    const struct image *i = &r->image;
    bool retain =
        i->index >= e->base && i->index <= entries_last(e) && entries_term(e, i->index) == i->term;
    if (!retain && entries_last(e) > i->index)
        cut_log(r, i->index + 1 > e->base ? i->index + 1 : e->base + 1, out);
    struct slice slice = {.kind = SLICE_MEMORY, .memory = bytes_of(i->bytes, i->len)};
    out_snapshot(out, LOG_LOG, i->index, (struct body){&slice, 1});
    if (retain) {
        entries_forget_to(e, i->index);
    } else {
        entries_reset(e, i->index, i->term);
        r->durable = r->durable < i->index ? r->durable : LSN_NONE;
    }
}

static void install(struct raft *r, node_id from, const struct image_head *head, struct out *out)
{
    image_free(r, &r->image);
    r->image = r->incoming;
    r->incoming = (struct image){0};
    r->image.index = head->index;
    r->image.term = head->term;
    replace_log(r, out);
    r->commit = r->applied = head->index;
    r->applied_bytes = 0;
    members_reset(r, head->members_index, &head->members, out);
    proposals_restart(r); /* What happened within the snapshot is answered when it comes again. */
    trace_compacted(r, small_digest(r), from, out);
}

static void whole(struct raft *r, node_id from, struct out *out)
{
    struct bytes packed = bytes_of(r->incoming.bytes, r->incoming.len);
    struct image_head head;
    bool read =
        image_read(packed, &head) && head.index == r->incoming.index && head.term <= r->term;
    if (read && image_load(r, packed, &head)) {
        install(r, from, &head, out);
        return;
    }
    if (read)
        machine_restart(r);
    image_free(r, &r->incoming);
    out_violation(out, from, "its snapshot makes no sense", bytes_of(NULL, 0));
}

static bool begin(struct raft *r, const Raft__InstallSnapshot *m)
{
    image_free(r, &r->incoming);
    if (m->size == 0 || m->size > SNAPSHOT_MAX)
        return false;
    r->incoming.bytes = memory_alloc(r->memory, m->size);
    r->incoming.cap = r->incoming.bytes ? m->size : 0;
    r->incoming.index = m->index;
    return r->incoming.bytes != NULL;
}

void receive_install_snapshot(struct raft *r, node_id from, const Raft__InstallSnapshot *m,
                              struct out *out)
{
    if (!hear_leader(r, from, m->term, out)) {
        if (m->term < r->term)
            reply(r, from, m, out);
        return;
    }
    if (m->round > r->round_seen)
        r->round_seen = m->round;
    if (m->index <= r->commit) { /* What is committed is alike. */
        image_free(r, &r->incoming);
        if (m->index > r->verified)
            r->verified = m->index;
        reply(r, from, m, out);
        acknowledge(r, true, out);
        return;
    }
    if (r->incoming.index != m->index || r->incoming.cap != m->size)
        if (!begin(r, m)) {
            out_violation(out, from, "its snapshot is larger than there is memory for",
                          bytes_of(NULL, 0));
            return;
        }
    struct image *i = &r->incoming;
    if (m->offset == i->len && m->data.len <= i->cap - i->len) {
        if (m->data.len > 0)
            memcpy(i->bytes + i->len, m->data.data, m->data.len);
        i->len += m->data.len;
    }
    if (i->len == i->cap) {
        whole(r, from, out);
        if (m->index > r->verified && m->index <= r->commit)
            r->verified = m->index;
    }
    reply(r, from, m, out);
}
