#include "terminal/layout.h"

#include "base/must.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LANE = 0x2502,
    LANE_STARTS = 0x250a,
    LANE_PAUSES = 0x2506,
    LANE_HATCH = 0x2591,
    SHAFT = 0x2500,
    SHAFT_LATE = 0x254c,
    SHAFT_OPERATOR = 0x2504,
    CROSSING = 0x253c,
    SENT = 0x25cf,
    HEAD_RIGHT = 0x25b6,
    HEAD_LEFT = 0x25c0,
    OPEN_RIGHT = 0x25b7,
    OPEN_LEFT = 0x25c1,
    CROSS = 0x2715,
    DOT = 0xb7,
    NEEDLE = 0x25b8,
    PAST = 0x25b4,
    FUTURE = 0x25be,
    TICK = 0x256a,
};

enum { TIME_X = 1, TIME_COLUMNS = 8, ID_COLUMNS = 9, YOU_COLUMNS = 6 };
enum { PITCH_MAX = 14, TEXT_MIN = 30, TEXT_MAX = 80, ROW_LINES_MAX = 4 };

/* Room for the numbers of nodes side by side. */
static int pitch_min(uint32_t lanes)
{
    return lanes > 1000 ? 5 : lanes > 100 ? 4 : 3;
}

/* Shows as many nodes as fit, from `first` on, and `want` among them. */
static void crowd(struct geometry *g, int fit, uint32_t first, uint32_t want)
{
    uint32_t nodes = fit > 3 ? (uint32_t)fit - 2 : 1; /* Less the two edges. */
    g->first = first >= 1 && first < g->lanes ? first : 1;
    if (want && want < g->first)
        g->first = want;
    if (want && want >= g->first + nodes)
        g->first = want - nodes + 1;
    if (g->first + nodes > g->lanes)
        g->first = g->lanes > nodes ? g->lanes - nodes : 1;
    g->last = g->first + nodes - 1;
    g->left_x = g->nodes_x;
    g->right_x = g->nodes_x + (int)(nodes + 1) * g->pitch;
    g->text_x = g->right_x + g->pitch;
}

void geometry_make(struct geometry *g, int width, uint32_t lanes, uint32_t first, uint32_t want)
{
    *g = (struct geometry){.width = width, .lanes = lanes};
    int x = TIME_X + TIME_COLUMNS + 1, least = pitch_min(lanes);
    if (width >= 100) {
        g->id_x = x;
        x += ID_COLUMNS;
    }
    int nodes = lanes > 1 ? (int)lanes - 1 : 1;
    int text = width * 2 / 5 < TEXT_MAX ? width * 2 / 5 : TEXT_MAX;
    if (nodes * least + text > width - x - YOU_COLUMNS)
        text = TEXT_MIN;
    int room = width - x - YOU_COLUMNS - text;
    room = room < 3 * least ? 3 * least : room;
    int pitch = room / nodes;
    g->pitch = pitch > PITCH_MAX ? PITCH_MAX : pitch < least ? least : pitch;
    g->lanes_x = x;
    g->nodes_x = x + (g->pitch > YOU_COLUMNS ? g->pitch : YOU_COLUMNS);
    if (g->pitch > YOU_COLUMNS && g->nodes_x + nodes * g->pitch + text > width)
        g->nodes_x = x + YOU_COLUMNS;
    g->first = 1;
    g->last = lanes - 1;
    if (nodes * g->pitch > room)
        crowd(g, room / g->pitch, first, want);
    else
        g->text_x = g->nodes_x + nodes * g->pitch + 1;
}

bool geometry_shows(const struct geometry *g, uint32_t lane)
{
    return lane == 0 || (lane >= g->first && lane <= g->last);
}

int geometry_x(const struct geometry *g, uint32_t lane)
{
    if (lane == 0)
        return g->lanes_x;
    if (lane < g->first)
        return g->left_x;
    if (lane > g->last)
        return g->right_x ? g->right_x : g->text_x - 1;
    return g->nodes_x + (int)(lane - g->first + (g->left_x ? 1 : 0)) * g->pitch;
}

static bool among(const uint64_t *sorted, size_t n, uint64_t from, uint64_t to)
{
    size_t low = 0, high = n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sorted[middle] < from)
            low = middle + 1;
        else
            high = middle;
    }
    return low < n && sorted[low] <= to;
}

