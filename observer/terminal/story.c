/* What befell whom, and who noticed when: kept aside, so that it stays on the screen. */
#include "terminal/model.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The newest incident of a node that is not over; NULL. */
static struct incident *open_incident(struct model *m, uint32_t node)
{
    uint32_t n = m->n_incidents < INCIDENTS_MAX ? m->n_incidents : INCIDENTS_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct incident *x = &m->incidents[(m->n_incidents - 1 - i) % INCIDENTS_MAX];
        if (x->node == node && !x->over_ns)
            return x;
    }
    return NULL;
}

static struct incident *new_incident(struct model *m, uint32_t node, const char *what,
                                     uint64_t at_ns, uint64_t entry)
{
    struct incident *x = &m->incidents[m->n_incidents++ % INCIDENTS_MAX];
    memset(x, 0, sizeof *x);
    x->node = node;
    x->at_ns = at_ns;
    x->entry = entry;
    snprintf(x->what, sizeof x->what, "%s", what);
    return x;
}

void story_begin(struct model *m, uint32_t node, const char *what, uint64_t at_ns, uint64_t entry)
{
    struct incident *x = open_incident(m, node);
    if (x)
        x->over_ns = at_ns;
    new_incident(m, node, what, at_ns, entry);
}

void story_over(struct model *m, uint32_t node, uint64_t at_ns)
{
    struct incident *x = open_incident(m, node);
    if (x)
        x->over_ns = at_ns;
}

static struct witness *witness_of(struct incident *x, uint32_t lane)
{
    for (uint32_t i = 0; i < x->n_witnesses; i++)
        if (x->witnesses[i].lane == lane)
            return &x->witnesses[i];
    if (x->n_witnesses == WITNESSES_MAX)
        return NULL;
    struct witness *w = &x->witnesses[x->n_witnesses++];
    *w = (struct witness){.lane = lane};
    return w;
}

/* Trust comes back after the incident is over. */
static struct incident *last_incident(struct model *m, uint32_t node)
{
    uint32_t n = m->n_incidents < INCIDENTS_MAX ? m->n_incidents : INCIDENTS_MAX;
    for (uint32_t i = 0; i < n; i++) {
        struct incident *x = &m->incidents[(m->n_incidents - 1 - i) % INCIDENTS_MAX];
        if (x->node == node)
            return x;
    }
    return NULL;
}

/* Whoever is cut off, or was stopped until just now, is bound to suspect the others. */
static bool is_in_trouble(struct model *m, uint32_t node, uint64_t at_ns)
{
    const struct incident *x = last_incident(m, node);
    return x && (!x->over_ns || at_ns < x->over_ns + 1000000000);
}

void story_belief(struct model *m, const struct entry *e, uint32_t of, enum story_belief belief)
{
    uint64_t at = e->head.mono_ns;
    struct incident *x = belief == STORY_CLEARED ? last_incident(m, of) : open_incident(m, of);
    if (!x && (belief == STORY_CLEARED || is_in_trouble(m, e->node, at)))
        return;
    if (!x)
        x = new_incident(m, of, "suspected", at, e->ordinal);
    struct witness *w = witness_of(x, e->node);
    if (!w)
        return;
    if (belief == STORY_SUSPECTED) {
        w->suspected_ns = at;
        w->cleared_ns = 0;
        w->entry = e->ordinal;
    } else if (belief == STORY_DEAD) {
        w->dead_ns = at;
    } else {
        w->cleared_ns = at;
        if (strcmp(x->what, "suspected") == 0)
            x->over_ns = at;
    }
}

uint64_t story_suspicion(const struct model *m, uint32_t by, uint32_t of)
{
    uint32_t n = m->n_incidents < INCIDENTS_MAX ? m->n_incidents : INCIDENTS_MAX;
    for (uint32_t i = 0; i < n; i++) {
        const struct incident *x = &m->incidents[(m->n_incidents - 1 - i) % INCIDENTS_MAX];
        for (uint32_t w = 0; x->node == of && w < x->n_witnesses; w++)
            if (x->witnesses[w].lane == by)
                return x->witnesses[w].entry;
    }
    return 0;
}

