#include "terminal/layout.h"

#include <inttypes.h>
#include <string.h>

#define ARROW        "\xe2\x86\x92"
#define DASH         "\xe2\x80\x93"
#define CROSS        "\xe2\x9c\x95"
#define TIMES        "\xc3\x97"
#define GIVE_OR_TAKE "\xc2\xb1"
#define DOT          "\xc2\xb7"

static const char *reason_word(int reason)
{
    static const char *const words[] = {"cut",      "lost",      "queue full", "stale", "bad CRC",
                                        "stranger", "malformed", "no link",    "unsent"};
    return reason >= 0 && (size_t)reason < sizeof words / sizeof words[0] ? words[reason]
                                                                          : "dropped";
}

static void span_words(uint64_t fastest_ns, uint64_t slowest_ns, struct buf *into)
{
    char a[24], b[24];
    if (fastest_ns > slowest_ns)
        return;
    time_words(fastest_ns, a);
    time_words(slowest_ns, b);
    if (strcmp(a, b) == 0) {
        buf_printf(into, ", %s", b);
        return;
    }
    char *unit = strchr(a, ' ');
    if (unit && strcmp(unit, strchr(b, ' ')) == 0)
        *unit = 0;
    buf_printf(into, ", %s" DASH "%s", a, b);
}

/* What became of a message at one of its receivers. */
enum fate { FATE_FLYING, FATE_ARRIVED, FATE_LATE, FATE_LOST, FATE_DEAD, FATE_MISSING, FATE_NONE };

static enum fate fate_of(const struct model *m, const struct row *r, const struct head *h)
{
    if (model_is_missing(m, r, h))
        return FATE_MISSING;
    return h->outcome == HEAD_FLYING    ? FATE_FLYING
           : h->outcome == HEAD_ARRIVED ? FATE_ARRIVED
           : h->outcome == HEAD_LATE    ? FATE_LATE
           : h->outcome == HEAD_LOST    ? FATE_LOST
           : h->outcome == HEAD_DEAD    ? FATE_DEAD
                                        : FATE_NONE;
}

static void name_heads(const struct model *m, const struct row *r, enum fate fate,
                       const char *before, const char *after, struct buf *into)
{
    uint32_t n = 0, all = 0;
    for (uint32_t i = 0; i < r->n_heads; i++)
        all += fate_of(m, r, &r->heads[i]) == fate;
    for (uint32_t i = 0; i < r->n_heads && n < 6; i++)
        if (fate_of(m, r, &r->heads[i]) == fate)
            buf_printf(into, "%s%s", n++ ? " " : before, lanes_name(&m->lanes, r->heads[i].lane));
    if (all > n)
        buf_printf(into, " and %" PRIu32 " more", all - n);
    if (all)
        buf_printf(into, "%s", after);
}

static void lost_heads(const struct model *m, const struct row *r, struct buf *into)
{
    for (uint32_t i = 0; i < r->n_heads; i++)
        if (r->heads[i].outcome == HEAD_LOST)
            buf_printf(into, "  " CROSS " %s %s", lanes_name(&m->lanes, r->heads[i].lane),
                       reason_word(r->heads[i].reason));
}

static void message_sentence(const struct model *m, const struct row *r, struct buf *into)
{
    uint64_t fastest = UINT64_MAX, slowest = 0, bound = 0;
    for (uint32_t i = 0; i < r->n_heads; i++) {
        const struct head *h = &r->heads[i];
        if (h->outcome != HEAD_ARRIVED || h->latency_ns == UINT64_MAX)
            continue;
        fastest = h->latency_ns < fastest ? h->latency_ns : fastest;
        slowest = h->latency_ns > slowest ? h->latency_ns : slowest;
        bound = h->bound_ns > bound ? h->bound_ns : bound;
    }
    const char *name = r->text ? r->text : "a message";
    buf_printf(into, "%s from %s", name, lanes_name(&m->lanes, r->lane));
    if (r->n_heads == 1 && r->heads[0].outcome == HEAD_ARRIVED)
        buf_printf(into, " to %s", lanes_name(&m->lanes, r->heads[0].lane));
    span_words(fastest, slowest, into);
    if (bound) {
        char words[24];
        time_words(bound, words);
        buf_printf(into, " " GIVE_OR_TAKE "%s", words);
    }
    name_heads(m, r, FATE_FLYING, ", under way to ", "", into);
    name_heads(m, r, FATE_LATE, ", late at ", "", into);
    name_heads(m, r, FATE_DEAD, "  " CROSS " ", " dead", into);
    name_heads(m, r, FATE_MISSING, "  " CROSS " never got to ", "", into);
    lost_heads(m, r, into);
}

static void lost_words(const struct fold *f, struct buf *into)
{
    const char *before = ": ";
    if (f->lost > f->dead)
        buf_printf(into, ", " CROSS "%" PRIu32, f->lost - f->dead);
    for (int reason = 0; reason < 32; reason++) {
        if (!(f->reasons >> reason & 1))
            continue;
        buf_printf(into, "%s%s", before, reason_word(reason));
        before = ", ";
    }
    if (f->dead)
        buf_printf(into, ", " CROSS "%" PRIu32 " to the dead", f->dead);
}

static void fold_sentence(const struct row *r, struct buf *into)
{
    const struct fold *f = r->fold;
    const char *comma = "";
    char span[24];
    for (int i = 0; i < FOLD_KINDS_MAX && f->kinds[i].count; i++, comma = ", ")
        buf_printf(into, "%s%s " TIMES "%" PRIu32, comma, f->kinds[i].name, f->kinds[i].count);
    if (f->others) {
        buf_printf(into, "%sothers " TIMES "%" PRIu32, comma, f->others);
        comma = ", ";
    }
    if (f->received)
        buf_printf(into, "%s%" PRIu32 " received", comma, f->received);
    time_words(r->to_ns > r->from_ns ? r->to_ns - r->from_ns : 0, span);
    buf_printf(into, " in %s", span);
    lost_words(f, into);
    span_words(f->fastest_ns, f->slowest_ns, into);
}

void row_sentence(const struct model *m, const struct row *r, struct buf *into)
{
    char span[24];
    switch (r->kind) {
    case ROW_MESSAGE:
    case ROW_ARRIVAL:
        message_sentence(m, r, into);
        break;
    case ROW_FOLD:
        fold_sentence(r, into);
        break;
    case ROW_QUIET:
        time_words(r->to_ns - r->from_ns, span);
        buf_printf(into, DOT " %s " DOT, span);
        break;
    default:
        buf_printf(into, "%s", r->text ? r->text : "");
        break;
    }
    buf_reserve(into, 1);
    into->base[into->len] = 0;
}
