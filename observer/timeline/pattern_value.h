/* Values in patterns: from what people write to what is compared. Only for pattern*.c. */
#ifndef ORRERY_TIMELINE_PATTERN_VALUE_H
#define ORRERY_TIMELINE_PATTERN_VALUE_H

#include "timeline/pattern.h"
#include "timeline/types.h"

struct pattern_text {
    char text[PATTERN_TEXT_MAX + 1];
    size_t len;
};

/* What the words before said. */
struct pattern_scope {
    const struct schema_type *body; /* Of the kind; for traces, the traced type. */
    uint32_t inner_field;           /* Where `body` is packed in the event's body; 0: is it. */
    const struct type_field *message_case; /* Of the protocol's message; NULL: not said. */
    uint32_t instance;                     /* 0: any. */
    const Orrery__Machine *machine;        /* Of a move; NULL: not said. */
};

void pattern_why(char *why, size_t why_size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
bool pattern_node(const char *text, uint32_t *node); /* "n3", "3", "you". */

/* Fills type and operand of a term. `text` must live as long as the term. False and a sentence. */
bool pattern_value(struct pattern_scope *scope, const Orrery__Start *start, uint32_t body,
                   const struct type_field *field, struct pattern_text *text,
                   Orrery__Pattern__Term *term, char *why, size_t why_size);

#endif