static uint64_t moment_of(const struct witness *w, enum story_belief belief)
{
    return belief == STORY_SUSPECTED ? w->suspected_ns
           : belief == STORY_DEAD    ? w->dead_ns
                                     : w->cleared_ns;
}

/* "suspected by n1 n3 +1.02 s, n4 +1.05 s" */
static void tell_belief(const struct model *m, const struct incident *x, enum story_belief belief,
                        const char *words, uint64_t since, struct buf *into)
{
    uint32_t told = 0, all = 0;
    char last[24] = "";
    for (uint32_t i = 0; i < x->n_witnesses; i++)
        all += moment_of(&x->witnesses[i], belief) != 0;
    for (uint32_t i = 0; i < x->n_witnesses; i++) {
        uint64_t at = moment_of(&x->witnesses[i], belief);
        char span[24];
        if (!at)
            continue;
        if (told == 5 && all > 6)
            break;
        time_words(at > since ? at - since : 0, span);
        if (at <= since)
            span[0] = 0; /* It is where the incident begins. */
        if (told && strcmp(span, last) != 0)
            buf_printf(into, "%s%s, ", *last ? " +" : "", last);
        buf_printf(into, "%s%s",
                   !told                     ? words
                   : strcmp(span, last) == 0 ? " "
                                             : "",
                   lanes_name(&m->lanes, x->witnesses[i].lane));
        memcpy(last, span, sizeof last);
        told++;
    }
    if (told)
        buf_printf(into, "%s%s", *last ? " +" : "", last);
    if (all > told)
        buf_printf(into, " and %u more", all - told);
}

static const char *over_words(const struct incident *x)
{
    return strcmp(x->what, "paused") == 0    ? "went on"
           : strcmp(x->what, "cut off") == 0 ? "healed"
                                             : "started again";
}

static bool is_wrong(const struct incident *x)
{
    return strcmp(x->what, "suspected") == 0;
}

static const struct incident *incident_at(const struct model *m, uint32_t place)
{
    uint32_t n = m->n_incidents < INCIDENTS_MAX ? m->n_incidents : INCIDENTS_MAX;
    for (int wrong = 0; wrong < 2; wrong++)
        for (uint32_t i = 0; i < n; i++) {
            const struct incident *x = &m->incidents[(m->n_incidents - 1 - i) % INCIDENTS_MAX];
            if (is_wrong(x) == (wrong == 1) && place-- == 0)
                return x;
        }
    return NULL;
}

bool story_tell(const struct model *m, uint32_t place, struct buf *into)
{
    const struct incident *x = incident_at(m, place);
    char span[24];
    if (!x)
        return false;
    bool wrong = is_wrong(x);
    buf_printf(into, "%s %s at %.3f s (e%" PRIu64 ")", lanes_name(&m->lanes, x->node), x->what,
               (double)x->at_ns / 1e9, x->entry);
    if (wrong)
        buf_printf(into, " though it runs");
    tell_belief(m, x, STORY_SUSPECTED, wrong ? ": by " : ": suspected by ", x->at_ns, into);
    tell_belief(m, x, STORY_DEAD, "; called dead by ", x->at_ns, into);
    if (x->over_ns && !wrong) {
        time_words(x->over_ns - x->at_ns, span);
        buf_printf(into, "; %s after %s", over_words(x), span);
    }
    tell_belief(m, x, STORY_CLEARED, "; trusted again by ",
                x->over_ns && !wrong ? x->over_ns : x->at_ns, into);
    if (!x->n_witnesses && !x->over_ns)
        buf_printf(into, ": nobody has noticed yet");
    return true;
}
