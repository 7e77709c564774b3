#include "terminal/view.h"

#include "base/check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How many entries are read at once, by level: about what MODEL_ROWS_MAX rows can hold. */
static const uint64_t read_entries[] = {
    [TERMINAL_MARKS] = 200000,
    [TERMINAL_ROUNDS] = 200000,
    [TERMINAL_MESSAGES] = 40000,
    [TERMINAL_ALL] = 15000,
};

static uint64_t newest(const struct view *v)
{
    return v->options.source.ops->newest(v->options.source.ctx);
}

static uint64_t oldest(const struct view *v)
{
    return v->options.source.ops->oldest(v->options.source.ctx);
}

static void read_from(struct view *v, uint64_t ordinal)
{
    model_begin(&v->model, ordinal);
    model_read(&v->model, newest(v));
}

static void read_newest(struct view *v)
{
    uint64_t last = newest(v), n = read_entries[v->model.level];
    read_from(v, last > n ? last - n : 1);
    while (v->model.next <= last) /* More rows than there is room for: the newest count. */
        read_from(v, v->model.next - (v->model.next - v->model.begin) / 4);
}

void view_live(struct view *v)
{
    if (v->model.next <= newest(v))
        read_newest(v);
    v->live = true;
}

void view_init(struct view *v, const struct terminal_options *options)
{
    memset(v, 0, sizeof *v);
    v->options = *options;
    v->status.pace = 1;
    for (int i = 0; i < 4; i++)
        v->words[i][0] = 0;
    model_init(&v->model, options->source, options->level);
    v->lines = 10;
    geometry_make(&v->geometry, 80, 1, 1, 0);
    v->first = 1;
    v->dirty = true;
    if (options->recording)
        read_from(v, oldest(v));
    else
        read_newest(v);
    v->live = !options->recording;
    if (!v->live && model_rows(&v->model))
        v->top = v->selected = model_row(&v->model, 0)->id;
}

static void free_cone(struct view *v)
{
    free(v->cone.past);
    free(v->cone.future);
    memset(&v->cone, 0, sizeof v->cone);
}

void view_free(struct view *v)
{
    free_cone(v);
    model_free(&v->model);
}

void view_entry(struct view *v, const struct entry *e)
{
    /* A source may begin in the middle of a run, and may miss what came too fast. */
    struct entry here = *e;
    bool end = v->live || !model_rows(&v->model) || v->model.next < oldest(v);
    if (here.ordinal > v->model.next && end)
        model_begin(&v->model, here.ordinal);
    if (here.ordinal == v->model.next)
        model_feed(&v->model, &here);
    v->dirty = true;
}

static const char *keep(struct view *v, int i, const char *text)
{
    if (!text)
        return NULL;
    snprintf(v->words[i], sizeof v->words[i], "%s", text);
    return v->words[i];
}

void view_status(struct view *v, const struct terminal_status *status)
{
    v->status = *status;
    v->status.run = keep(v, 0, status->run);
    v->status.protocol = keep(v, 1, status->protocol);
    v->status.recording = keep(v, 2, status->recording);
    v->status.trouble = keep(v, 3, status->trouble);
    if (v->model.next > newest(v))
        model_tick(&v->model, status->now_ns);
    if (v->said_for > 0 && --v->said_for == 0)
        v->said[0] = 0;
    v->dirty = true;
}

void view_say(struct view *v, const char *sentence, bool refused)
{
    snprintf(v->said, sizeof v->said, "%s", sentence);
    v->refused = refused;
    v->said_for = VIEW_SAID_FOR;
    v->dirty = true;
}

const struct row *view_row(const struct view *v)
{
    size_t n = model_rows(&v->model);
    if (!n)
        return NULL;
    return model_row(&v->model, v->live ? n - 1 : model_index(&v->model, v->selected));
}

/* The first row to draw, so that the newest one ends at the bottom. */
static size_t live_top(const struct view *v, int lines)
{
    const struct model *m = &v->model;
    size_t top = model_rows(m);
    while (top > 0) {
        lines -= layout_lines(&v->geometry, m, model_row(m, top - 1));
        if (lines < 0)
            break;
        top--;
    }
    return top;
}

/* Brings the selected row into view. */
static void scroll(struct view *v)
{
    const struct model *m = &v->model;
    if (!model_rows(m))
        return;
    size_t at = model_index(m, v->selected), top = model_index(m, v->top);
    size_t lowest = at; /* The top row from which the selected one is still seen. */
    int lines = v->lines - layout_lines(&v->geometry, m, model_row(m, at));
    while (lowest > 0 && lines > 0) {
        lines -= layout_lines(&v->geometry, m, model_row(m, lowest - 1));
        if (lines >= 0)
            lowest--;
    }
    top = at < top ? at : top < lowest ? lowest : top;
    v->top = model_row(m, top)->id;
}

static void go_to(struct view *v, size_t index)
{
    const struct row *r = model_row(&v->model, index);
    if (!r)
        return;
    if (v->live)
        v->top = model_row(&v->model, live_top(v, v->lines))->id;
    v->live = false;
    v->selected = r->id;
    scroll(v);
}

