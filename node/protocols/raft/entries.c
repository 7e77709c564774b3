#include "entries.h"

#include "base/check.h"
#include "base/wire.h"

#include <string.h>

/* Fields of Entry in raft.proto. */
enum {
    ENTRY_TERM = 1,
    ENTRY_KIND,
    ENTRY_TIME,
    ENTRY_COMMAND,
    ENTRY_MEMBERS,
    ENTRY_OPENER,
    ENTRY_SESSION,
    ENTRY_SEQUENCE,
    ENTRY_ANSWERED,
};

void entries_init(struct entries *e, struct memory *memory)
{
    *e = (struct entries){.memory = memory};
}

lsn entries_last(const struct entries *e)
{
    return e->base + e->n;
}

uint64_t entries_last_term(const struct entries *e)
{
    return e->n > 0 ? e->all[e->n - 1].term : e->base_term;
}

const struct log_entry *entries_at(const struct entries *e, lsn index)
{
    CHECK(index > e->base);
    CHECK(index <= entries_last(e));
    return &e->all[index - e->base - 1];
}

uint64_t entries_term(const struct entries *e, lsn index)
{
    return index == e->base ? e->base_term : entries_at(e, index)->term;
}

static bool take_field(const struct wire_field *f, struct entry_parts *parts)
{
    bool bytes = f->number == ENTRY_COMMAND || f->number == ENTRY_MEMBERS;
    enum wire_type type = bytes ? WIRE_BYTES : WIRE_VARINT;
    if (f->number > ENTRY_ANSWERED)
        return true;
    if (f->type != (f->number == ENTRY_OPENER ? WIRE_FIXED64 : type))
        return false;
    switch (f->number) {
    case ENTRY_TERM:
        parts->term = f->value;
        break;
    case ENTRY_KIND:
        parts->kind = (Raft__Kind)f->value;
        break;
    case ENTRY_TIME:
        parts->time_ms = (int64_t)(f->value >> 1 ^ (0 - (f->value & 1)));
        break;
    case ENTRY_COMMAND:
        parts->command = f->bytes;
        break;
    case ENTRY_MEMBERS:
        parts->members = f->bytes;
        break;
    case ENTRY_OPENER:
        parts->opener = f->value;
        break;
    case ENTRY_SESSION:
        parts->ticket.session = f->value;
        break;
    case ENTRY_SEQUENCE:
        parts->ticket.sequence = f->value;
        break;
    default:
        parts->ticket.answered = f->value;
        break;
    }
    return true;
}

bool entry_parse(struct bytes packed, struct entry_parts *parts)
{
    *parts = (struct entry_parts){0};
    const uint8_t *at = packed.base;
    const uint8_t *end = wire_end(packed);
    struct wire_field f;
    while (at < end) {
        at = wire_next(at, end, &f);
        if (!at || !take_field(&f, parts))
            return false;
    }
    parts->ticket.open = parts->opener != 0;
    return parts->term > 0 && parts->kind <= RAFT__KIND__MEMBERS;
}

static void grow(struct entries *e)
{
    size_t cap = e->cap ? e->cap * 2 : 64;
    e->all = memory_resize(e->memory, e->all, cap * sizeof *e->all);
    CHECK(e->all); /* Entries are bounded by snapshots, far below what is lent. */
    e->cap = cap;
}

bool entries_push(struct entries *e, struct bytes packed)
{
    struct entry_parts parts;
    if (!entry_parse(packed, &parts))
        return false;
    if (e->n == e->cap)
        grow(e);
    struct log_entry *to = &e->all[e->n++];
    *to = (struct log_entry){parts.term, parts.kind, (uint32_t)packed.len, NULL};
    to->bytes = memory_alloc(e->memory, packed.len);
    CHECK(to->bytes);
    memcpy(to->bytes, packed.base, packed.len);
    e->bytes += packed.len;
    return true;
}

static void let_go(struct entries *e, struct log_entry *one)
{
    e->bytes -= one->len;
    memory_free(e->memory, one->bytes);
}

void entries_cut_from(struct entries *e, lsn index)
{
    CHECK(index > e->base);
    while (entries_last(e) >= index)
        let_go(e, &e->all[--e->n]);
}

void entries_forget_to(struct entries *e, lsn index)
{
    CHECK(index >= e->base);
    CHECK(index <= entries_last(e));
    size_t n = index - e->base;
    if (n == 0)
        return;
    e->base_term = entries_term(e, index);
    for (size_t i = 0; i < n; i++)
        let_go(e, &e->all[i]);
    memmove(e->all, e->all + n, (e->n - n) * sizeof *e->all);
    e->n -= n;
    e->base = index;
}

void entries_reset(struct entries *e, lsn base, uint64_t term)
{
    while (e->n > 0)
        let_go(e, &e->all[--e->n]);
    e->base = base;
    e->base_term = term;
}

/* Terms never fall along a log. */
lsn entries_at_most(const struct entries *e, lsn index, uint64_t term)
{
    lsn low = e->base;
    lsn high = index < entries_last(e) ? index : entries_last(e);
    while (low < high) {
        lsn middle = high - (high - low) / 2;
        if (entries_term(e, middle) <= term)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}
