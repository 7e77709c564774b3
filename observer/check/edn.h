/* EDN, as far as histories are told in it: one value after another out of text from outside.
 * Everything is bounded, and a fault is named with its line. Tags and comments are skipped. */
#ifndef ORRERY_CHECK_EDN_H
#define ORRERY_CHECK_EDN_H

#include "base/bytes.h"

enum edn_kind {
    EDN_NIL,
    EDN_NUMBER,  /* Its text, as it stands. */
    EDN_STRING,  /* Without its quotes, its escapes resolved. */
    EDN_KEYWORD, /* Without its colon. */
    EDN_SYMBOL,  /* true and false too. */
    EDN_VECTOR,  /* Lists and sets too. */
    EDN_MAP,     /* Children: key, value, key, value ... */
};

enum { EDN_VALUES_MAX = 1 << 16, EDN_DEPTH_MAX = 16 };

struct edn_value {
    enum edn_kind kind;
    uint32_t n;     /* Children. */
    uint32_t first; /* Child; then by next. 0: none. */
    uint32_t next;
    size_t begin; /* Of its text, in edn.text. */
    size_t len;
};

struct edn {
    struct bytes in;
    size_t at;
    uint32_t line;            /* Where it stands, from 1. */
    struct edn_value *values; /* [0] is unused. */
    uint32_t n;
    uint32_t cap;
    struct buf text;
    char fault[160]; /* Empty: none. */
};

void edn_init(struct edn *e, struct bytes in);
void edn_free(struct edn *e);
/* Moves behind white space, commas and comments; false at the end. */
bool edn_more(struct edn *e);
void edn_forget(struct edn *e); /* All values read so far. */
/* The next value: its index; 0 and a fault. */
uint32_t edn_read(struct edn *e);

struct bytes edn_text(const struct edn *e, uint32_t value);
bool edn_is(const struct edn *e, uint32_t value, enum edn_kind kind, const char *text);
uint32_t edn_get(const struct edn *e, uint32_t map, const char *keyword); /* 0: not there. */
uint32_t edn_child(const struct edn *e, uint32_t value, uint32_t i);      /* 0: not there. */

#endif
