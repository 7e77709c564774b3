#include "figure/plot.h"

#include "base/errors.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 720, HEIGHT = 420, LEFT = 84, RIGHT = 130, TOP = 46, BOTTOM = 58 };

static const char *const colours[] = {"#1b6ca8", "#c0562f", "#4b7f3f", "#7a4f9a",
                                      "#8a6d1d", "#a23a5a", "#3f7f7a", "#555555"};

struct axis {
    double least;
    double most;
    bool log;
    double from; /* Pixels. */
    double to;
};

static double place(const struct axis *a, double v)
{
    double least = a->log ? log10(a->least) : a->least;
    double most = a->log ? log10(a->most) : a->most;
    double at = a->log ? log10(v) : v;
    double share = most > least ? (at - least) / (most - least) : 0.5;
    return a->from + share * (a->to - a->from);
}

static bool drawable(const struct plot *p, struct plot_point v)
{
    return isfinite(v.x) && isfinite(v.y) && (!p->x_log || v.x > 0) && (!p->y_log || v.y > 0);
}

static void span(const struct plot *p, struct axis *x, struct axis *y)
{
    bool any = false;
    for (size_t s = 0; s < p->n; s++)
        for (size_t i = 0; i < p->series[s].n; i++) {
            struct plot_point v = p->series[s].points[i];
            if (!drawable(p, v))
                continue;
            x->least = any ? fmin(x->least, v.x) : v.x;
            x->most = any ? fmax(x->most, v.x) : v.x;
            y->least = any ? fmin(y->least, v.y) : v.y;
            y->most = any ? fmax(y->most, v.y) : v.y;
            any = true;
        }
    if (!any)
        x->least = x->most = y->least = y->most = 1;
}

static void text(struct buf *into, double x, double y, const char *anchor, const char *colour,
                 const char *words)
{
    buf_printf(into, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" fill=\"%s\">", x, y, anchor,
               colour);
    for (const char *c = words; *c; c++)
        if (*c == '<')
            buf_printf(into, "&lt;");
        else if (*c == '&')
            buf_printf(into, "&amp;");
        else
            buf_append(into, bytes_of(c, 1));
    buf_printf(into, "</text>\n");
}

static void line(struct buf *into, double x1, double y1, double x2, double y2)
{
    buf_printf(into,
               "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"#888\" "
               "stroke-width=\"1\"/>\n",
               x1, y1, x2, y2);
}

static void number(char *into, size_t size, double v)
{
    (void)snprintf(into, size, fabs(v) >= 1000 ? "%.0f" : "%.3g", v);
}

/* The frame is the range of the data, with powers of ten marked where the axis has them. */
static void axes(const struct plot *p, const struct axis *x, const struct axis *y, struct buf *into)
{
    char label[32];
    line(into, x->from, HEIGHT - BOTTOM + 8, x->to, HEIGHT - BOTTOM + 8);
    line(into, LEFT - 10, y->from, LEFT - 10, y->to);
    const struct axis *both[] = {x, y};
    for (int k = 0; k < 2; k++) {
        const struct axis *a = both[k];
        double ends[] = {a->least, a->most};
        for (int e = 0; e < 2; e++) {
            number(label, sizeof label, ends[e]);
            if (k == 0)
                text(into, place(a, ends[e]), HEIGHT - BOTTOM + 24, "middle", "#444", label);
            else
                text(into, LEFT - 16, place(a, ends[e]) + 4, "end", "#444", label);
        }
        for (double v = pow(10, ceil(log10(fmax(a->least, 1e-30)))); a->log && v <= a->most;
             v *= 10) {
            double at = place(a, v);
            bool near = fabs(at - a->from) < 14 || fabs(at - a->to) < 14;
            number(label, sizeof label, v);
            if (k == 0)
                line(into, at, HEIGHT - BOTTOM + 8, at, HEIGHT - BOTTOM + 12);
            else
                line(into, LEFT - 14, at, LEFT - 10, at);
            if (!near && k == 1)
                text(into, LEFT - 16, at + 4, "end", "#444", label);
            else if (!near)
                text(into, at, HEIGHT - BOTTOM + 24, "middle", "#444", label);
        }
    }
    text(into, (x->from + x->to) / 2, HEIGHT - 14, "middle", "#222", p->x_name);
    text(into, LEFT - 60, TOP - 14, "start", "#222", p->y_name);
}

/* A reference has the colour of what it is the reference of: the series before it. */
static const char *colour_of(const struct plot *p, size_t s)
{
    size_t measured = 0;
    for (size_t i = 1; i <= s; i++)
        measured += !p->series[i].reference;
    return colours[measured % (sizeof colours / sizeof colours[0])];
}

static void draw_series(const struct plot *p, size_t s, const struct axis *x, const struct axis *y,
                        double *labelled, struct buf *into)
{
    const struct plot_series *series = &p->series[s];
    const char *colour = colour_of(p, s);
    bool any = false;
    double last_x = 0;
    double last_y = 0;
    buf_printf(into, "<path fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"%s d=\"", colour,
               series->reference ? "0.8" : "1.6",
               series->reference ? " stroke-dasharray=\"3 3\"" : "");
    for (size_t i = 0; i < series->n; i++) {
        if (!drawable(p, series->points[i]))
            continue;
        last_x = place(x, series->points[i].x);
        last_y = place(y, series->points[i].y);
        buf_printf(into, "%s%.1f %.1f", any ? " L" : "M", last_x, last_y);
        any = true;
    }
    buf_printf(into, "\"/>\n");
    for (size_t i = 0; i < series->n; i++)
        if (drawable(p, series->points[i]))
            buf_printf(
                into, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"%s\" fill=\"%s\" stroke=\"%s\"/>\n",
                place(x, series->points[i].x), place(y, series->points[i].y),
                series->reference ? "4" : "2.5", series->reference ? "none" : colour, colour);
    if (!any || series->reference)
        return;
    /* Where two series end together, their names do not lie on each other. */
    if (fabs(last_y - *labelled) < 13)
        last_y = last_y >= *labelled ? *labelled + 13 : *labelled - 13;
    *labelled = last_y;
    text(into, last_x + 8, last_y + 4, "start", colour, series->name);
}

void plot_svg(const struct plot *p, struct buf *into)
{
    struct axis x = {.log = p->x_log, .from = LEFT, .to = WIDTH - RIGHT};
    struct axis y = {.log = p->y_log, .from = HEIGHT - BOTTOM, .to = TOP};
    span(p, &x, &y);
    buf_printf(into,
               "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
               "height=\"%d\" font-family=\"Georgia, serif\" font-size=\"12\">\n"
               "<rect width=\"100%%\" height=\"100%%\" fill=\"#fffffc\"/>\n",
               WIDTH, HEIGHT, WIDTH, HEIGHT);
    text(into, LEFT - 60, 18, "start", "#222", p->title);
    axes(p, &x, &y, into);
    double labelled = -1000;
    for (size_t s = 0; s < p->n; s++)
        draw_series(p, s, &x, &y, &labelled, into);
    buf_printf(into, "</svg>\n");
}

int plot_write(const struct plot *p, const char *path)
{
    struct buf svg = {0};
    plot_svg(p, &svg);
    FILE *f = fopen(path, "w");
    bool ok = f && fwrite(svg.base, 1, svg.len, f) == svg.len;
    if (f && fclose(f) != 0)
        ok = false;
    buf_free(&svg);
    if (ok)
        return 0;
    (void)fprintf(stderr, "orrery: cannot write %s: %s\n", path, strerror(errno));
    return ERROR_DISK_IO;
}
