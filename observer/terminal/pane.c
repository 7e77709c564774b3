/* Around the diagram: the status line, what happened or what is selected, the keys. */
#include "terminal/view.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define DOT " \xc2\xb7 "

enum { RULE = 0x2500, LIVE = 0x25c9, STOPPED = 0x2016 };

static int wrap(struct canvas *c, int x, int y, int lines, const char *text, int style)
{
    return canvas_wrap(c, x, y, c->width - x - 1, lines, text, style);
}

static int wrap_buf(struct canvas *c, int x, int y, int lines, struct buf *text, int style)
{
    buf_append(text, bytes_of("", 1));
    int used = wrap(c, x, y, lines, (const char *)text->base, style);
    buf_free(text);
    return used;
}

static uint64_t newest_ns(const struct view *v)
{
    return v->status.now_ns > v->model.now_ns ? v->status.now_ns : v->model.now_ns;
}

static void put_mode(const struct view *v, struct buf *into)
{
    const struct row *r = view_row(v);
    char span[24];
    if (v->options.recording) {
        buf_printf(into, "\xe2\x96\xb8 replay");
    } else if (v->live) {
        buf_printf(into, v->status.gone ? "\xe2\x96\xa0 ended" : "\xe2\x97\x89 live");
    } else {
        uint64_t at = r ? r->to_ns : 0;
        time_words(newest_ns(v) > at ? newest_ns(v) - at : 0, span);
        buf_printf(into, "\xe2\x80\x96 %s behind live", span);
    }
}

static void put_size(uint64_t bytes, struct buf *into)
{
    if (bytes < 1000000)
        buf_printf(into, "%.0f kB", (double)bytes / 1e3);
    else
        buf_printf(into, "%.1f MB", (double)bytes / 1e6);
}

void pane_status(const struct view *v, struct canvas *c, int y)
{
    const struct terminal_status *s = &v->status;
    struct buf mode = {0}, text = {0};
    put_mode(v, &mode);
    buf_append(&mode, bytes_of("", 1));
    int style = v->live ? STYLE_PROVEN : STYLE_BRASS;
    int x = 1 + canvas_text(c, 1, y, c->width - 1, (char *)mode.base, style | STYLE_BOLD);
    if (s->protocol && *s->protocol)
        buf_printf(&text, DOT "%s", s->protocol);
    if (s->run && *s->run)
        buf_printf(&text, DOT "%s", s->run);
    if (s->nodes && !v->options.recording)
        buf_printf(&text, DOT "%u of %u alive", s->alive, s->nodes);
    if (s->simulated)
        buf_printf(&text, DOT "simulated");
    if (s->pace != 1 && !v->options.recording) {
        if (s->pace == 0)
            buf_printf(&text, DOT "time stands still");
        else
            buf_printf(&text, DOT "\xc3\x97%.3g", s->pace);
    }
    buf_printf(&text, DOT "%.1f s", (double)newest_ns(v) / 1e9);
    if (s->trouble) {
        buf_printf(&text, DOT "%s", s->trouble);
    } else if (s->recording && !v->options.recording) {
        buf_printf(&text, DOT "recording ");
        put_size(s->recorded_bytes, &text);
    }
    buf_append(&text, bytes_of("", 1));
    canvas_text(c, x, y, c->width - x, (char *)text.base, s->trouble ? STYLE_FAULT : STYLE_INK);
    buf_free(&mode);
    buf_free(&text);
}

static const char *level_name(enum terminal_level level)
{
    static const char *const names[] = {"marks only", "marks, messages counted", "every message",
                                        "every event"};
    return names[level];
}

void pane_rule(const struct view *v, struct canvas *c, int y)
{
    char text[128];
    const struct row *r = view_row(v);
    for (int x = 0; x < c->width; x++)
        canvas_put(c, x, y, RULE, STYLE_FAINT);
    if (v->live)
        snprintf(text, sizeof text, " what happened ");
    else if (v->cone.focus)
        snprintf(text, sizeof text, " e%" PRIu64 ": %zu%s events led to it, it led to %zu%s ",
                 v->cone.focus, v->cone.n_past, v->cone.n_past == VIEW_CONE_MAX ? "+" : "",
                 v->cone.n_future, v->cone.n_future == VIEW_CONE_MAX ? "+" : "");
    else
        snprintf(text, sizeof text, " e%" PRIu64 " ", r ? r->entry ? r->entry : r->first : 0);
    int n = canvas_text(c, 2, y, c->width - 2, text, STYLE_INK);
    snprintf(text, sizeof text, " shown: %s (+ \xe2\x88\x92) ", level_name(v->model.level));
    int at = c->width - canvas_columns(text) - 2;
    if (at > n + 4)
        canvas_text(c, at, y, c->width - at, text, STYLE_FAINT);
}

