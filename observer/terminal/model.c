#include "terminal/beliefs.h"

#include "base/check.h"
#include "base/must.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEAD_IN = 100000, FOLDS_KEPT = 3, CELLS_MAX = 4000000, NEWS_MAX = 8, NEWS_NS = 1000000000 };
static const uint64_t fold_ns = 1000000000;
static const uint64_t missing_ns = 3000000000;
static const uint64_t young_ns = 250000000; /* A fold below this age waits behind a mark. */

void model_init(struct model *m, struct terminal_source source, enum terminal_level level)
{
    memset(m, 0, sizeof *m);
    m->source = source;
    m->level = level;
    m->next_id = 1;
    m->next = m->begin = 1;
    m->pending = must_alloc(MODEL_PENDING, sizeof *m->pending);
    lanes_init(&m->lanes);
}

static void row_free(struct row *r)
{
    free(r->heads);
    free(r->text);
    fold_free(r->fold);
    memset(r, 0, sizeof *r);
}

static void forget(struct model *m)
{
    for (size_t i = 0; i < m->n; i++)
        row_free(&m->rows[i]);
    row_free(&m->growing);
    row_free(&m->scratch);
    m->n = 0;
    m->folded_lanes = 0;
    m->n_flights = 0;
    m->n_incidents = 0;
    m->told_ns = 0;
    m->now_ns = 0;
    m->news_ns = 0;
    memset(m->pending, 0, MODEL_PENDING * sizeof *m->pending);
    lanes_free(&m->lanes);
}

void model_free(struct model *m)
{
    forget(m);
    free(m->rows);
    free(m->pending);
    memset(m, 0, sizeof *m);
}

void model_begin(struct model *m, uint64_t ordinal)
{
    forget(m);
    lanes_init(&m->lanes);
    uint64_t oldest = m->source.ops->oldest(m->source.ctx);
    if (ordinal < oldest)
        ordinal = oldest;
    uint64_t lead = ordinal > LEAD_IN ? ordinal - LEAD_IN : 1;
    m->next = lead > oldest ? lead : oldest;
    m->silent = true;
    if (ordinal > m->next)
        model_read(m, ordinal - 1);
    m->silent = false;
    m->next = m->begin = ordinal;
}

void model_read(struct model *m, uint64_t last)
{
    struct entry e;
    while (m->next <= last && m->n < MODEL_ROWS_MAX) {
        if (m->source.ops->get(m->source.ctx, m->next, &e))
            model_feed(m, &e);
        else
            m->next++;
    }
}

static void trim(struct model *m)
{
    if (m->n <= MODEL_ROWS_MAX && m->folded_lanes <= CELLS_MAX)
        return;
    size_t gone = m->n / 4 + 1;
    for (size_t i = 0; i < gone; i++) {
        if (m->rows[i].fold)
            m->folded_lanes -= m->rows[i].fold->n_lanes;
        row_free(&m->rows[i]);
    }
    m->n -= gone;
    memmove(m->rows, m->rows + gone, m->n * sizeof *m->rows);
    m->begin = m->n ? m->rows[0].first : m->next;
}

static struct row *append(struct model *m, const struct row *r)
{
    trim(m);
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 256;
        m->rows = realloc(m->rows, m->cap * sizeof *m->rows);
        CHECK(m->rows);
    }
    m->rows[m->n] = *r;
    m->rows[m->n].id = m->next_id++;
    m->growing.id = m->next_id;
    return &m->rows[m->n++];
}

/* Of a run of folds that are alike, all but the newest grow together into one. */
static void join_folds(struct model *m)
{
    if (m->settled || m->n < FOLDS_KEPT + 2)
        return;
    size_t at = m->n - FOLDS_KEPT - 2;
    for (size_t i = at; i < m->n; i++)
        if (m->rows[i].kind != ROW_FOLD || !fold_alike(m->rows[at].fold, m->rows[i].fold))
            return;
    struct row *older = &m->rows[at], *newer = &m->rows[at + 1];
    fold_join(older->fold, newer->fold);
    older->last = newer->last;
    older->to_ns = newer->to_ns;
    m->folded_lanes -= newer->fold->n_lanes;
    row_free(newer);
    m->n--;
    memmove(newer, newer + 1, (m->n - at - 1) * sizeof *m->rows);
}

static void end_fold(struct model *m)
{
    if (!m->growing.fold)
        return;
    struct row r = m->growing;
    memset(&m->growing, 0, sizeof m->growing);
    m->folded_lanes += r.fold->n_lanes;
    append(m, &r);
    if (r.to_ns > m->told_ns)
        m->told_ns = r.to_ns;
    join_folds(m);
}

/* Long stretches without a row are said, where no folds say them. */
static void tell_quiet(struct model *m, uint64_t now_ns)
{
    uint64_t least = m->level == TERMINAL_MARKS    ? 2000000000
                     : m->level == TERMINAL_ROUNDS ? 1500000000
                                                   : 100000000;
    if (m->growing.fold || !m->told_ns || m->silent || now_ns < m->told_ns + least)
        return;
    struct row quiet = {.kind = ROW_QUIET,
                        .style = STYLE_FAINT,
                        .first = m->next,
                        .last = m->next,
                        .from_ns = m->told_ns,
                        .to_ns = now_ns};
    append(m, &quiet);
    m->told_ns = now_ns;
}

bool model_news(struct model *m, uint32_t lane, uint32_t key, uint64_t at_ns)
{
    if (lane >= m->lanes.n || !lane_is_news(&m->lanes.lanes[lane], key, at_ns))
        return false;
    if (at_ns >= m->news_ns + NEWS_NS) {
        m->news_ns = at_ns;
        m->news = 0;
    }
    return m->news++ < NEWS_MAX; /* With hundreds of lanes, all of them have news at once. */
}

