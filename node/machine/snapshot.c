#include "machine/snapshot.h"

#include "base/check.h"
#include "core/back.h"
#include "machine/machine_impl.h"

#include <string.h>

/* Fields of machine.proto. */
enum { CHUNK_HEAD = 1, CHUNK_SESSIONS, CHUNK_ENTRIES, CHUNK_END, CHUNK_REPLIES };
enum { HEAD_NOW = 1, HEAD_PAGES };
enum { ENTRY_KEY = 1, ENTRY_VALUE, ENTRY_AT, ENTRY_EXPIRES };
enum { SESSION_NAME = 1, SESSION_USED, SESSION_FORGOTTEN, SESSION_NEWEST };
enum { REPLY_SESSION = 1, REPLY_SEQUENCE, REPLY_BYTES };
enum { END_KEYS = 1, END_SUM };
enum { HEAD_ROOM = 64 }; /* Of a head or an end, at most. */

static size_t varint_size(uint64_t v)
{
    return v < 0x80 ? 1 : (size_t)(63 - __builtin_clzll(v)) / 7 + 1;
}

static size_t bytes_size(size_t len)
{
    return len == 0 ? 0 : 1 + varint_size(len) + len;
}

static size_t number_size(uint64_t v)
{
    return v == 0 ? 0 : 1 + varint_size(v);
}

static size_t field_size(size_t inner)
{
    return 1 + varint_size(inner) + inner;
}

static size_t entry_size(const struct entry *e)
{
    return field_size(bytes_size(e->key_len) + bytes_size(e->value_len) + number_size(e->at) +
                      number_size((uint64_t)e->expires_ms));
}

static size_t session_size(const struct session *s)
{
    return field_size(number_size(s->name) + number_size(s->used) + number_size(s->forgotten) +
                      number_size(s->newest));
}

static size_t reply_size(const struct session *s, const struct kept_reply *k)
{
    return field_size(number_size(s->name) + number_size(k->sequence) + bytes_size(k->len));
}

/* Each is a whole field of a Chunk, written backwards into just its size; the position behind it.
 */
static uint8_t *put_entry(struct saving *s, const struct entry *e, uint8_t *at)
{
    uint8_t *end = at + entry_size(e);
    struct back w = {end};
    back_uint(&w, ENTRY_EXPIRES, (uint64_t)e->expires_ms);
    back_uint(&w, ENTRY_AT, e->at);
    back_bytes(&w, ENTRY_VALUE, entry_value(e));
    back_bytes(&w, ENTRY_KEY, entry_key(e));
    back_around(&w, CHUNK_ENTRIES, end);
    CHECK(w.at == at);
    s->keys++;
    s->sum += entry_digest(e);
    return end;
}

static uint8_t *put_session(const struct session *s, uint8_t *at)
{
    uint8_t *end = at + session_size(s);
    struct back w = {end};
    back_uint(&w, SESSION_NEWEST, s->newest);
    back_uint(&w, SESSION_FORGOTTEN, s->forgotten);
    back_uint(&w, SESSION_USED, s->used);
    back_uint(&w, SESSION_NAME, s->name);
    back_around(&w, CHUNK_SESSIONS, end);
    CHECK(w.at == at);
    return end;
}

static uint8_t *put_kept(const struct session *s, const struct kept_reply *k, uint8_t *at)
{
    uint8_t *end = at + reply_size(s, k);
    struct back w = {end};
    back_bytes(&w, REPLY_BYTES, bytes_of(k->bytes, k->len));
    back_uint(&w, REPLY_SEQUENCE, k->sequence);
    back_uint(&w, REPLY_SESSION, s->name);
    back_around(&w, CHUNK_REPLIES, end);
    CHECK(w.at == at);
    return end;
}

/* Time, pages and sessions. */
static bool put_first(const struct machine *m, struct saving *s)
{
    size_t size = HEAD_ROOM;
    for (const struct session *each = m->sessions.first; each; each = each->next) {
        size += session_size(each);
        for (const struct kept_reply *k = each->replies; k; k = k->next)
            size += reply_size(each, k);
    }
    s->first = memory_alloc(m->memory, size);
    if (!s->first)
        return false;
    struct back w = {s->first + HEAD_ROOM};
    const uint8_t *end = w.at;
    back_uint(&w, HEAD_PAGES, m->table.n);
    back_sint(&w, HEAD_NOW, m->now_ms);
    back_around(&w, CHUNK_HEAD, end);
    s->first_at = (size_t)(w.at - s->first);
    uint8_t *at = s->first + HEAD_ROOM;
    for (const struct session *each = m->sessions.first; each; each = each->next) {
        at = put_session(each, at);
        for (const struct kept_reply *k = each->replies; k; k = k->next)
            at = put_kept(each, k, at);
    }
    s->first_len = (size_t)(at - s->first);
    return true;
}

