/* A grid of cells with a style each: what is drawn is first put here, so that every picture can be
 * tested as text and the screen only copies. One cell is one column: control characters, and those
 * that terminals draw two columns wide or none, become '?'. In ASCII every glyph has a stand-in. */
#ifndef ORRERY_TERMINAL_CANVAS_H
#define ORRERY_TERMINAL_CANVAS_H

#include "base/bytes.h"

enum style {
    STYLE_INK,   /* The machine, and text about it. */
    STYLE_FAINT, /* Time, ids, lanes. */
    STYLE_BRASS, /* Where to look: the selection, the needle. */
    STYLE_FAULT,
    STYLE_PROVEN,
    STYLE_BEAT, /* Messages by kind. */
    STYLE_REQUEST,
    STYLE_DATA,
    STYLE_VOTE,
    STYLE_CONTROL,
    STYLES,
    STYLE_BOLD = 0x20, /* Flags. */
    STYLE_REVERSE = 0x40,
    STYLE_MASK = 0x1f,
};

struct cell {
    uint32_t code; /* Unicode; 0 is a space. */
    uint8_t style;
};

struct canvas {
    int width;
    int height;
    bool ascii;
    struct cell *cells;
};

void canvas_init(struct canvas *c, int width, int height, bool ascii); /* All spaces. */
void canvas_free(struct canvas *c);

/* Outside the grid nothing is drawn. */
void canvas_put(struct canvas *c, int x, int y, uint32_t code, int style);
uint32_t canvas_at(const struct canvas *c, int x, int y);
/* At most `room` columns of UTF-8 text; what is cut ends in an ellipsis. Returns the columns drawn.
 */
int canvas_text(struct canvas *c, int x, int y, int room, const char *text, int style);
/* The same over at most `lines` lines, broken at spaces, later ones indented; returns how many.
 * With c NULL nothing is drawn. */
int canvas_wrap(struct canvas *c, int x, int y, int columns, int lines, const char *text,
                int style);
int canvas_columns(const char *text); /* That the text would take. */
void canvas_restyle(struct canvas *c, int x, int y, int columns, int style); /* Sets flags too. */

/* Line y as UTF-8 (or ASCII), without spaces at its end; appended, with a terminator not counted.
 */
void canvas_line(const struct canvas *c, int y, struct buf *into);
/* One cell as UTF-8 with a terminator; returns its bytes. */
int canvas_encode(const struct canvas *c, uint32_t code, char into[8]);

#endif
