/* What the files of the measures share: how one reads its span of the timeline, and says its
 * result. */
#ifndef ORRERY_CHECK_MEASURE_INNER_H
#define ORRERY_CHECK_MEASURE_INNER_H

#include "check/measure.h"

enum { ARGS_MAX = 4 };

struct taking {
    const char *args[ARGS_MAX]; /* As in the rule's list; NULL: not given. */
    const struct measure_source *source;
    struct measured *into;
};

/* The result: nothing is known, and why; or a value, and a sentence. */
void taking_unknown(struct taking *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void taking_is(struct taking *t, double value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void taking_shows(struct taking *t, uint64_t ordinal); /* An event that it rests on. */

/* The next entry of the span that is there; `*at`, from taking_first() on, is behind it then. */
uint64_t taking_first(const struct taking *t);
bool taking_step(const struct taking *t, uint64_t *at, struct entry *e);
bool taking_trace_is(const struct taking *t, const struct entry *e, const char *type);
/* An event by its name; false: it did not happen, which is said. */
bool taking_named(struct taking *t, const char *name, struct entry *e);

/* measure_limiter.c */
void measure_at_once(struct taking *t);
void measure_worst_window(struct taking *t);
void measure_first_admitted(struct taking *t);

#endif
