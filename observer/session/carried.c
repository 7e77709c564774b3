#include "session/carried.h"

#include "base/must.h"
#include "session/inside.h"
#include "session/judgement.h"
#include "session/opened.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KINDS_MAX = 4096 };

struct carrying {
    struct timeline *timeline;
    uint64_t from, to;
    Orrery__Carried message;
    Orrery__Entry *entries;
    uint8_t **events;
};

static uint32_t kind_of(struct carrying *c, const struct entry *e)
{
    Orrery__Carried *m = &c->message;
    const char *name = timeline_kind(e->head.body);
    const Orrery__Start *start = timeline_start_of(c->timeline, e->node, e->boot);
    if (e->head.body == ORRERY__EVENT__BODY_TRACE && start && e->head.kind > 0 &&
        e->head.kind <= start->n_types)
        name = start->types[e->head.kind - 1];
    for (size_t i = 0; i < m->n_kinds; i++)
        if (strcmp(m->kinds[i], name) == 0)
            return (uint32_t)i;
    if (m->n_kinds == KINDS_MAX)
        return KINDS_MAX - 1;
    m->kinds[m->n_kinds] = must_copy(name);
    return (uint32_t)m->n_kinds++;
}

static char *words_of(struct carrying *c, const struct entry *e)
{
    struct buf text = {0};
    timeline_describe(c->timeline, e, &text);
    buf_append(&text, bytes_of("", 1));
    return (char *)text.base;
}

static void put_entry(struct carrying *c, const struct entry *e)
{
    Orrery__Carried *m = &c->message;
    size_t i = m->n_entries++;
    Orrery__Entry *entry = &c->entries[i];
    orrery__entry__init(entry);
    entry->ordinal = e->ordinal;
    entry->node = e->node;
    entry->boot = e->boot;
    entry->cause = e->cause;
    entry->previous = e->previous;
    c->events[i] = must_alloc(e->event.len + 1, 1);
    memcpy(c->events[i], e->event.base, e->event.len);
    entry->event = (ProtobufCBinaryData){e->event.len, c->events[i]};
    m->entries[i] = entry;
    m->entry_ns[i] = (double)e->head.mono_ns;
    m->entry_kind[i] = kind_of(c, e);
    m->entry_text[i] = words_of(c, e);
}

static void put_entries(struct carrying *c)
{
    Orrery__Carried *m = &c->message;
    size_t room = (size_t)(c->to - c->from) + 2;
    struct entry e;
    c->entries = must_alloc(room, sizeof *c->entries);
    c->events = must_alloc(room, sizeof *c->events);
    m->entries = must_alloc(room, sizeof(Orrery__Entry *));
    m->entry_ns = must_alloc(room, sizeof *m->entry_ns);
    m->entry_kind = must_alloc(room, sizeof *m->entry_kind);
    m->entry_text = must_alloc(room, sizeof *m->entry_text);
    m->kinds = must_alloc(KINDS_MAX, sizeof *m->kinds);
    for (uint64_t at = c->from; at <= c->to; at++)
        if (timeline_get(c->timeline, at, &e))
            put_entry(c, &e);
    m->n_entry_ns = m->n_entry_kind = m->n_entry_text = m->n_entries;
}

static void carrying_free(struct carrying *c)
{
    Orrery__Carried *m = &c->message;
    for (size_t i = 0; i < m->n_entries; i++) {
        free(c->events[i]);
        free(m->entry_text[i]);
    }
    for (size_t i = 0; i < m->n_kinds; i++)
        free(m->kinds[i]);
    free(c->entries);
    free(c->events);
    free(m->entries);
    free(m->entry_ns);
    free(m->entry_kind);
    free(m->entry_text);
    free(m->kinds);
}

static int compare_ordinals(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = (*(Orrery__Entry *const *)b)->ordinal;
    return x < y ? -1 : x > y;
}

/* What a mark says its event says, too: once is enough. */
static void share_texts(const struct carrying *c, Orrery__Window *whole)
{
    const Orrery__Carried *m = &c->message;
    for (size_t i = 0; i < whole->n_mark_text; i++) {
        uint64_t ordinal = (uint64_t)whole->mark_event[i];
        Orrery__Entry **e =
            bsearch(&ordinal, m->entries, m->n_entries, sizeof *m->entries, compare_ordinals);
        char *text = whole->mark_text[i];
        if (e && *text && strcmp(text, m->entry_text[e - m->entries]) == 0)
            snprintf(text, 2, "=");
    }
}

/* Where it was cut, nothing behind that is told of. */
static void cut(struct carrying *c, Orrery__Status *status, Orrery__Opened *opened)
{
    const Orrery__Carried *m = &c->message;
    if (c->to >= timeline_newest(c->timeline) || m->n_entries == 0)
        return;
    double end = m->entry_ns[m->n_entries - 1];
    status->now_ns = (uint64_t)end;
    status->newest = c->to;
    size_t n = 0;
    while (n < opened->n_story && opened->story[n]->at_ns <= end)
        n++;
    opened->n_story = n;
}

/* Of what is carried, not of what was cut off. */
static Orrery__Judgement *judge(struct carrying *c)
{
    uint64_t entries;
    struct check *check = check_timeline(c->timeline, c->to, 0, NULL, &entries);
    Orrery__Judgement *j = judgement_of(check, entries);
    check_free(check);
    return j;
}

static bool fits(struct carrying *c, uint64_t until, char *why, size_t why_size)
{
    c->from = timeline_oldest(c->timeline);
    c->to = timeline_newest(c->timeline);
    if (until && until < c->to)
        c->to = until;
    if (c->to < c->from) {
        snprintf(why, why_size, "there is no event up to e%llu in it",
                 (unsigned long long)(until ? until : 1));
        return false;
    }
    if (c->to - c->from < CARRIED_ENTRIES_MAX)
        return true;
    snprintf(why, why_size,
             "its %llu events are too many for one page, which carries %d: cut its end with "
             "'--until e%llu', or look at it with 'orrery replay FILE --page'",
             (unsigned long long)(c->to - c->from + 1), CARRIED_ENTRIES_MAX,
             (unsigned long long)(c->from + CARRIED_ENTRIES_MAX - 1));
    return false;
}

bool carried_make(struct session *s, uint64_t until, struct buf *into,
                  struct carried_figures *figures, char *why, size_t why_size)
{
    struct carrying c = {.timeline = s->timeline};
    struct opened opened;
    if (!fits(&c, until, why, why_size))
        return false;
    Orrery__Carried *m = &c.message;
    orrery__carried__init(m);
    put_entries(&c);
    opened_make(&opened, s->timeline, true);
    m->version = (char *)(uintptr_t)ORRERY_VERSION;
    m->opened = &opened.message;
    m->status = session_status(s);
    size_t story = opened.message.n_story;
    cut(&c, m->status, &opened.message);
    free(m->status->recording); /* A path of this machine is nobody else's matter. */
    m->status->recording = must_copy("");
    m->judgement = judge(&c);
    m->whole = timeline_view_whole(s->view, (uint64_t)m->status->now_ns);
    share_texts(&c, m->whole);
    orrery__carried__pack(m, buf_extend(into, orrery__carried__get_packed_size(m)));
    *figures = (struct carried_figures){m->n_entries, m->whole->n_sent_ns, opened.message.n_story};
    opened.message.n_story = story;
    orrery__judgement__free_unpacked(m->judgement, NULL);
    orrery__window__free_unpacked(m->whole, NULL);
    orrery__status__free_unpacked(m->status, NULL);
    opened_free(&opened);
    carrying_free(&c);
    return true;
}