static enum cone_part part_of(const struct cone *c, uint64_t from, uint64_t to)
{
    if (from <= c->focus && c->focus <= to)
        return CONE_FOCUS;
    if (among(c->past, c->n_past, from, to))
        return CONE_PAST;
    return among(c->future, c->n_future, from, to) ? CONE_FUTURE : CONE_NONE;
}

enum cone_part cone_part(const struct cone *c, const struct row *r)
{
    if (!c || !c->focus || r->kind == ROW_QUIET)
        return CONE_NONE;
    if (r->kind == ROW_FOLD)
        return part_of(c, r->first, r->last);
    enum cone_part part = part_of(c, r->entry, r->entry);
    for (uint32_t i = 0; i < r->n_heads && part == CONE_NONE; i++)
        if (r->heads[i].ordinal)
            part = part_of(c, r->heads[i].ordinal, r->heads[i].ordinal);
    return part;
}

static uint32_t lane_glyph(enum lane_state state)
{
    switch (state) {
    case LANE_RUNNING:
        return LANE;
    case LANE_STARTING:
        return LANE_STARTS;
    case LANE_PAUSED:
        return LANE_PAUSES;
    case LANE_DEAD:
        return LANE_HATCH;
    default:
        return 0;
    }
}

void layout_lanes(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                  uint64_t row, bool quiet)
{
    canvas_put(c, g->lanes_x, y, quiet ? DOT : LANE_STARTS, STYLE_FAINT);
    for (uint32_t i = g->first; i <= g->last && i < m->lanes.n; i++) {
        enum lane_state state = lane_state_at(&m->lanes.lanes[i], row);
        uint32_t code = lane_glyph(state);
        if (quiet && state == LANE_RUNNING)
            code = DOT;
        if (code)
            canvas_put(c, geometry_x(g, i), y, code,
                       state == LANE_DEAD ? STYLE_FAULT : STYLE_FAINT);
    }
    if (g->left_x && g->first > 1)
        canvas_put(c, g->left_x, y, DOT, STYLE_FAINT);
    if (g->right_x && g->last + 1 < g->lanes)
        canvas_put(c, g->right_x, y, DOT, STYLE_FAINT);
}

/* From x to x2, both left out, over lanes that it crosses. */
static void shaft(struct canvas *c, int y, int x, int x2, uint32_t code, int style)
{
    int step = x < x2 ? 1 : -1;
    for (int i = x + step; i != x2; i += step) {
        uint32_t there = canvas_at(c, i, y);
        if (there == LANE && code == SHAFT)
            canvas_put(c, i, y, CROSSING, style);
        else if (there == 0 || there == LANE_HATCH || there == SHAFT_LATE || there == LANE_STARTS ||
                 there == LANE_PAUSES)
            canvas_put(c, i, y, there && code == SHAFT_OPERATOR ? there : code, style);
    }
}

/* Where the message ends for this head: at the lane, or at the cross before it. */
static int head_end(const struct canvas *c, int y, const struct row *r, const struct head *h,
                    int from, int at)
{
    if (h->outcome != HEAD_LOST)
        return at;
    if (r->n_heads > 1)
        return at > from ? at - 1 : at + 1;
    int half = from + (at - from) / 2, step = at > from ? 1 : -1;
    while (canvas_at(c, half, y) != 0 && half != at - step)
        half += step; /* The cross is on the way, on nobody's lane. */
    return half;
}

static void draw_head(struct canvas *c, int y, const struct head *h, bool missing, int from, int at,
                      int style)
{
    bool right = at > from;
    if (h->outcome == HEAD_ARRIVED)
        canvas_put(c, at, y, right ? HEAD_RIGHT : HEAD_LEFT, style | STYLE_BOLD);
    else if (missing || h->outcome == HEAD_LOST || h->outcome == HEAD_DEAD)
        canvas_put(c, at, y, CROSS, STYLE_FAULT | STYLE_BOLD);
    else
        canvas_put(c, at, y, right ? OPEN_RIGHT : OPEN_LEFT, style);
}

static bool solid(const struct head *h)
{
    return h->outcome != HEAD_FLYING && h->outcome != HEAD_LATE;
}

/* The name of the message on its own shaft, where there is room. */
static void draw_name(struct canvas *c, int y, const struct row *r, int from, int pitch)
{
    int columns = r->text ? canvas_columns(r->text) : 0;
    if (!columns || columns + 3 > pitch)
        return;
    int at = canvas_at(c, from + 1, y) == SHAFT ? from + 2 : from - 1 - columns;
    for (int i = 0; i < columns; i++)
        if (canvas_at(c, at + i, y) != SHAFT)
            return;
    canvas_text(c, at, y, columns, r->text, r->style);
}

