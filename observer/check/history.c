#include "check/history.h"

#include "base/must.h"
#include "timeline/text.h"

#include <inttypes.h>
#include <stdlib.h>

void operations_add(struct operations *l, struct operation *o)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? 2 * l->cap : 16;
        l->all = must_grow(l->all, l->cap, cap, sizeof(struct operation *));
        l->cap = cap;
    }
    l->all[l->n++] = o;
}

void operations_free(struct operations *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        free(l->all[i]);
    free(l->all);
    *l = (struct operations){0};
}

void history_init(struct history *h, bool brief)
{
    *h = (struct history){.initial = VALUE_ABSENT};
    datatype_init(&h->datatype, brief);
    words_init(&h->keys);
    words_init(&h->clients);
}

void history_free(struct history *h)
{
    operations_free(&h->operations);
    datatype_free(&h->datatype);
    words_free(&h->keys);
    words_free(&h->clients);
}

static void print_word(const struct words *w, uint32_t word, struct buf *into)
{
    enum { SHOWN_MAX = 40 };
    struct bytes b = w->all[word];
    size_t cut = b.len > SHOWN_MAX ? SHOWN_MAX : b.len;
    text_put(bytes_of(b.base, cut), into);
    if (cut < b.len)
        buf_printf(into, "... (%zu bytes)", b.len);
}

void history_print_value(const struct history *h, uint32_t value, struct buf *into)
{
    if (value == VALUE_ABSENT) {
        buf_printf(into, "nothing");
    } else if (value == VALUE_ANY) {
        buf_printf(into, "anything");
    } else {
        buf_printf(into, "'");
        print_word(&h->datatype.words, value, into);
        buf_printf(into, "'");
    }
}

void history_print_key(const struct history *h, uint32_t key, struct buf *into)
{
    if (h->keys.all[key].len == 0)
        return; /* The one key of a register. */
    buf_printf(into, " ");
    print_word(&h->keys, key, into);
}

static void print_arguments(const struct history *h, const struct action *a, struct buf *into)
{
    static const char *const verbs[] = {"read",       "write",   "compare and set", "add",
                                        "append",     "delete",  "exists",          "length",
                                        "let expire", "enqueue", "dequeue"};
    buf_printf(into, "%s", verbs[a->kind]);
    history_print_key(h, a->key, into);
    if (a->kind == ACTION_CAS) {
        buf_printf(into, " ");
        history_print_value(h, a->expected, into);
        buf_printf(into, " to");
    }
    if (a->kind == ACTION_WRITE || a->kind == ACTION_CAS || a->kind == ACTION_APPEND ||
        a->kind == ACTION_ENQUEUE) {
        buf_printf(into, " ");
        history_print_value(h, a->value, into);
    }
    if (a->kind == ACTION_ADD)
        buf_printf(into, " %" PRId64, a->by);
}

static void print_action(const struct history *h, const struct action *a, struct buf *into)
{
    print_arguments(h, a, into);
    if (a->refused)
        buf_printf(into, ": refused");
    if (a->refused || !a->told)
        return;
    if (a->kind == ACTION_CAS) {
        buf_printf(into, a->number ? ": done" : ": refused");
    } else if (a->kind == ACTION_READ || a->kind == ACTION_DEQUEUE) {
        buf_printf(into, ": ");
        history_print_value(h, a->value, into);
    } else {
        buf_printf(into, ": %" PRId64, a->number);
    }
}

void history_print_operation(const struct history *h, const struct operation *o, struct buf *into)
{
    for (uint32_t i = 0; i < o->n; i++) {
        buf_printf(into, i ? ", " : "");
        print_action(h, &o->actions[i], into);
    }
}
