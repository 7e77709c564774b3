/* The judgements, and the measures. */
#include "check/heartbeat_inner.h"

#include "base/check.h"

#include <math.h>
#include <stdlib.h>

static uint32_t ring_n(const struct pair *p, uint32_t window)
{
    uint32_t most = window < RING_MAX ? window : RING_MAX;
    return p->n_beats < most ? p->n_beats : most;
}

const struct beat *heartbeat_beat_ago(const struct pair *p, uint32_t i)
{
    return &p->beats[(p->n_beats - 1 - i) % RING_MAX];
}

/* Mean and deviation of the gaps in the window, as Hayashibara et al. have it; the quantile from
 * above, by Q(z) <= exp(-z^2 / 2). */
static double phi_limit(const struct pair *p, const struct rules *r)
{
    uint32_t n = ring_n(p, r->window + 1); /* As many gaps as the window holds. */
    double mean = (double)r->interval_ns;
    double deviation = 0;
    if (n >= 3) {
        double sum = 0;
        double squares = 0;
        for (uint32_t i = 0; i + 1 < n; i++) {
            double gap = (double)(heartbeat_beat_ago(p, i)->at - heartbeat_beat_ago(p, i + 1)->at);
            sum += gap;
            squares += gap * gap;
        }
        mean = sum / (n - 1);
        deviation = sqrt(fmax(0, squares / (n - 1) - mean * mean));
    }
    deviation = fmax(deviation, (double)r->min_deviation_ns);
    return mean + sqrt(2 * log(10) * r->phi) * deviation;
}

/* Chen, Toueg, Aguilera: the expected arrival of the next beat, and the margin. */
static double adaptive_limit(const struct pair *p, const struct rules *r, uint64_t interval_ns)
{
    uint32_t n = ring_n(p, r->window);
    const struct beat *newest = heartbeat_beat_ago(p, 0);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct beat *b = heartbeat_beat_ago(p, i);
        double late = (double)(newest->number - b->number) * (double)interval_ns;
        sum += late - (double)(newest->at - b->at);
    }
    double expected = sum / n + (double)interval_ns;
    return fmax(0, expected) + (double)r->margin_ns;
}

/* The silence after which the peer must be suspected; NS_NEVER: nothing can be said. */
static uint64_t limit_ns(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct rules *r = &heartbeat_watcher(h, node)->rules;
    const struct pair *p = heartbeat_pair(h, node, peer);
    const struct rules *theirs = &heartbeat_watcher(h, peer)->rules;
    if (!p->n_beats && r->detector != HEARTBEAT__DETECTOR__FIXED)
        return NS_NEVER;
    switch (r->detector) {
    case HEARTBEAT__DETECTOR__FIXED:
        return r->timeout_ns;
    case HEARTBEAT__DETECTOR__PHI_ACCRUAL:
        return (uint64_t)fmin(phi_limit(p, r), 1e18);
    case HEARTBEAT__DETECTOR__ADAPTIVE:
        return (uint64_t)fmin(
            adaptive_limit(p, r, theirs->told ? theirs->interval_ns : r->interval_ns), 1e18);
    default: /* A link that breaks is told of at once, if it was up and both ways are clean. */
        if (p->dirty || heartbeat_pair(h, peer, node)->dirty ||
            h->check->now > heartbeat_beat_ago(p, 0)->at + 2 * r->interval_ns)
            return NS_NEVER;
        return 0;
    }
}

static void set_due(struct heartbeat_check *h, struct pair *p, uint64_t due)
{
    p->due = due;
    if (due && due < h->next_due)
        h->next_due = due;
}