static void draw_shafts(struct canvas *c, int y, const struct geometry *g, const struct row *r,
                        const int *ends)
{
    int from = geometry_x(g, r->lane);
    for (int pass = 0; pass < 2; pass++) /* Dotted ones first: solid shafts lie above them. */
        for (uint32_t i = 0; i < r->n_heads; i++)
            if (solid(&r->heads[i]) == (pass == 1) && ends[i] != from)
                shaft(c, y, from, ends[i], r->kind == ROW_ARRIVAL || pass == 0 ? SHAFT_LATE : SHAFT,
                      r->style);
}

static void draw_message(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                         const struct row *r)
{
    int from = geometry_x(g, r->lane);
    bool late = r->kind == ROW_ARRIVAL;
    int *ends = must_alloc(r->n_heads, sizeof *ends);
    for (uint32_t i = 0; i < r->n_heads; i++)
        ends[i] = head_end(c, y, r, &r->heads[i], from, geometry_x(g, r->heads[i].lane));
    draw_shafts(c, y, g, r, ends);
    for (uint32_t i = 0; i < r->n_heads; i++)
        if (ends[i] != from)
            draw_head(c, y, &r->heads[i], model_is_missing(m, r, &r->heads[i]), from, ends[i],
                      r->style);
    free(ends);
    if (!late)
        canvas_put(c, from, y, SENT, r->style);
    if (!late && geometry_shows(g, r->lane))
        draw_name(c, y, r, from, g->pitch);
}

static void draw_mark(struct canvas *c, int y, const struct geometry *g, const struct row *r,
                      uint32_t lane)
{
    int x = geometry_x(g, lane), columns = canvas_columns(r->brief);
    canvas_put(c, x, y, r->glyph, r->style | STYLE_BOLD);
    /* Half a name says nothing; the sentence says it all. */
    if (geometry_shows(g, lane) && columns + 1 < g->pitch)
        canvas_text(c, x + 1, y, columns, r->brief, r->style);
}

static void draw_operator(struct canvas *c, int y, const struct geometry *g, const struct row *r)
{
    int from = geometry_x(g, 0);
    for (uint32_t i = 0; i < r->n_heads; i++)
        shaft(c, y, from, geometry_x(g, r->heads[i].lane), SHAFT_OPERATOR, STYLE_FAULT);
    for (uint32_t i = 0; i < r->n_heads; i++)
        canvas_put(c, geometry_x(g, r->heads[i].lane), y, r->glyph, STYLE_FAULT | STYLE_BOLD);
    canvas_put(c, from, y, SENT, STYLE_BRASS | STYLE_BOLD);
}

/* What one lane did in a fold, as much of it as its column has room for. */
static void draw_cell(struct canvas *c, int y, int x, int room, const struct fold_lane *f,
                      bool dead)
{
    char lost[16] = "", both[48], received[32];
    if (f->lost)
        snprintf(lost, sizeof lost, "\xe2\x9c\x95%" PRIu32, f->lost);
    snprintf(both, sizeof both, "\xe2\x86\x91%" PRIu32 "\xe2\x86\x93%" PRIu32, f->sent,
             f->received);
    snprintf(received, sizeof received, "\xe2\x86\x93%" PRIu32, f->received);
    if (dead && !f->sent && !f->received) {
        if (*lost && canvas_columns(lost) < room)
            canvas_text(c, x + 1, y, room - 1, lost, STYLE_FAULT);
        return;
    }
    if (!f->sent && !f->received && !f->lost) {
        if (f->others)
            canvas_put(c, x, y, TICK, STYLE_BEAT);
        return;
    }
    const char *first = canvas_columns(both) + canvas_columns(lost) <= room ? both
                        : *lost && canvas_columns(received) + canvas_columns(lost) <= room
                            ? received
                        : *lost                            ? ""
                        : canvas_columns(received) <= room ? received
                                                           : "";
    int n = canvas_text(c, x, y, room, first, STYLE_BEAT);
    if (*lost && n + canvas_columns(lost) <= room)
        n += canvas_text(c, x + n, y, room - n, lost, STYLE_FAULT);
    if (!n)
        canvas_put(c, x, y, f->lost ? CROSS : TICK, f->lost ? STYLE_FAULT : STYLE_BEAT);
}