static void pane_hint(const struct view *v, struct canvas *c, int y, int lines)
{
    bool some = v->model.lanes.n > 1;
    int n =
        wrap(c, 1, y, lines,
             "Each column is a process; time runs down. \xe2\x97\x8f\xe2\x94\x80\xe2\x96\xb6 is a "
             "message. \xe2\x86\x91"
             "4\xe2\x86\x93"
             "16: it sent 4 and received 16 in that second.",
             STYLE_INK);
    if (!some || v->options.recording || !v->options.act || n >= lines)
        return;
    struct buf text = {0};
    if (v->model.lanes.n > 2)
        buf_printf(&text, "Press 2 and then k: that kills %s. Who will notice, and after how long?",
                   lanes_name(&v->model.lanes, 2));
    else
        buf_printf(&text, "Press 1 and then k: that kills %s. r starts it again on the same disk.",
                   lanes_name(&v->model.lanes, 1));
    wrap_buf(c, 1, y + n, lines - n, &text, STYLE_BRASS);
}

void pane_story(const struct view *v, struct canvas *c, int y, int lines)
{
    int used = 0;
    for (uint32_t age = 0; used < lines; age++) {
        struct buf text = {0};
        if (!story_tell(&v->model, age, &text)) {
            if (age == 0)
                pane_hint(v, c, y, lines);
            return;
        }
        /* The newest may take all it needs, the older ones a line each. */
        used += wrap_buf(c, 1, y + used, age == 0 ? lines - used : 1, &text,
                         age == 0 ? STYLE_INK : STYLE_FAINT);
    }
}

/* What an event came from: its cause, else its evidence, else what its node did before. */
static uint64_t origin(const struct view *v, const struct row *r, const struct entry *e,
                       const char **how)
{
    const struct terminal_source *s = &v->options.source;
    *how = "because of";
    if (e->cause)
        return e->cause;
    if (r && r->because)
        return r->because;
    *how = "after";
    return s->ops->previous(s->ctx, e->ordinal);
}

static void put_event(const struct view *v, const struct entry *e, struct buf *into)
{
    const struct terminal_source *s = &v->options.source;
    buf_printf(into, "e%" PRIu64 " ", e->ordinal);
    size_t before = into->len;
    s->ops->describe(s->ctx, e, into);
    if (into->len > before + 70) {
        into->len = before + 70;
        buf_printf(into, "\xe2\x80\xa6");
    }
}

static void put_origins(const struct view *v, const struct row *r, struct buf *into)
{
    const struct terminal_source *s = &v->options.source;
    struct entry e;
    uint64_t at = r->entry;
    for (int depth = 0; depth < 3; depth++) {
        const char *how;
        if (!s->ops->get(s->ctx, at, &e))
            return;
        at = origin(v, depth ? NULL : r, &e, &how);
        if (!at || !s->ops->get(s->ctx, at, &e))
            return;
        buf_printf(into, "%s%s ", depth ? "; " : "", how);
        put_event(v, &e, into);
    }
}

static void put_effects(const struct view *v, const struct row *r, struct buf *into)
{
    const struct terminal_source *s = &v->options.source;
    struct entry e;
    uint64_t next[6];
    size_t n = s->ops->future(s->ctx, r->entry, next, 6);
    if (n)
        buf_printf(into, "leads to");
    for (size_t i = 0; i < n && i < 3; i++) {
        if (!s->ops->get(s->ctx, next[i], &e))
            continue;
        buf_printf(into, "%s", i ? "; " : " ");
        put_event(v, &e, into);
    }
    if (n > 3)
        buf_printf(into, " ...");
}

static void put_head_line(const struct view *v, const struct row *r, const struct entry *e,
                          struct buf *into)
{
    buf_printf(into, "e%" PRIu64 DOT "%s, life %u, its event %" PRIu64 DOT "%.6f s", e->ordinal,
               lanes_name(&v->model.lanes, e->node), e->boot, e->head.seq,
               (double)e->head.mono_ns / 1e9);
    if (e->head.lamport)
        buf_printf(into, DOT "Lamport %" PRIu64, e->head.lamport);
    (void)r;
}

static void fold_detail(const struct view *v, const struct row *r, struct canvas *c, int y,
                        int lines)
{
    struct buf text = {0};
    row_sentence(&v->model, r, &text);
    int n = wrap_buf(c, 1, y, lines, &text, STYLE_INK);
    buf_printf(&text, "Events e%" PRIu64 " to e%" PRIu64 ". Enter shows them one by one.", r->first,
               r->last);
    if (n < lines)
        wrap_buf(c, 1, y + n, lines - n, &text, STYLE_FAINT);
}

void pane_detail(const struct view *v, struct canvas *c, int y, int lines)
{
    const struct row *r = view_row(v);
    const struct terminal_source *s = &v->options.source;
    struct entry e;
    struct buf text = {0};
    if (!r)
        return;
    if (r->kind == ROW_FOLD || !s->ops->get(s->ctx, r->entry, &e)) {
        if (r->kind == ROW_FOLD)
            fold_detail(v, r, c, y, lines);
        return;
    }
    put_head_line(v, r, &e, &text);
    buf_printf(&text, DOT);
    s->ops->describe(s->ctx, &e, &text);
    int n = 0;
    struct buf sentence = {0};
    row_sentence(&v->model, r, &sentence);
    n += wrap_buf(c, 1, y, lines > 3 ? 2 : 1, &sentence, r->style | STYLE_BOLD);
    struct buf origins = {0}, effects = {0};
    put_origins(v, r, &origins);
    put_effects(v, r, &effects);
    int rest = (lines - n) / 3 > 0 ? (lines - n) / 3 : 1;
    n += wrap_buf(c, 1, y + n, rest, &origins, STYLE_INK);
    if (n < lines)
        n += wrap_buf(c, 1, y + n, rest, &effects, STYLE_INK);
    else
        buf_free(&effects);
    if (n < lines)
        wrap_buf(c, 1, y + n, lines - n, &text, STYLE_FAINT);
    else
        buf_free(&text);
}

