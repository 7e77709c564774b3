/* Rows onto a canvas: where the columns are for a width, and what each row looks like there.
 *
 *     needle | time | id (when wide) | lanes, each `pitch` apart | the row in words
 *
 * Lanes that do not fit are scrolled; what happens on them is counted at the edge. */
#ifndef ORRERY_TERMINAL_LAYOUT_H
#define ORRERY_TERMINAL_LAYOUT_H

#include "terminal/model.h"

struct geometry {
    int width;
    int id_x;    /* 0: no ids. */
    int lanes_x; /* Of "you". */
    int nodes_x;
    int pitch;
    int left_x; /* Columns that stand for nodes hidden on the left and right; 0: there are none. */
    int right_x;
    uint32_t lanes; /* With "you". */
    uint32_t first; /* Nodes shown: first to last. "You" is always shown. */
    uint32_t last;
    int text_x;
};

/* `want` is a node that must be seen; 0 any. `first` is where the user scrolled to. */
void geometry_make(struct geometry *g, int width, uint32_t lanes, uint32_t first, uint32_t want);
int geometry_x(const struct geometry *g, uint32_t lane); /* Of its line, or of the edge. */
bool geometry_shows(const struct geometry *g, uint32_t lane);

/* Causal past and future of one entry; ordinals ascending. */
struct cone {
    uint64_t focus; /* 0: no cone. */
    uint64_t *past;
    size_t n_past;
    uint64_t *future;
    size_t n_future;
};

enum cone_part { CONE_NONE, CONE_PAST, CONE_FOCUS, CONE_FUTURE };
enum cone_part cone_part(const struct cone *c, const struct row *r);

struct row_view {
    bool selected;
    int lines;               /* At most so many; further ones of the sentence are left out. */
    const struct cone *cone; /* NULL: none. */
};

/* Names, and how the lanes are at a row. */
void layout_header(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                   uint64_t row, uint32_t chosen);
/* How many lines the row would like. */
int layout_lines(const struct geometry *g, const struct model *m, const struct row *r);
void layout_row(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                const struct row *r, const struct row_view *view);
/* An empty line of the diagram, after the last row. */
void layout_lanes(struct canvas *c, int y, const struct geometry *g, const struct model *m,
                  uint64_t row, bool quiet);
/* The row in words, UTF-8; appended, with a terminator not counted. */
void row_sentence(const struct model *m, const struct row *r, struct buf *into);

#endif