static void draw_fold(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                      const struct row *r)
{
    struct fold_lane left = {0}, right = {0};
    for (uint32_t i = 1; i < r->fold->n_lanes; i++) {
        const struct fold_lane *f = &r->fold->lanes[i];
        if (geometry_shows(g, i)) {
            bool dead = i < m->lanes.n && lane_state_at(&m->lanes.lanes[i], r->id) == LANE_DEAD;
            draw_cell(c, y, geometry_x(g, i), g->pitch - 1, f, dead);
            continue;
        }
        struct fold_lane *edge = i < g->first ? &left : &right;
        edge->sent += f->sent;
        edge->received += f->received;
        edge->lost += f->lost;
    }
    if (left.sent || left.received || left.lost)
        draw_cell(c, y, g->left_x, g->pitch - 1, &left, false);
    if (right.sent || right.received || right.lost)
        draw_cell(c, y, g->right_x, g->pitch - 1, &right, false);
}

/* Messages that are under way across this row travel in the column beside their sender. */
static void draw_flights(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                         const struct row *r)
{
    uint32_t n = m->n_flights < MODEL_FLIGHTS ? m->n_flights : MODEL_FLIGHTS;
    for (uint32_t i = 0; i < n; i++) {
        const struct flight *f = &m->flights[i];
        if (r->id <= f->from_row || r->id >= f->to_row || !geometry_shows(g, f->from))
            continue;
        int x = geometry_x(g, f->from) + (f->to > f->from ? 1 : -1);
        if (canvas_at(c, x, y) == 0)
            canvas_put(c, x, y, LANE_PAUSES, STYLE_BEAT);
    }
}

static int text_style(const struct row *r)
{
    if (r->kind == ROW_MARK || r->kind == ROW_OPERATOR)
        return r->kind == ROW_OPERATOR ? STYLE_BRASS | STYLE_BOLD : r->style;
    return r->kind == ROW_QUIET || r->kind == ROW_FOLD ? STYLE_FAINT : STYLE_INK;
}

static void dim(struct canvas *c, int y, int from)
{
    canvas_restyle(c, from, y, c->width - from, STYLE_FAINT);
}

static void draw_gutter(struct canvas *c, int y, const struct geometry *g, const struct row *r)
{
    char text[40];
    double seconds = (double)(r->kind == ROW_FOLD ? r->to_ns : r->from_ns) / 1e9;
    if (r->kind == ROW_QUIET)
        return;
    snprintf(text, sizeof text, "%*.*f", TIME_COLUMNS, seconds < 10000 ? 3 : 0, seconds);
    canvas_text(c, TIME_X, y, TIME_COLUMNS, text, STYLE_FAINT);
    if (!g->id_x || r->kind == ROW_FOLD)
        return;
    snprintf(text, sizeof text, "e%" PRIu64, r->entry);
    canvas_text(c, g->id_x, y, ID_COLUMNS - 1, text, STYLE_FAINT);
}

/* Words of what matters may go on below; other rows take one line. */
static int lines_allowed(const struct row *r)
{
    return r->kind == ROW_MARK || r->kind == ROW_OPERATOR ? ROW_LINES_MAX : 1;
}

static int draw_words(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                      const struct row *r, int lines)
{
    struct buf words = {0};
    row_sentence(m, r, &words);
    int used = canvas_wrap(c, g->text_x, y, g->width - g->text_x, lines, (char *)words.base,
                           text_style(r));
    buf_free(&words);
    return used ? used : 1;
}

int layout_lines(const struct geometry *g, const struct model *m, const struct row *r)
{
    int allowed = lines_allowed(r);
    return allowed == 1 ? 1 : draw_words(NULL, 0, g, m, r, allowed);
}