bool machine_save(struct machine *m, struct saving *s)
{
    CHECK(!m->saving);
    *s = (struct saving){.machine = m};
    s->asides = memory_alloc(m->memory, m->table.n * sizeof *s->asides);
    if (!s->asides || !put_first(m, s)) {
        memory_free(m->memory, s->asides);
        return false;
    }
    m->saving = s;
    return true;
}

/* The first entry of the page being saved that has not left; NULL: none is left. */
static const struct entry *next_entry(const struct saving *s)
{
    return table_next(&s->machine->table.pages[s->page], s->after);
}

void saving_before(struct machine *m, const struct page *p)
{
    struct saving *s = m->saving;
    uint32_t number = (uint32_t)(p - m->table.pages);
    struct aside *a = &s->asides[number];
    if (s->failed || number < s->page || a->entries)
        return;
    const struct entry *first = number == s->page ? next_entry(s) : table_next(p, NULL);
    size_t size = 0;
    for (const struct entry *e = first; e; e = table_next(p, e))
        size += entry_size(e);
    a->entries = memory_alloc(m->memory, size);
    if (!a->entries) {
        s->failed = true;
        return;
    }
    uint8_t *at = a->entries;
    for (const struct entry *e = first; e; e = table_next(p, e))
        at = put_entry(s, e, at);
    a->len = (size_t)(at - a->entries);
}

/* The next entry of those put aside, as a whole field; len 0: none is left. */
static struct bytes next_aside(const struct aside *a)
{
    struct wire_field f;
    const uint8_t *at = a->entries + a->at;
    const uint8_t *end = a->entries + a->len;
    const uint8_t *behind = at < end ? wire_next(at, end, &f) : at;
    CHECK(behind);
    return bytes_of(at, (size_t)(behind - at));
}

/* Bytes that the next entry takes; 0: there are no more. */
static size_t next_size(struct saving *s)
{
    for (; s->page < s->machine->table.n; s->page++, s->after = NULL) {
        struct aside *a = &s->asides[s->page];
        const struct entry *e = a->entries ? NULL : next_entry(s);
        size_t size = a->entries ? next_aside(a).len : e ? entry_size(e) : 0;
        if (size > 0)
            return size;
        memory_free(s->machine->memory, a->entries);
        a->entries = NULL;
    }
    return 0;
}

static uint8_t *take_next(struct saving *s, uint8_t *at)
{
    struct aside *a = &s->asides[s->page];
    if (!a->entries) {
        s->after = next_entry(s);
        return put_entry(s, s->after, at);
    }
    struct bytes b = next_aside(a);
    memcpy(at, b.base, b.len);
    a->at += b.len;
    return at + b.len;
}

static int save_first(struct saving *s, struct arena *a, struct bytes *chunk)
{
    *chunk = arena_copy(a, bytes_of(s->first + s->first_at, s->first_len - s->first_at));
    if (!chunk->base)
        return ERROR_NO_MEMORY;
    memory_free(s->machine->memory, s->first);
    s->first = NULL;
    return 1;
}

static int save_last(struct saving *s, struct arena *a, struct bytes *chunk)
{
    uint8_t *room = arena_alloc(a, HEAD_ROOM);
    if (!room)
        return ERROR_NO_MEMORY;
    uint8_t *at = wire_put_number(room + 2, END_KEYS, s->keys);
    at = wire_put_varint(at, END_SUM << 3 | WIRE_FIXED64);
    put_u64(at, s->sum);
    at += 8;
    room[0] = CHUNK_END << 3 | WIRE_BYTES;
    room[1] = (uint8_t)(at - room - 2); /* It is short: one byte says how long. */
    *chunk = bytes_of(room, (size_t)(at - room));
    s->ended = true;
    return 1;
}

int machine_save_chunk(struct saving *s, size_t about, struct arena *a, struct bytes *chunk)
{
    if (s->failed)
        return ERROR_NO_MEMORY;
    if (s->ended)
        return 0;
    if (s->first)
        return save_first(s, a, chunk);
    size_t n = next_size(s);
    if (n == 0)
        return save_last(s, a, chunk);
    size_t cap = about > n ? about : n;
    uint8_t *room = arena_alloc(a, cap);
    if (!room)
        return ERROR_NO_MEMORY;
    uint8_t *at = room;
    for (; n > 0 && n <= cap - (size_t)(at - room); n = next_size(s))
        at = take_next(s, at);
    *chunk = bytes_of(room, (size_t)(at - room));
    return 1;
}

void machine_save_end(struct saving *s)
{
    struct machine *m = s->machine;
    CHECK(m->saving == s);
    m->saving = NULL;
    memory_free(m->memory, s->first);
    for (uint32_t i = 0; i < m->table.n; i++)
        memory_free(m->memory, s->asides[i].entries);
    memory_free(m->memory, s->asides);
}