void model_remove_last(struct model *m)
{
    CHECK(m->n > 0);
    row_free(&m->rows[--m->n]);
}

enum terminal_level model_level(const struct model *m, const struct entry *e)
{
    bool open = e->ordinal >= m->open_first && e->ordinal <= m->open_last;
    return open && m->level < TERMINAL_MESSAGES ? TERMINAL_MESSAGES : m->level;
}

void model_fly(struct model *m, uint64_t from_row, uint64_t to_row, uint32_t from, uint32_t to)
{
    m->flights[m->n_flights++ % MODEL_FLIGHTS] = (struct flight){from_row, to_row, from, to};
}

struct row *model_add(struct model *m, enum row_kind kind, const struct entry *e)
{
    uint64_t at = e->head.mono_ns;
    if (m->silent) {
        row_free(&m->scratch);
        m->scratch = (struct row){.kind = kind, .lane = e->node};
        return &m->scratch;
    }
    /* A command parts what was before from what comes after; so does a span that is open. */
    bool parts = kind == ROW_OPERATOR || model_level(m, e) != m->level;
    if (m->growing.fold && (parts || at >= m->growing.from_ns + young_ns))
        end_fold(m);
    else
        tell_quiet(m, at);
    struct row r = {.kind = kind,
                    .style = STYLE_INK,
                    .lane = e->node,
                    .first = e->ordinal,
                    .last = e->ordinal,
                    .entry = e->ordinal,
                    .from_ns = at,
                    .to_ns = at};
    if (at > m->told_ns)
        m->told_ns = at;
    return append(m, &r);
}

void row_text(struct row *r, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    free(r->text);
    r->text = must_copy(text);
}

struct head *row_head(struct row *r, uint32_t lane, enum head_outcome outcome)
{
    r->heads = realloc(r->heads, (r->n_heads + 1) * sizeof *r->heads);
    CHECK(r->heads);
    struct head *h = &r->heads[r->n_heads++];
    *h = (struct head){.lane = lane, .outcome = (uint8_t)outcome, .latency_ns = UINT64_MAX};
    return h;
}

void model_tick(struct model *m, uint64_t now_ns)
{
    if (now_ns > m->now_ns)
        m->now_ns = now_ns;
    if (m->growing.fold && m->now_ns >= m->growing.from_ns + fold_ns)
        end_fold(m);
}

/* A node that speaks is alive, whatever was known; what it is may have been said before our time.
 */
static void note_alive(struct model *m, const struct entry *e)
{
    struct lane *lane = lanes_of(&m->lanes, e->node);
    if (!lane || e->node == 0)
        return;
    if (lane->types_boot != e->boot && e->head.body != ORRERY__EVENT__BODY_START) {
        const Orrery__Start *s = m->source.ops->start_of(m->source.ctx, e->node, e->boot);
        if (s) {
            if (s->nodes && s->nodes < LANES_MAX)
                lanes_of(&m->lanes, s->nodes);
            lane = lanes_of(&m->lanes, e->node);
            moment_learn(m, lane, e->boot, s);
        }
    }
    if (lane->state == LANE_ABSENT)
        lane_set_state(lane, LANE_RUNNING, m->silent ? 0 : m->next_id);
    lane->boot = e->boot;
}

void model_feed(struct model *m, const struct entry *e)
{
    if (e->ordinal < m->next)
        return;
    m->next = e->ordinal + 1;
    model_tick(m, e->head.mono_ns);
    note_alive(m, e);
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_SEND:
        model_send(m, e);
        break;
    case ORRERY__EVENT__BODY_RECEIVE:
        model_receive(m, e);
        break;
    case ORRERY__EVENT__BODY_DROP:
        model_drop(m, e);
        break;
    default:
        model_moment(m, e);
        break;
    }
}

bool model_is_missing(const struct model *m, const struct row *r, const struct head *h)
{
    if (h->outcome != HEAD_FLYING || m->now_ns < r->from_ns + missing_ns)
        return false;
    return h->lane >= m->lanes.n || m->lanes.lanes[h->lane].state != LANE_PAUSED;
}

size_t model_rows(const struct model *m)
{
    return m->n + (m->growing.fold ? 1 : 0);
}

const struct row *model_row(const struct model *m, size_t index)
{
    if (index < m->n)
        return &m->rows[index];
    return index == m->n && m->growing.fold ? &m->growing : NULL;
}

size_t model_index(const struct model *m, uint64_t id)
{
    size_t low = 0, high = model_rows(m);
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (model_row(m, middle)->id <= id)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? low - 1 : 0;
}

struct row *model_by_id(struct model *m, uint64_t id)
{
    if (!m->n || !id)
        return NULL;
    size_t i = model_index(m, id);
    return i < m->n && m->rows[i].id == id ? &m->rows[i] : NULL;
}

static bool tells_of(const struct row *r, uint64_t ordinal)
{
    if (r->entry == ordinal)
        return true;
    for (uint32_t i = 0; i < r->n_heads; i++)
        if (r->heads[i].ordinal == ordinal)
            return true;
    return false;
}

size_t model_find(const struct model *m, uint64_t ordinal)
{
    size_t n = model_rows(m), before = 0;
    for (size_t i = 0; i < n; i++) { /* A row of its own first, then the fold that counted it. */
        const struct row *r = model_row(m, i);
        if (tells_of(r, ordinal))
            return i;
        if (r->first > ordinal)
            continue;
        const struct row *b = model_row(m, before);
        bool inside = r->kind == ROW_FOLD && r->last >= ordinal;
        bool had = b->kind == ROW_FOLD && b->first <= ordinal && b->last >= ordinal;
        if (inside || !had)
            before = i;
    }
    return before;
}
