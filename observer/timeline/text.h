/* Text from outside, made fit for terminals and JSON: valid UTF-8, no control characters, none that
 * turns the direction of writing. */
#ifndef ORRERY_TIMELINE_TEXT_H
#define ORRERY_TIMELINE_TEXT_H

#include "base/bytes.h"

/* Not empty, valid UTF-8, and nothing that text_put() would escape but quotes. */
bool text_printable(struct bytes b);
void text_put(struct bytes b, struct buf *into);    /* Escapes as \n, \x1b, \u202e. */
void text_quoted(struct bytes b, struct buf *into); /* In quotes, unless it is one plain word. */
void text_json(struct bytes b, struct buf *into);   /* With its quotes. */
void text_json_print(const char *text);             /* The same to stdout. */
void text_hex(struct bytes b, size_t max, struct buf *into); /* 0x00ff, at most `max` bytes. */

/* The next code point; 0 bytes consumed at the end; *ok false: one byte that is no UTF-8. */
size_t text_next(struct bytes b, uint32_t *point, bool *ok);

#endif