void view_select(struct view *v, uint64_t ordinal)
{
    if (ordinal < oldest(v) || ordinal > newest(v))
        return;
    if (ordinal < v->model.begin || ordinal >= v->model.next) {
        uint64_t back = read_entries[v->model.level] / 2;
        read_from(v, ordinal > back ? ordinal - back : 1);
    }
    go_to(v, model_find(&v->model, ordinal));
}

/* The rows again, by another rule, with the same entry in view. */
static void reread(struct view *v)
{
    const struct row *r = view_row(v);
    uint64_t ordinal = r ? r->entry ? r->entry : r->first : 0;
    bool live = v->live;
    read_newest(v);
    v->live = live;
    if (!live && ordinal) {
        v->top = 0;
        view_select(v, ordinal);
    }
}

/* Back before the first row, as far as there is something. */
static bool read_older(struct view *v, uint64_t from)
{
    uint64_t begin = v->model.begin;
    if (begin <= oldest(v))
        return false;
    read_from(v, from);
    go_to(v, model_find(&v->model, begin));
    return true;
}

static bool read_newer(struct view *v)
{
    uint64_t next = v->model.next;
    if (next > newest(v))
        return false;
    read_from(v, next > read_entries[v->model.level] / 4 ? next - read_entries[v->model.level] / 4
                                                         : 1);
    go_to(v, model_find(&v->model, next - 1));
    return true;
}

static bool can_stop_at(const struct view *v, size_t index)
{
    const struct row *r = model_row(&v->model, index);
    if (r->kind == ROW_QUIET)
        return false;
    return !v->cone.focus || cone_part(&v->cone, r) != CONE_NONE;
}

static void move(struct view *v, int by)
{
    size_t n = model_rows(&v->model);
    if (!n)
        return;
    size_t at = v->live ? n - 1 : model_index(&v->model, v->selected);
    int step = by < 0 ? -1 : 1;
    size_t found = at;
    if (v->live && by == -1 && can_stop_at(v, at))
        by = 0; /* The first press only stops here. */
    for (size_t i = at; by != 0;) {
        if (step < 0 ? i == 0 : i + 1 >= n)
            break;
        i += (size_t)step;
        if (can_stop_at(v, i)) {
            found = i;
            by -= step;
        }
    }
    if (by < 0 && read_older(v, v->model.begin > read_entries[v->model.level] / 2
                                    ? v->model.begin - read_entries[v->model.level] / 2
                                    : 1))
        return;
    if (by > 0 && read_newer(v))
        return;
    if (by > 0 && !v->options.recording && !v->cone.focus) {
        view_live(v);
        return;
    }
    go_to(v, found);
}

static void home(struct view *v)
{
    if (v->model.begin > oldest(v))
        read_from(v, oldest(v));
    if (model_rows(&v->model))
        go_to(v, 0);
}

static void end(struct view *v)
{
    view_live(v);
    if (v->options.recording && model_rows(&v->model))
        go_to(v, model_rows(&v->model) - 1);
}

static void choose(struct view *v, uint32_t node)
{
    if (node >= v->model.lanes.n || node == 0) {
        view_say(v, "There is no such node.", true);
        return;
    }
    v->chosen = node;
    v->said[0] = 0;
}

static int compare(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x < y ? -1 : x > y;
}

static void causes(struct view *v)
{
    if (v->cone.focus) {
        free_cone(v);
        return;
    }
    const struct row *r = view_row(v);
    if (!r || !r->entry)
        return;
    const struct terminal_source *s = &v->options.source;
    uint64_t focus = r->entry;
    go_to(v, model_index(&v->model, r->id));
    v->cone.past = malloc(VIEW_CONE_MAX * sizeof *v->cone.past);
    v->cone.future = malloc(VIEW_CONE_MAX * sizeof *v->cone.future);
    CHECK(v->cone.past && v->cone.future);
    v->cone.n_past = s->ops->past(s->ctx, focus, v->cone.past, VIEW_CONE_MAX);
    v->cone.n_future = s->ops->future(s->ctx, focus, v->cone.future, VIEW_CONE_MAX);
    qsort(v->cone.past, v->cone.n_past, sizeof *v->cone.past, compare);
    qsort(v->cone.future, v->cone.n_future, sizeof *v->cone.future, compare);
    v->cone.focus = focus;
}

static void set_level(struct view *v, int by)
{
    int level = (int)v->model.level + by;
    if (level < TERMINAL_MARKS || level > TERMINAL_ALL)
        return;
    v->model.level = (enum terminal_level)level;
    v->model.open_first = v->model.open_last = 0;
    reread(v);
}

/* Shows what a fold counted, one by one, and goes to `ordinal` there. */
static void open_fold(struct view *v, const struct row *r, uint64_t ordinal)
{
    v->model.open_first = r->first;
    v->model.open_last = r->last;
    v->live = false;
    reread(v);
    v->top = 0;
    view_select(v, ordinal);
}

