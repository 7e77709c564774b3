#include "base/check.h"
#include "raft_impl.h"

#include <string.h>

void need_machine(struct raft *r)
{
    if (r->machine.table.pages)
        return;
    machine_init(&r->machine, r->memory, r->settings->pages);
    r->machine.replicated = true;
}

static void recover_term(struct raft *r, const struct input *in, struct out *out)
{
    const Raft__Term *m =
        (const Raft__Term *)(const void *)out_unpack(out, &raft__term__descriptor, in->record.body);
    CHECK(m && m->term >= r->term); /* A vote that cannot be read must not be given again. */
    r->term = m->term;
    r->voted_for = m->voted_for;
    r->last_vote = r->durable_vote = in->record.at;
}

static void recover_snapshot(struct raft *r, const struct input *in, struct out *out)
{
    struct image_head head;
    struct image *i = &r->image;
    struct bytes packed = in->record.body;
    bool read = image_read(packed, &head) && head.index == in->record.at;
    CHECK(read);
    i->bytes = memory_alloc(r->memory, packed.len);
    CHECK(i->bytes);
    memcpy(i->bytes, packed.base, packed.len);
    i->len = i->cap = packed.len;
    i->index = head.index;
    i->term = head.term;
    bool loaded = image_load(r, bytes_of(i->bytes, i->len), &head);
    CHECK(loaded);
    entries_reset(&r->entries, head.index, head.term);
    r->commit = r->applied = head.index;
    members_reset(r, head.members_index, &head.members, out);
}

static void recover_entry(struct raft *r, const struct input *in, struct out *out)
{
    CHECK(in->record.at == entries_last(&r->entries) + 1);
    bool pushed = entries_push(&r->entries, in->record.body);
    CHECK(pushed);
    struct entry_parts parts;
    struct members members;
    (void)entry_parse(in->record.body, &parts);
    if (parts.kind == RAFT__KIND__MEMBERS && members_parse(parts.members, &members))
        members_appended(r, in->record.at, &members, out);
}

void raft_recover(struct raft *r, const struct input *in, struct out *out)
{
    need_machine(r);
    if (in->record.log == LOG_VOTE)
        recover_term(r, in, out);
    else if (in->kind == INPUT_SNAPSHOT)
        recover_snapshot(r, in, out);
    else
        recover_entry(r, in, out);
}

void raft_recovered(struct raft *r, struct out *out)
{
    need_machine(r);
    r->started = true;
    r->durable = entries_last(&r->entries);
    r->heard_at = r->now;
    Raft__Recovered m = RAFT__RECOVERED__INIT;
    m.term = r->term;
    m.voted_for = r->voted_for;
    m.snapshot_index = r->image.index;
    m.last_index = entries_last(&r->entries);
    m.last_term = entries_last_term(&r->entries);
    out_trace(out, &m.base);
    /* The two logs are synced apart: entries of a term may be on disk before the term is. */
    if (m.last_term > r->term)
        raft_set_term(r, m.last_term, NODE_NONE, out);
    timer_draw(r, out);
    /* So that an answer to what an earlier life asked is none to what this one does. */
    r->reads.number = r->reads.answered = out_random(out, UINT64_C(1) << 62);
    if (!members_vote(members_now(r), r->self))
        ask_who_leads(r, out);
}