void layout_row(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                const struct row *r, const struct row_view *view)
{
    enum cone_part part = cone_part(view->cone, r);
    int lines = lines_allowed(r) < view->lines ? lines_allowed(r) : view->lines;
    layout_lanes(c, y, g, m, r->id, r->kind == ROW_QUIET);
    if (r->kind == ROW_MESSAGE || r->kind == ROW_ARRIVAL)
        draw_message(c, y, g, m, r);
    else if (r->kind == ROW_OPERATOR)
        draw_operator(c, y, g, r);
    else if (r->kind == ROW_FOLD)
        draw_fold(c, y, g, m, r);
    else if (r->kind == ROW_MARK)
        draw_mark(c, y, g, r, r->lane);
    for (uint32_t i = 0; r->kind == ROW_MARK && i < r->n_heads; i++)
        draw_mark(c, y, g, r, r->heads[i].lane);
    draw_flights(c, y, g, m, r);
    draw_gutter(c, y, g, r);
    int used = draw_words(c, y, g, m, r, lines);
    for (int i = 1; i < used; i++)
        layout_lanes(c, y + i, g, m, r->id, false);
    for (int i = 0; i < used && view->cone && view->cone->focus && part == CONE_NONE; i++)
        dim(c, y + i, 0);
    if (part == CONE_PAST || part == CONE_FUTURE)
        canvas_put(c, 0, y, part == CONE_PAST ? PAST : FUTURE, STYLE_BRASS);
    if (view->selected) {
        canvas_put(c, 0, y, NEEDLE, STYLE_BRASS | STYLE_BOLD);
        canvas_restyle(c, 0, y, g->lanes_x, STYLE_BRASS | STYLE_REVERSE);
    }
}

static const char *state_mark(enum lane_state state)
{
    return state == LANE_DEAD       ? "\xe2\x9c\x97"
           : state == LANE_PAUSED   ? "\xe2\x80\x96"
           : state == LANE_STARTING ? "\xe2\x97\x90"
                                    : "";
}

/* Of a name that does not fit, its number where it has one. */
static void short_name(const struct lane *lane, uint32_t node, int room, char into[LANE_NAME_SIZE])
{
    char usual[LANE_NAME_SIZE];
    snprintf(usual, sizeof usual, "n%" PRIu32, node);
    if (canvas_columns(lane->name) > room && strcmp(lane->name, usual) == 0)
        snprintf(into, LANE_NAME_SIZE, "%" PRIu32, node);
    else
        snprintf(into, LANE_NAME_SIZE, "%s", lane->name);
}

static void header_lane(struct canvas *c, int y, const struct geometry *g, const struct lane *lane,
                        uint32_t node, uint64_t row, bool chosen)
{
    char name[LANE_NAME_SIZE], text[64];
    enum lane_state state = lane_state_at(lane, row);
    int x = geometry_x(g, node), room = g->pitch - 1;
    bool bad = state == LANE_DEAD || state == LANE_PAUSED;
    short_name(lane, node, room, name);
    snprintf(text, sizeof text, "%s%s", name, state_mark(state));
    int style = chosen ? STYLE_BRASS | STYLE_BOLD | STYLE_REVERSE
                : bad  ? STYLE_FAULT
                       : STYLE_INK | STYLE_BOLD;
    int n = canvas_text(c, x, y, room, canvas_columns(text) > room ? name : text, style);
    /* What it is, where the whole of it fits beside the name. */
    if (*lane->group && n + 1 + canvas_columns(lane->group) <= room)
        n += 1 + canvas_text(c, x + n + 1, y, room - n - 1, lane->group, STYLE_FAINT);
    if (chosen && n + 2 <= g->pitch)
        canvas_put(c, x - 1, y, NEEDLE, STYLE_BRASS | STYLE_BOLD);
}

void layout_header(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                   uint64_t row, uint32_t chosen)
{
    char text[64];
    canvas_text(c, TIME_X, y, TIME_COLUMNS, " seconds", STYLE_FAINT);
    if (g->id_x)
        canvas_text(c, g->id_x, y, ID_COLUMNS - 1, "event", STYLE_FAINT);
    canvas_text(c, g->lanes_x, y, YOU_COLUMNS - 1, "you", STYLE_INK | STYLE_BOLD);
    for (uint32_t i = g->first; i <= g->last && i < m->lanes.n; i++)
        header_lane(c, y, g, &m->lanes.lanes[i], i, row, i == chosen);
    if (g->left_x && g->first > 1) {
        snprintf(text, sizeof text, "\xe2\x97\x82%" PRIu32, g->first - 1);
        canvas_text(c, g->left_x, y, g->pitch, text, STYLE_FAINT);
    }
    if (g->right_x && g->last + 1 < g->lanes) {
        snprintf(text, sizeof text, "%" PRIu32 "\xe2\x96\xb8", g->lanes - 1 - g->last);
        canvas_text(c, g->right_x, y, g->pitch, text, STYLE_FAINT);
    }
}
