/* A small plot as SVG: points of several series, drawn with as little ink as they need. The axes
 * are as long as the data, their ends labelled with what they are; series are labelled where they
 * end. */
#ifndef ORRERY_FIGURE_PLOT_H
#define ORRERY_FIGURE_PLOT_H

#include "base/bytes.h"

enum { PLOT_SERIES_MAX = 12, PLOT_POINTS_MAX = 64 };

struct plot_point {
    double x;
    double y;
};

struct plot_series {
    const char *name;
    bool reference; /* Hollow and thin: what was expected. */
    struct plot_point points[PLOT_POINTS_MAX];
    size_t n;
};

struct plot {
    const char *title;
    const char *x_name; /* With its unit. */
    const char *y_name;
    bool x_log;
    bool y_log; /* Points with y <= 0 are left out, then. */
    struct plot_series series[PLOT_SERIES_MAX];
    size_t n;
};

void plot_svg(const struct plot *p, struct buf *into);
/* 0, or negative and a sentence on stderr. */
int plot_write(const struct plot *p, const char *path);

#endif