/* `peer` is dead and `node` ought to find out, from now on. */
void heartbeat_expect(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct watcher *w = heartbeat_watcher(h, node);
    const struct subject *s = check_subject(h->check, node);
    struct pair *p = heartbeat_pair(h, node, peer);
    if (!p)
        return;
    p->due = 0;
    if (!s->alive || s->paused || !s->told || !heartbeat_watches(h, node, peer))
        return;
    uint64_t slack = SLACK_NS + w->rules.interval_ns;
    if (p->heard) {
        uint64_t limit = limit_ns(h, node, peer);
        uint64_t from = p->n_beats ? heartbeat_beat_ago(p, 0)->at : 0;
        from = from + limit > h->check->now ? from : h->check->now;
        if (limit != NS_NEVER)
            set_due(h, p, from + limit + slack);
    } else if (w->rules.detector != HEARTBEAT__DETECTOR__LINK) {
        uint64_t limit = w->rules.dead_after_ns;
        uint64_t from = s->up_at + limit > h->check->now ? s->up_at : h->check->now;
        set_due(h, p, from + limit + slack);
    }
}

void heartbeat_judge_due(struct heartbeat_check *h)
{
    struct finding *f = check_find(h->check, "heartbeat", "completeness");
    uint64_t now = h->check->now;
    h->next_due = NS_NEVER;
    for (uint32_t i = 0; i < h->n; i++)
        for (uint32_t k = 0; k < h->watchers[i].n; k++) {
            struct pair *p = &h->watchers[i].pairs[k];
            if (!p->due)
                continue;
            if (p->due >= now) {
                set_due(h, p, p->due);
                continue;
            }
            const struct subject *dead = check_subject(h->check, k + 1);
            f->judged++;
            if (!p->suspected && h->check->subjects[i].holes) {
                finding_unknown(f,
                                "events of n%u are missing, its suspicion of n%u perhaps among "
                                "them",
                                i + 1, k + 1);
            } else if (!p->suspected) {
                char after[32];
                seconds_print(after, sizeof after, p->due - dead->down_at);
                finding_refute(f, (uint64_t[]){p->last_beat, dead->down_ordinal}, 2,
                               "n%u crashed, and %s later n%u still did not suspect it", k + 1,
                               after, i + 1);
            }
            p->due = 0;
        }
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Since when two living nodes and the path from peer to node have been undisturbed. NS_NEVER: they
 * are not. */
uint64_t heartbeat_quiet_since(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct subject *s = check_subject(h->check, node);
    const struct subject *t = check_subject(h->check, peer);
    const struct pair *p = heartbeat_pair(h, node, peer);
    const struct pair *back = heartbeat_pair(h, peer, node);
    if (!s->alive || s->paused || !t->alive || t->paused || p->dirty)
        return NS_NEVER;
    bool tcp = heartbeat_watcher(h, node)->rules.tcp;
    if (tcp && back->dirty)
        return NS_NEVER;
    uint64_t since = later(later(s->up_at, s->disturbed_at), later(t->up_at, t->disturbed_at));
    since = later(since, later(heartbeat_watcher(h, node)->held_up_at,
                               heartbeat_watcher(h, peer)->held_up_at));
    since = later(since, p->dirty_at);
    return tcp ? later(since, back->dirty_at) : since;
}

/* How long the past weighs on a detector: those that learn remember their window. */
static uint64_t memory_ns(const struct rules *r)
{
    uint64_t once = r->timeout_ns + r->margin_ns + 2 * r->interval_ns + 2 * SLACK_NS;
    if (r->detector == HEARTBEAT__DETECTOR__PHI_ACCRUAL ||
        r->detector == HEARTBEAT__DETECTOR__ADAPTIVE)
        return once + (r->window + 2) * r->interval_ns;
    return once;
}

void heartbeat_judge_suspicion(struct heartbeat_check *h, uint32_t node, uint32_t peer,
                               uint64_t ordinal)
{
    struct finding *f = check_find(h->check, "heartbeat", "accuracy");
    const struct rules *r = &heartbeat_watcher(h, node)->rules;
    uint64_t since = heartbeat_quiet_since(h, node, peer);
    uint64_t now = h->check->now;
    if (since == NS_NEVER ||
        now - since <
            memory_ns(r) + r->dead_after_ns * (heartbeat_pair(h, node, peer)->heard ? 0 : 1))
        return;
    f->judged++;
    char at[32];
    char quiet[32];
    seconds_print(at, sizeof at, now);
    seconds_print(quiet, sizeof quiet, now - since);
    if (h->check->subjects[node - 1].holes || h->check->subjects[peer - 1].holes)
        finding_unknown(f, "events are missing around the suspicion of n%u by n%u at %s", peer,
                        node, at);
    else
        finding_refute(f, (uint64_t[]){heartbeat_pair(h, node, peer)->last_beat, ordinal}, 2,
                       "n%u suspected n%u at %s, though both ran and nothing was wrong between "
                       "them for %s",
                       node, peer, at, quiet);
}

void heartbeat_judge_agreement(struct heartbeat_check *h)
{
    struct finding *f = check_find(h->check, "heartbeat", "agreement");
    uint64_t now = h->check->now;
    for (uint32_t i = 1; i <= h->n; i++) {
        const struct rules *r = &heartbeat_watcher(h, i)->rules;
        for (uint32_t k = 1; k <= h->check->n; k++) {
            if (i == k || !heartbeat_watches(h, i, k) || !heartbeat_watcher(h, k)->rules.told)
                continue;
            uint64_t since = heartbeat_quiet_since(h, i, k);
            uint64_t settled = 2 * r->interval_ns + 2 * SLACK_NS;
            const struct pair *p = heartbeat_pair(h, i, k);
            if (since == NS_NEVER || now - since < settled)
                continue;
            f->judged++;
            if (!p->suspected || now - p->since < settled)
                continue;
            char lasted[32];
            seconds_print(lasted, sizeof lasted, now - p->since);
            if (check_subject(h->check, i)->holes)
                finding_unknown(f, "events of n%u are missing", i);
            else
                finding_refute(f, (uint64_t[]){p->last_beat, p->suspected_by}, 2,
                               "in the end n%u has suspected n%u for %s, which lives and can be "
                               "heard",
                               i, k, lasted);
        }
    }
}

static void measure_detection(struct heartbeat_measure *m, uint64_t ns)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 64;
        m->detection_ns = realloc(m->detection_ns, m->cap * sizeof *m->detection_ns);
        CHECK(m->detection_ns);
    }
    m->detection_ns[m->n++] = ns;
}