void pane_keys(const struct view *v, struct canvas *c, int y)
{
    char text[300];
    if (v->prompt != PROMPT_NONE) {
        const char *what = v->prompt == PROMPT_FIND ? "/" : "orrery ";
        snprintf(text, sizeof text, "%s%s", what, v->typed);
        int n = canvas_text(c, 1, y, c->width - 2, text, STYLE_INK);
        canvas_put(c, 1 + n, y, '_', STYLE_BRASS | STYLE_REVERSE);
        return;
    }
    if (v->said[0]) {
        canvas_text(c, 1, y, c->width - 2, v->said, v->refused ? STYLE_FAULT : STYLE_BRASS);
        return;
    }
    char acts[80] = "";
    const char *stop = v->live ? "space stop  " : "space live  ";
    const char *more =
        c->width >= 110 ? "c causes  / find  : command  + \xe2\x88\x92 detail  " : "";
    if (v->options.act && !v->options.recording) {
        bool paused = v->chosen && v->chosen < v->model.lanes.n &&
                      v->model.lanes.lanes[v->chosen].state == LANE_PAUSED;
        snprintf(acts, sizeof acts, "%.12s: k kill  p %s  r restart  x cut   ",
                 v->chosen ? lanes_name(&v->model.lanes, v->chosen) : "1-9",
                 paused ? "resume" : "pause");
    } else {
        stop = "PgUp PgDn Home End  ";
        more = "c causes  / find  + \xe2\x88\x92 detail  ";
    }
    snprintf(text, sizeof text, "%s%s\xe2\x86\x91\xe2\x86\x93 look  %s? help  q quit", acts, stop,
             more);
    canvas_text(c, 1, y, c->width - 2, text, STYLE_FAINT);
}

static const char *const help[] = {
    "Keys",
    "  1-9 left right  choose a node; then k kill  p pause  r restart  x cut off",
    "  h  heals    :  any command, as in  link n1 n2 --delay 200ms --loss 10%",
    "  up down PgUp PgDn Home  select    End or L  live    space  stop and go",
    "  c  its causes: \xe2\x96\xb4 led to it, \xe2\x96\xbe it led to    Enter  opens a count; to "
    "the cause",
    "  /  finds a text or an event (e1290), n N  more    Esc  back    q  quit",
    "  + \xe2\x88\x92  more and less: marks, counted messages, each message, each event",
    "Marks",
    "  \xe2\x97\x8f\xe2\x94\x80\xe2\x96\xb6  a message, sent and received     "
    "\xe2\x97\x8f\xe2\x94\x80\xe2\x9c\x95  lost, or its receiver dead",
    "  \xe2\x95\x8c\xe2\x95\x8c\xe2\x96\xb6  sent earlier, arrives here       "
    "\xe2\x95\x8c\xe2\x95\x8c\xe2\x96\xb7  still under way, or late",
    "  \xe2\x86\x91"
    "4\xe2\x86\x93"
    "16 in this span it sent 4 and received 16     \xe2\x9c\x95"
    "4 four to it were lost",
    "  \xe2\x97\x8f\xe2\x94\x84\xe2\x9c\x97  your command, and what it hits     \xe2\x89\x88  "
    "events are missing",
    "  \xe2\x97\x90  starts    \xe2\x9c\x97 killed, then \xe2\x96\x91    \xe2\x80\x96 paused, then "
    "\xe2\x94\x86    \xe2\x96\xb6 goes on",
    "  ?phi  the detector phi doubts a node, which does not decide yet",
    "  !n2  suspects n2    \xe2\x80\xa0n2  calls n2 dead    \xe2\x9c\x93n2  trusts n2 again",
};

void pane_help(const struct view *v, struct canvas *c)
{
    int y = 1;
    for (size_t i = 0; i < sizeof help / sizeof help[0] && y < c->height - 2; i++) {
        bool title = help[i][0] && help[i][0] != ' ';
        const char *text = title ? help[i] : help[i] + (help[i][0] ? 2 : 0);
        int used = wrap(c, title ? 1 : 3, y, 2, text, title ? STYLE_BRASS | STYLE_BOLD : STYLE_INK);
        y += used ? used : 1;
    }
    canvas_text(c, 1, c->height - 1, c->width - 2,
                v->options.owner ? "Any key goes back. q then ends the run and all its processes."
                                 : "Any key goes back. q then leaves; the run goes on.",
                STYLE_FAINT);
}
