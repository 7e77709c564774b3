#include "check/consistency.h"

#include "check/linear.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SLICE_STEPS = 20000,
    SMALLEST_STEPS = 2000000,
    ROWS_NARROW = CONFIGURATIONS_MAX >> 14, /* A power of WIDER less. */
    WIDER = 4,
};

static const char *const names[] = {"linearizable",    "sequential",       "read-your-writes",
                                    "monotonic-reads", "monotonic-writes", "writes-follow-reads"};

const char *consistency_name(enum consistency c)
{
    return names[c];
}

bool consistency_parse(const char *text, enum consistency *c)
{
    for (enum consistency i = 0; i < CONSISTENCIES; i++)
        if (strcmp(text, names[i]) == 0) {
            *c = i;
            return true;
        }
    return false;
}

__attribute__((format(printf, 3, 4))) static void say(struct judgement *j, enum verdict v,
                                                      const char *format, ...)
{
    va_list args;
    va_start(args, format);
    j->verdict = v;
    (void)vsnprintf(j->sentence, sizeof j->sentence, format, args);
    va_end(args);
}

static const char out_of_patience[] = "the search was given up: it has too many orders to try";

static enum progress search(struct linear *l, const struct patience *patience)
{
    enum progress p;
    do {
        uint64_t steps = SLICE_STEPS;
        p = linear_run(l, &steps);
    } while (p == PROGRESS_MORE && !(patience->ends && patience->ends(patience->ctx)));
    return p;
}

/* Of very many explanations a narrow search finds one soon. Where it finds none but did not follow
 * all, a wider one looks again. */
static enum progress search_wider(struct linear *l, struct history *h,
                                  const struct patience *patience)
{
    for (uint32_t rows = ROWS_NARROW;; rows *= WIDER) {
        linear_init(l, h, false);
        l->rows_max = rows;
        linear_tell(l);
        enum progress p = search(l, patience);
        if (p != PROGRESS_TOO_MANY || rows == CONFIGURATIONS_MAX)
            return p;
        linear_free(l);
    }
}

static void judge_linear(struct history *h, const struct patience *patience, struct judgement *j)
{
    struct linear l;
    enum progress p = search_wider(&l, h, patience);
    if (p == PROGRESS_REFUTED) {
        j->base = linear_smallest(&l, SMALLEST_STEPS, &j->example);
        say(j, VERDICT_REFUTED, "no order of these %u explains what was answered", j->example.n);
    } else if (p == PROGRESS_DONE) {
        say(j, VERDICT_PROVEN,
            "each of %u operations can have happened at a point between its invocation and its "
            "completion",
            h->operations.n);
    } else {
        say(j, VERDICT_UNKNOWN, "%s", out_of_patience);
    }
    linear_free(&l);
}

static void judge_sequential(struct history *h, const struct patience *patience,
                             struct judgement *j)
{
    bool refuted = false;
    judge_linear(h, patience, j);
    if (j->verdict == VERDICT_PROVEN) {
        say(j, VERDICT_PROVEN, "it is linearizable, and thereby sequential");
        return;
    }
    judgement_free(j);
    j->judged = h->operations.n;
    if (!sequential_judge(h, patience, &refuted, &j->example))
        say(j, VERDICT_UNKNOWN, "%s", out_of_patience);
    else if (refuted)
        say(j, VERDICT_REFUTED, "no order of these %u that keeps each client's explains them",
            j->example.n);
    else
        say(j, VERDICT_PROVEN,
            "all of %u operations can have happened in one order that keeps "
            "each client's",
            h->operations.n);
}

static void judge_sessions(struct history *h, enum consistency c, struct judgement *j)
{
    static const char *const kept[] = {
        [CONSISTENCY_READ_YOUR_WRITES] = "found what the client itself had written, or newer",
        [CONSISTENCY_MONOTONIC_READS] = "found what the client had read before, or newer",
        [CONSISTENCY_MONOTONIC_WRITES] = "came after the writes that the client had made before",
        [CONSISTENCY_WRITES_FOLLOW_READS] = "came after what the client had read before",
    };
    uint64_t judged = sessions_judge(h, c, &j->example);
    if (j->example.n)
        say(j, VERDICT_REFUTED, "these %u say of versions that each is older than the other",
            j->example.n);
    else if (judged)
        say(j, VERDICT_PROVEN, "as far as the order of versions is known, each of %" PRIu64 " %s",
            judged, kept[c]);
    else
        say(j, VERDICT_NOTHING, "nothing that happened put it to the test");
}

void consistency_judge(struct history *h, enum consistency c, const struct patience *patience,
                       struct judgement *into)
{
    *into = (struct judgement){.judged = h->operations.n};
    if (c == CONSISTENCY_LINEARIZABLE)
        judge_linear(h, patience, into);
    else if (c == CONSISTENCY_SEQUENTIAL)
        judge_sequential(h, patience, into);
    else
        judge_sessions(h, c, into);
}

void judgement_free(struct judgement *j)
{
    operations_free(&j->example);
    free(j->base);
    *j = (struct judgement){0};
}

/* The keys of an example that do not begin empty. */
static void print_base(const struct history *h, const struct judgement *j, struct buf *into)
{
    for (uint32_t key = 1; j->base && key < h->keys.n; key++) {
        bool there = false;
        for (uint32_t i = 0; i < j->example.n; i++)
            there |= operation_touches(j->example.all[i], key);
        if (!there || j->base[key] == VALUE_ABSENT)
            continue;
        buf_printf(into, "  before:%s", h->keys.all[key].len ? "" : " the value");
        history_print_key(h, key, into);
        buf_printf(into, " is ");
        history_print_value(h, j->base[key], into);
        buf_printf(into, "\n");
    }
}

void judgement_print(const struct history *h, const struct judgement *j, const char *unit,
                     struct buf *into)
{
    struct buf what = {0};
    print_base(h, j, into);
    buf_printf(into, "  %-12s %-50s %s\n", "client", "operation", "between");
    for (uint32_t i = 0; i < j->example.n; i++) {
        const struct operation *o = j->example.all[i];
        struct bytes client = h->clients.all[o->client];
        buf_clear(&what);
        history_print_operation(h, o, &what);
        buf_printf(into, "  %-12.*s %-50.*s %s%" PRIu64 " and ", (int)client.len,
                   (const char *)client.base, (int)what.len, (const char *)what.base, unit,
                   o->invoke_event);
        if (o->fate == FATE_OK)
            buf_printf(into, "%s%" PRIu64 "\n", unit, o->complete_event);
        else
            buf_printf(into, "nobody knows\n");
    }
    buf_free(&what);
}
