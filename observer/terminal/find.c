/* Finding a row: by an event's id, by text of its sentence, or by a pattern's words. */
#include "terminal/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool says(const struct view *v, const struct row *r)
{
    struct buf text = {0};
    row_sentence(&v->model, r, &text);
    bool found = strcasestr((const char *)text.base, v->find) != NULL;
    struct entry e;
    const struct terminal_source *s = &v->options.source;
    if (!found && r->kind != ROW_FOLD && r->kind != ROW_QUIET &&
        s->ops->get(s->ctx, r->entry, &e)) {
        buf_clear(&text);
        s->ops->describe(s->ctx, &e, &text);
        buf_append(&text, bytes_of("", 1));
        found = strcasestr((const char *)text.base, v->find) != NULL;
    }
    buf_free(&text);
    return found;
}

static uint64_t event_id(const char *text)
{
    if (text[0] != 'e' || text[1] < '0' || text[1] > '9')
        return 0;
    char *end;
    uint64_t ordinal = strtoull(text + 1, &end, 10);
    return *end ? 0 : ordinal;
}

bool view_find(struct view *v, int direction)
{
    uint64_t ordinal = event_id(v->find);
    const struct terminal_source *s = &v->options.source;
    if (ordinal) {
        if (ordinal < s->ops->oldest(s->ctx) || ordinal > s->ops->newest(s->ctx))
            return false;
        view_select(v, ordinal);
        return true;
    }
    size_t n = model_rows(&v->model);
    size_t at = v->live ? n : model_index(&v->model, v->selected);
    while (direction < 0 ? at > 0 : at + 1 < n) {
        at = direction < 0 ? at - 1 : at + 1;
        const struct row *r = model_row(&v->model, at);
        if (!says(v, r))
            continue;
        view_select(v, r->entry ? r->entry : r->first);
        return true;
    }
    return false;
}