void machine_load(struct machine *m, struct loading *l, lsn at)
{
    CHECK(!m->saving);
    for (uint32_t i = 0; i < m->table.n; i++)
        table_empty_page(&m->table, &m->table.pages[i]);
    sessions_clear(&m->sessions, m->memory);
    m->now_ms = 0;
    *l = (struct loading){.machine = m, .at = at};
}

/* The numbers and strings of a message, by field; false: malformed, or with others. */
enum { FIELDS_MAX = 4 };

struct fields {
    uint64_t numbers[FIELDS_MAX + 1];
    struct bytes bytes[FIELDS_MAX + 1];
};

static bool read_fields(struct bytes b, struct fields *to)
{
    struct wire w = wire_of(b);
    struct wire_field f;
    int got;
    memset(to, 0, sizeof *to);
    while ((got = wire_step(&w, &f)) == 1) {
        if (f.number > FIELDS_MAX)
            return false;
        to->numbers[f.number] = f.value;
        to->bytes[f.number] = f.bytes;
    }
    return got == 0;
}

static int load_head(struct loading *l, const struct fields *f)
{
    struct machine *m = l->machine;
    if (l->begun || f->numbers[HEAD_PAGES] != m->table.n)
        return ERROR_MALFORMED;
    l->begun = true;
    m->now_ms = wire_zigzag(f->numbers[HEAD_NOW]);
    return 0;
}

static int load_session(struct loading *l, const struct fields *f)
{
    struct machine *m = l->machine;
    const struct session *before = m->sessions.last;
    lsn used = f->numbers[SESSION_USED];
    if (m->sessions.n == SESSIONS_MAX || used > l->at || (before && used <= before->used))
        return ERROR_MALFORMED;
    struct session *s = session_add(&m->sessions, f->numbers[SESSION_NAME], m->memory);
    s->used = used;
    s->forgotten = f->numbers[SESSION_FORGOTTEN];
    s->newest = f->numbers[SESSION_NEWEST];
    return 0;
}

static int load_reply(struct machine *m, const struct fields *f)
{
    struct session *s = m->sessions.last;
    uint64_t sequence = f->numbers[REPLY_SEQUENCE];
    struct bytes b = f->bytes[REPLY_BYTES];
    if (!s || s->name != f->numbers[REPLY_SESSION] || sequence <= s->forgotten ||
        sequence > s->newest || s->n == SESSION_REPLIES_MAX || b.len == 0 ||
        b.len > MACHINE_REPLY_MAX || (s->replies_end && sequence <= s->replies_end->sequence))
        return ERROR_MALFORMED;
    const struct slice slice = {.kind = SLICE_MEMORY, .memory = b};
    session_add_reply(s, sequence, &(struct body){&slice, 1}, b.len, m->memory);
    return 0;
}

static int load_entry(struct loading *l, const struct fields *f)
{
    struct table *t = &l->machine->table;
    struct bytes key = f->bytes[ENTRY_KEY];
    struct bytes value = f->bytes[ENTRY_VALUE];
    lsn at = f->numbers[ENTRY_AT];
    uint64_t hash = table_hash(key);
    struct page *p = table_page(t, hash);
    if (at > l->at || !table_fits(p, key.len, value.len) || table_find_in(p, hash, key) ||
        f->numbers[ENTRY_EXPIRES] > INT64_MAX)
        return ERROR_MALFORMED;
    if (!table_put(t, hash, key, value, (int64_t)f->numbers[ENTRY_EXPIRES], at))
        return ERROR_NO_MEMORY;
    table_touch(p, at);
    l->keys++;
    l->sum += entry_digest(table_find_in(p, hash, key));
    return 0;
}

static int load_end(const struct loading *l, const struct fields *f)
{
    return f->numbers[END_KEYS] == l->keys && f->numbers[END_SUM] == l->sum ? 1 : ERROR_MALFORMED;
}

static int load_field(struct loading *l, const struct wire_field *f)
{
    struct fields inner;
    if (f->type != WIRE_BYTES || !read_fields(f->bytes, &inner))
        return ERROR_MALFORMED;
    if (f->number == CHUNK_HEAD)
        return load_head(l, &inner);
    if (!l->begun)
        return ERROR_MALFORMED;
    switch (f->number) {
    case CHUNK_SESSIONS:
        return load_session(l, &inner);
    case CHUNK_REPLIES:
        return load_reply(l->machine, &inner);
    case CHUNK_ENTRIES:
        return load_entry(l, &inner);
    case CHUNK_END:
        return load_end(l, &inner);
    default:
        return ERROR_MALFORMED;
    }
}

int machine_load_chunk(struct loading *l, struct bytes chunk)
{
    struct wire w = wire_of(chunk);
    struct wire_field f;
    int got;
    int done = 0;
    while (done == 0 && (got = wire_step(&w, &f)) != 0) {
        if (got < 0)
            return ERROR_MALFORMED;
        done = load_field(l, &f);
    }
    return done == 1 && w.at != w.end ? ERROR_MALFORMED : done;
}
