/* Names that a lab's clues gave to events and to values in them, and the texts that use them.
 *
 *   captions   "{killed}" links to the event, "{suspected - killed}" is the time between two,
 *              "{done.replayed}" a number that the event tells, "{victim}" a caught value;
 *              "**...**" is the sentence to remember
 *   patterns and command lines   "$victim" stands for the caught value, "n$victim" for the node
 */
#ifndef ORRERY_LAB_BINDINGS_H
#define ORRERY_LAB_BINDINGS_H

#include "lab.pb-c.h"
#include "timeline/timeline.h"

enum { BINDING_NAME_MAX = 32, BINDINGS_MAX = 256 };

struct binding {
    char name[BINDING_NAME_MAX];
    bool is_event;
    uint64_t ordinal; /* Of the event; of a value: where it was caught. */
    uint64_t mono_ns;
    uint32_t node;
    double value;
    bool is_node; /* The value names a node. */
};

struct bindings {
    struct binding all[BINDINGS_MAX];
    size_t n;
};

bool binding_name_ok(const char *name); /* A letter, then letters, digits and _. */
const struct binding *bindings_find(const struct bindings *b, const char *name); /* Or NULL. */
void bindings_event(struct bindings *b, const char *name, const struct entry *e);
void bindings_value(struct bindings *b, const char *name, double value, bool is_node,
                    const struct entry *e);

/* "x = peer": splits it; false when it is no such text. */
bool catch_read(const char *text, char name[BINDING_NAME_MAX], char field[64]);
/* Keeps the value; false when the event has no such number. */
bool bindings_catch(struct bindings *b, const char *text, struct timeline *t,
                    const struct entry *e);

/* Replaces each $name; false and a sentence when one is not bound. */
bool bindings_fill(const struct bindings *b, const char *text, struct buf *into, char *why,
                   size_t why_size);
/* Each name behind a $; false as soon as `each` is. */
bool dollars_each(const char *text, bool (*each)(void *ctx, const char *name), void *ctx);

/* Parts of a caption, on the heap as its message frees them. What is not bound yet shows as "…". */
void caption_write(const char *text, const struct bindings *b, struct timeline *t,
                   Orrery__Part ***parts, size_t *n);
/* Each name in braces; false and a sentence when the text cannot be read or `each` says no. */
bool caption_check(const char *text,
                   bool (*each)(void *ctx, const char *name, char *why, size_t why_size), void *ctx,
                   char *why, size_t why_size);
/* The parts as one line. */
void caption_text(Orrery__Part *const *parts, size_t n, struct buf *into);

#endif