/* Enter: a fold opens; of anything else, to what it came from. */
static void enter(struct view *v)
{
    const struct row *r = view_row(v);
    struct entry e;
    if (!r)
        return;
    if (r->kind == ROW_FOLD) {
        open_fold(v, r, r->first);
        return;
    }
    uint64_t because = r->because;
    if (!because && v->options.source.ops->get(v->options.source.ctx, r->entry, &e))
        because = e.cause;
    if (!because) {
        view_say(v, "Nothing is known that caused this.", true);
        return;
    }
    view_select(v, because);
    r = view_row(v);
    if (r && r->kind == ROW_FOLD)
        open_fold(v, r, because);
}

static void escape(struct view *v)
{
    v->said[0] = 0;
    if (v->cone.focus)
        free_cone(v);
    else if (v->model.open_last) {
        v->model.open_first = v->model.open_last = 0;
        reread(v);
    } else {
        end(v);
    }
}

static bool move_key(struct view *v, uint32_t key)
{
    int page = v->lines > 2 ? v->lines - 1 : 1;
    switch (key) {
    case VIEW_UP:
        move(v, -1);
        return true;
    case VIEW_DOWN:
        move(v, 1);
        return true;
    case VIEW_PAGE_UP:
        move(v, -page);
        return true;
    case VIEW_PAGE_DOWN:
        move(v, page);
        return true;
    case VIEW_HOME:
        home(v);
        return true;
    case VIEW_END:
    case 'L':
    case 'l':
        end(v);
        return true;
    case VIEW_LEFT:
        choose(v, v->chosen > 1 ? v->chosen - 1 : v->model.lanes.n - 1);
        return true;
    case VIEW_RIGHT:
        choose(v, v->chosen + 1 < v->model.lanes.n ? v->chosen + 1 : 1);
        return true;
    default:
        return false;
    }
}

static void command_key(struct view *v, uint32_t key)
{
    switch (key) {
    case 'q':
        v->done = true;
        break;
    case '?':
        v->help = true;
        break;
    case ' ':
        if (v->live && model_rows(&v->model))
            go_to(v, model_rows(&v->model) - 1);
        else
            end(v);
        break;
    case 'k':
    case 'p':
    case 'r':
    case 'x':
        view_act_on_chosen(v, (char)key);
        break;
    case 'h':
        view_act(v, "heal");
        break;
    case 'c':
        causes(v);
        break;
    case '+':
    case '=':
        set_level(v, 1);
        break;
    case '-':
        set_level(v, -1);
        break;
    case '/':
        view_ask(v, PROMPT_FIND);
        break;
    case ':':
        view_ask(v, PROMPT_COMMAND);
        break;
    case 'n':
    case 'N':
        if (v->find[0] && !view_find(v, key == 'n' ? -1 : 1))
            view_say(v, "No more of that.", true);
        break;
    case VIEW_ENTER:
        enter(v);
        break;
    case VIEW_ESCAPE:
        escape(v);
        break;
    default:
        if (key >= '1' && key <= '9')
            choose(v, key - '0');
        break;
    }
}

void view_key(struct view *v, uint32_t key)
{
    v->dirty = true;
    if (v->help) {
        v->help = false;
        return;
    }
    if (v->prompt != PROMPT_NONE) {
        view_type(v, key);
        return;
    }
    if (v->refused)
        v->said[0] = 0;
    v->refused = false;
    if (!move_key(v, key))
        command_key(v, key);
}

static void render_rows(struct view *v, struct canvas *c, int y, int lines)
{
    struct model *m = &v->model;
    struct geometry *g = &v->geometry;
    v->lines = lines;
    if (v->chosen >= m->lanes.n)
        v->chosen = 0;
    geometry_make(g, c->width, m->lanes.n, v->first, v->chosen);
    v->first = g->first;
    if (!v->live)
        scroll(v);
    size_t at = v->live ? live_top(v, lines) : model_index(m, v->top);
    const struct row *selected = v->live ? NULL : view_row(v);
    layout_header(c, y - 1, g, m, selected ? selected->id : UINT64_MAX, v->chosen);
    for (int end = y + lines; y < end; at++) {
        const struct row *r = model_row(m, at);
        if (!r && !v->live)
            return;
        if (!r) {
            layout_lanes(c, y++, g, m, UINT64_MAX, false);
            continue;
        }
        struct row_view view = {r == selected, end - y, &v->cone};
        layout_row(c, y, g, m, r, &view);
        y += layout_lines(g, m, r);
    }
}

void view_render(struct view *v, struct canvas *c)
{
    v->dirty = false;
    if (c->width < VIEW_WIDTH_MIN || c->height < VIEW_HEIGHT_MIN) {
        canvas_text(c, 0, 0, c->width, "The window is too small.", STYLE_INK);
        return;
    }
    if (v->help) {
        pane_help(v, c);
        return;
    }
    int pane = c->height < 20 ? 2 : c->height < 30 ? 4 : c->height < 45 ? 7 : 10;
    int lines = c->height - 2 - 1 - pane - 1;
    pane_status(v, c, 0);
    render_rows(v, c, 2, lines);
    pane_rule(v, c, 2 + lines);
    if (v->live)
        pane_story(v, c, 3 + lines, pane);
    else
        pane_detail(v, c, 3 + lines, pane);
    pane_keys(v, c, c->height - 1);
}
