#include "agent/agent.h"

#include "base/check.h"
#include "cluster/units.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_BYTES = WORDS_LINES * WORDS_LINE_MAX };

/* --- what it says on stderr --- */

static void words_keep(struct life *l, struct bytes more)
{
    if (more.len > WORDS_BYTES)
        more = bytes_of(more.base + (more.len - WORDS_BYTES), WORDS_BYTES);
    buf_append(&l->words, more);
    if (l->words.len > 2 * WORDS_BYTES)
        buf_consume(&l->words, l->words.len - WORDS_BYTES);
}

void life_worded(struct life *l, struct bytes words)
{
    words_keep(l, words);
    life_tell_words(l);
    agent_changed(l->node->agent, l->node);
}

size_t stderr_lines(const struct buf *words, char *lines[WORDS_LINES])
{
    size_t n = 0, end = words->len;
    while (end > 0 && n < WORDS_LINES) {
        size_t from = end;
        while (from > 0 && words->base[from - 1] != '\n')
            from--;
        if (end > from) {
            char line[WORDS_LINE_MAX];
            text_clean(line, sizeof line, bytes_of(words->base + from, end - from));
            lines[n] = strdup(line);
            CHECK(lines[n]);
            n++;
        }
        end = from > 0 ? from - 1 : 0;
    }
    for (size_t i = 0; i < n / 2; i++) {
        char *swap = lines[i];
        lines[i] = lines[n - 1 - i];
        lines[n - 1 - i] = swap;
    }
    return n;
}

void life_tell_words(struct life *l)
{
    char *lines[WORDS_LINES], words[WORDS_LINES * WORDS_LINE_MAX];
    size_t count = stderr_lines(&l->words, lines), length = 0;
    words[0] = '\0';
    for (size_t i = 0; i < count; i++)
        length += (size_t)snprintf(words + length, sizeof words - length, "%s%s", i ? "\n" : "",
                                   lines[i]);
    stderr_lines_free(lines, count);
    if (count > 0 && !l->failed) /* A sentence of its own says more. */
        agent_words(l->node, words);
}

void stderr_lines_free(char *lines[WORDS_LINES], size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(lines[i]);
}

/* --- its end --- */

static void grace_closed(uv_handle_t *handle)
{
    struct agent *a = handle->data;
    free(handle);
    agent_handle_closed(a);
}

void life_closed(struct life *l)
{
    struct agent *a = l->node->agent;
    buf_free(&l->words);
    free(l);
    agent_handle_closed(a);
}

void life_close(struct life *l)
{
    if (l->grace) {
        l->grace->data = l->node->agent;
        uv_close((uv_handle_t *)l->grace, grace_closed);
        l->grace = NULL;
    }
    l->ops->close(l);
}
