/* The diagram as plain lines. */
#include "base/must.h"
#include "terminal/layout.h"

#include <stdlib.h>

enum { HEADER_EVERY = 40, WIDTH_MIN = 60, WIDTH_MAX = 400 };
static const uint64_t settle_ns = 50000000; /* By then a message has arrived, or is late. */

struct terminal_printer {
    struct model model;
    int width;
    bool ascii;
    bool began;
    bool closed;      /* No more lines are wanted. */
    uint64_t printed; /* Id of the newest row that is out. */
    uint32_t rows;
    uint32_t lanes;
    bool (*line)(void *ctx, const char *text);
    void *ctx;
};

struct terminal_printer *terminal_printer_new(struct terminal_source source,
                                              const struct terminal_print_options *options,
                                              bool (*line)(void *ctx, const char *text), void *ctx)
{
    struct terminal_printer *p = must_alloc(1, sizeof *p);
    model_init(&p->model, source, options->level);
    p->model.settled = true;
    p->width = options->width ? options->width : terminal_width();
    p->width = p->width < WIDTH_MIN ? WIDTH_MIN : p->width > WIDTH_MAX ? WIDTH_MAX : p->width;
    p->ascii = options->ascii;
    p->line = line;
    p->ctx = ctx;
    return p;
}

static void put_line(struct terminal_printer *p, const struct canvas *c, int y)
{
    struct buf text = {0};
    canvas_line(c, y, &text);
    p->closed = p->closed || !p->line(p->ctx, (const char *)text.base);
    buf_free(&text);
}

static void print_row(struct terminal_printer *p, const struct row *r)
{
    struct geometry g;
    struct canvas c;
    geometry_make(&g, p->width, p->model.lanes.n, 1, 0);
    if (p->rows % HEADER_EVERY == 0 || p->lanes != p->model.lanes.n) {
        canvas_init(&c, p->width, 1, p->ascii);
        layout_header(&c, 0, &g, &p->model, r->id, 0);
        put_line(p, &c, 0);
        canvas_free(&c);
    }
    p->lanes = p->model.lanes.n;
    p->rows++;
    int lines = layout_lines(&g, &p->model, r);
    canvas_init(&c, p->width, lines, p->ascii);
    layout_row(&c, 0, &g, &p->model, r, &(struct row_view){.lines = lines});
    for (int y = 0; y < lines; y++)
        put_line(p, &c, y);
    canvas_free(&c);
}

static void print_rows(struct terminal_printer *p, bool all)
{
    struct model *m = &p->model;
    size_t n = all ? model_rows(m) : m->n;
    size_t at = p->printed ? model_index(m, p->printed) + 1 : 0;
    while (at < n && !p->closed && (all || m->rows[at].to_ns + settle_ns < m->now_ns)) {
        const struct row *r = model_row(m, at++);
        print_row(p, r);
        p->printed = r->id;
    }
}

bool terminal_printer_entry(struct terminal_printer *p, const struct entry *e)
{
    if (!p->began) {
        model_begin(&p->model, e->ordinal);
        p->began = true;
    }
    model_feed(&p->model, e);
    print_rows(p, false);
    return !p->closed;
}

void terminal_printer_end(struct terminal_printer *p)
{
    print_rows(p, true);
}

void terminal_printer_free(struct terminal_printer *p)
{
    if (p)
        model_free(&p->model);
    free(p);
}

void terminal_print(struct terminal_source source, const struct terminal_print_options *options,
                    uint64_t from, uint64_t to, bool (*line)(void *ctx, const char *text),
                    void *ctx)
{
    struct terminal_printer *p = terminal_printer_new(source, options, line, ctx);
    uint64_t last = to ? to : source.ops->newest(source.ctx);
    uint64_t oldest = source.ops->oldest(source.ctx);
    struct entry e;
    for (uint64_t at = from > oldest ? from : oldest; at <= last && !p->closed; at++)
        if (source.ops->get(source.ctx, at, &e))
            terminal_printer_entry(p, &e);
    terminal_printer_end(p);
    terminal_printer_free(p);
}
