/* What a run measured: numbers that no single event tells. A measure is a name with arguments,
 *
 *     detection of=n3 by=first          ms from the end of n3's process to the first suspicion of
 * it detection of=n3 by=all            to the last one of all who lived detection of=n3 by=n1
 * detector=phi-accrual    as one detector of one node saw it mistakes of=n4 suspicions of n4 while
 * its process lived mistakes of=n4 detector=fixed     by one detector, whether or not it decided
 *     between a=killed b=suspected      ms from one named event to another; negative: b was first
 *     count event='exit signal=9'       events that match a pattern
 *     share event='drop' of='send'      of one kind in another
 *     field of=recovered name=replayed  a number that a named event tells
 *     ratio of=wild to=calm name=loss   of such a number in one event to that in another
 *     acknowledged on=n1                writes that clients of n1 were told of in its life that
 * ended last, survivors on=n1                   those of them that it recovered, lost on=n1 and
 * those that it did not
 *
 *     at-once of=burst on=n2            requests of a burst that n2 let pass without waiting
 *     worst-window on=n7,n8             the most that these gateways let pass within one window
 *     first-admitted after=burst        of those that refused one of a burst, who first let one
 * pass again
 *
 * and its value comes with the events that show it. Each is taken over a span of the timeline;
 * those of writes over the whole life. Events may come from a hostile recording. */
#ifndef ORRERY_CHECK_MEASURE_H
#define ORRERY_CHECK_MEASURE_H

#include "timeline/timeline.h"

enum { MEASURED_EVENTS_MAX = 8, MEASURE_TEXT_MAX = 600 };

struct measured {
    bool known;
    double value;
    const char *unit;  /* "ms", "%", or "": a number of things. */
    uint32_t n_events; /* Ordinals, those it rests on most. */
    uint64_t events[MEASURED_EVENTS_MAX];
    char sentence[320]; /* What was measured; or, where nothing is known, why. */
};

struct measure_source {
    struct timeline *timeline;
    uint64_t from; /* Ordinals. */
    uint64_t to;
    /* The ordinal of an event by its name; 0: there is none. NULL: no names. */
    uint64_t (*named)(void *ctx, const char *name);
    /* How many events from `from` to `to` match; the first of them are in events. NULL: no
     * patterns.
     */
    uint64_t (*matching)(void *ctx, const char *pattern, uint64_t from, uint64_t to,
                         uint64_t events[MEASURED_EVENTS_MAX]);
    void *ctx;
};

/* Whether `text` names a measure with the arguments that it needs; else a sentence. Each argument
 * is told to `each` (which may be NULL) by its kind: 'n' a node, 'e' a name of an event, 'p' a
 * pattern. */
bool measure_read(const char *text,
                  bool (*each)(void *ctx, char kind, const char *value, char *why, size_t why_size),
                  void *ctx, char *why, size_t why_size);
void measure_take(const char *text, const struct measure_source *source, struct measured *into);

/* A number that the event's body tells, by its field's path; false when it has none. */
bool measure_number(struct timeline *t, const struct entry *e, const char *path, double *value);

#endif