/* A node that crashed comes back, or all ends: the suspicions that lasted until then count. */
void heartbeat_measure_crash(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    struct pair *p = heartbeat_pair(h, node, peer);
    uint64_t down_at = check_subject(h->check, peer)->down_at;
    for (int d = 0; d < HEARTBEAT_DETECTORS; d++)
        if ((p->opinions & ~p->known) >> d & 1 && p->heard && p->opinion_at[d] >= down_at)
            measure_detection(&h->measures[d], p->opinion_at[d] - down_at);
}

void heartbeat_measure_opinion(struct heartbeat_check *h, uint32_t node,
                               const Heartbeat__Opinion *o)
{
    struct pair *p = heartbeat_pair(h, node, o->peer);
    if (!p || (unsigned)o->detector >= HEARTBEAT_DETECTORS)
        return;
    const struct subject *s = check_subject(h->check, o->peer);
    struct heartbeat_measure *m = &h->measures[o->detector];
    uint8_t bit = (uint8_t)(1u << o->detector);
    uint64_t now = h->check->now;
    if (o->suspected && !(p->opinions & bit)) {
        p->opinion_at[o->detector] = now;
        m->mistakes += s->alive && !s->paused;
    } else if (!o->suspected && (p->opinions & bit)) {
        p->known = (uint8_t)(p->known & ~bit);
        if (s->alive)
            m->mistaken_ns += now - p->opinion_at[o->detector];
    }
    p->opinions = (uint8_t)(o->suspected ? p->opinions | bit : p->opinions & ~bit);
}
