/* What failure detectors promise, judged from events (Chandra, Toueg, "Unreliable failure detectors
 * for reliable distributed systems", 1996, gave the properties their names; here with bounds):
 *
 *   completeness  a crashed node is suspected by every live watcher within the silence that its
 *                 detector allows, computed here anew from the beats that it received
 *   accuracy      while nothing was wrong with two nodes and the path between them for long enough,
 *                 neither suspects the other
 *   agreement     in the end nobody suspects a node that lives and can be heard */
#include "check/heartbeat.h"

#include "base/check.h"
#include "check/inner.h"
#include "heartbeat.pb-c.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RING_MAX = 256 };
static const uint64_t slack_ns = 500 * NS_PER_MS; /* Of schedulers, and of messages under way. */

struct beat {
    uint64_t at;
    uint64_t number;
};

/* One node's view of another. */
struct pair {
    bool suspected;
    uint64_t since;        /* When that began, and */
    uint64_t suspected_by; /* the move that said so. */
    bool heard;            /* In this life. */
    uint64_t last_beat;    /* Ordinal of the newest beat's event; 0: none that was told. */
    struct beat *beats;    /* A ring of the newest RING_MAX. */
    uint32_t n_beats;      /* Ever, since the last rebirth. */
    bool dirty;            /* A fault is in force on the path from it to us. */
    uint64_t dirty_at;     /* Since when it is so, or is so no more. */
    uint64_t due;          /* It must be suspected by then; 0: nothing is due. */
    uint8_t opinions;      /* Bit d: detector d suspects. */
    uint8_t known;         /* Bit d: it did so already when the node crashed. */
    uint64_t opinion_at[HEARTBEAT_DETECTORS];
};

struct rules {
    bool told;
    uint32_t machine; /* Index of "peer" among the instance's machines. */
    uint32_t bad;     /* Bit s: state s is a suspicion. */
    uint32_t instance;
    uint64_t interval_ns;
    uint64_t timeout_ns;
    uint64_t margin_ns;
    uint64_t min_deviation_ns;
    uint64_t dead_after_ns;
    double phi;
    uint32_t window;
    uint32_t neighbours;
    bool ring;
    bool tcp;
    int detector;
};

struct watcher {
    struct rules rules;
    struct pair *pairs; /* By peer - 1. */
    uint32_t n;
    uint64_t sent_at;    /* Its newest beat. */
    uint64_t held_up_at; /* It beat late: the machine was busy elsewhere. */
};

struct heartbeat_check {
    struct check *check;
    struct watcher *watchers; /* By node - 1. */
    uint32_t n;
    uint64_t next_due;
    bool seen;
    struct heartbeat_measure measures[HEARTBEAT_DETECTORS];
};

struct heartbeat_check *heartbeat_check_new(struct check *c)
{
    struct heartbeat_check *h = calloc(1, sizeof *h);
    CHECK(h);
    h->check = c;
    h->next_due = NS_NEVER;
    return h;
}

static void forget_pairs(struct watcher *w)
{
    for (uint32_t i = 0; i < w->n; i++)
        free(w->pairs[i].beats);
    free(w->pairs);
    w->pairs = NULL;
    w->n = 0;
}

void heartbeat_check_free(struct heartbeat_check *h)
{
    for (uint32_t i = 0; i < h->n; i++)
        forget_pairs(&h->watchers[i]);
    for (int d = 0; d < HEARTBEAT_DETECTORS; d++)
        free(h->measures[d].detection_ns);
    free(h->watchers);
    free(h);
}

const struct heartbeat_measure *check_heartbeat_measures(const struct check *c)
{
    return c->heartbeat->measures;
}

static struct watcher *watcher_of(struct heartbeat_check *h, uint32_t node)
{
    if (node > h->n) {
        uint32_t n = h->check->n > node ? h->check->n : node;
        h->watchers = realloc(h->watchers, n * sizeof *h->watchers);
        CHECK(h->watchers);
        memset(h->watchers + h->n, 0, (n - h->n) * sizeof *h->watchers);
        h->n = n;
    }
    return &h->watchers[node - 1];
}

/* NULL for a peer that cannot be: events may be hostile. */
static struct pair *pair_of(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    struct watcher *w = watcher_of(h, node);
    if (peer < 1 || peer > h->check->n || peer == node)
        return NULL;
    if (peer > w->n) {
        uint32_t n = h->check->n;
        w->pairs = realloc(w->pairs, n * sizeof *w->pairs);
        CHECK(w->pairs);
        memset(w->pairs + w->n, 0, (n - w->n) * sizeof *w->pairs);
        w->n = n;
    }
    return &w->pairs[peer - 1];
}

static uint64_t ms(double v)
{
    return v > 0 && v < 1e12 ? (uint64_t)(v * 1e6) : 0;
}

static int detector_of(const char *name)
{
    static const char *const names[] = {"fixed", "phi-accrual", "adaptive", "link"};
    for (int d = 0; name && d < HEARTBEAT_DETECTORS; d++)
        if (strcmp(names[d], name) == 0)
            return d;
    return 0;
}

static bool setting_is(const Orrery__Instance *i, const char *key, const char *value)
{
    const char *text = instance_setting(i, key);
    return text && strcmp(text, value) == 0;
}

static void read_machines(struct rules *r, const Orrery__Instance *i)
{
    r->machine = UINT32_MAX;
    for (size_t k = 0; k < i->n_machines; k++) {
        if (strcmp(i->machines[k]->name, "peer") != 0)
            continue;
        r->machine = (uint32_t)k;
        for (size_t s = 0; s < i->machines[k]->n_states && s < 32; s++)
            if (strcmp(i->machines[k]->states[s], "suspected") == 0 ||
                strcmp(i->machines[k]->states[s], "dead") == 0)
                r->bad |= UINT32_C(1) << s;
    }
}

/* What the node said that it was told; the rest is what heartbeat does by default. */
static void read_rules(struct rules *r, const Orrery__Instance *i)
{
    *r = (struct rules){.told = true, .instance = i->number};
    r->interval_ns = ms(instance_number(i, "interval_ms", 250));
    r->timeout_ns = ms(instance_number(i, "timeout_ms", 1000));
    r->margin_ns = ms(instance_number(i, "margin_ms", 350));
    r->min_deviation_ns = ms(instance_number(i, "min_deviation_ms", 50));
    r->dead_after_ns = ms(instance_number(i, "dead_after_ms", 10000));
    r->phi = instance_number(i, "phi", 8);
    double window = instance_number(i, "window", 100);
    r->window = window >= 2 && window < 1e6 ? (uint32_t)window : 100;
    double neighbours = instance_number(i, "neighbours", 2);
    r->neighbours = neighbours >= 1 && neighbours < 1e6 ? (uint32_t)neighbours : 2;
    r->ring = setting_is(i, "watch", "ring");
    r->tcp = setting_is(i, "transport", "tcp");
    r->detector = detector_of(instance_setting(i, "detector"));
    read_machines(r, i);
}

static bool member_at(const Orrery__Start *s, uint32_t node, size_t *at)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (s->members[i] == node) {
            *at = i;
            return true;
        }
    return false;
}

static bool watches(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct rules *r = &watcher_of(h, node)->rules;
    const struct subject *s = check_subject(h->check, node);
    const struct pair *p = pair_of(h, node, peer);
    size_t me;
    size_t other;
    if (!r->told || !s->start || !p)
        return false;
    if (!member_at(s->start, node, &me) || !member_at(s->start, peer, &other))
        return p->heard && !r->ring;
    size_t behind = (me + s->start->n_members - other) % s->start->n_members;
    return !r->ring || behind <= r->neighbours;
}

static uint32_t ring_n(const struct pair *p, uint32_t window)
{
    uint32_t most = window < RING_MAX ? window : RING_MAX;
    return p->n_beats < most ? p->n_beats : most;
}

static const struct beat *beat_ago(const struct pair *p, uint32_t i)
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
            double gap = (double)(beat_ago(p, i)->at - beat_ago(p, i + 1)->at);
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
    const struct beat *newest = beat_ago(p, 0);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct beat *b = beat_ago(p, i);
        double late = (double)(newest->number - b->number) * (double)interval_ns;
        sum += late - (double)(newest->at - b->at);
    }
    double expected = sum / n + (double)interval_ns;
    return fmax(0, expected) + (double)r->margin_ns;
}

/* The silence after which the peer must be suspected; NS_NEVER: nothing can be said. */
static uint64_t limit_ns(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct rules *r = &watcher_of(h, node)->rules;
    const struct pair *p = pair_of(h, node, peer);
    const struct rules *theirs = &watcher_of(h, peer)->rules;
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
        if (p->dirty || pair_of(h, peer, node)->dirty ||
            h->check->now > beat_ago(p, 0)->at + 2 * r->interval_ns)
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
static void expect(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct watcher *w = watcher_of(h, node);
    const struct subject *s = check_subject(h->check, node);
    struct pair *p = pair_of(h, node, peer);
    if (!p)
        return;
    p->due = 0;
    if (!s->alive || s->paused || !s->told || !watches(h, node, peer))
        return;
    uint64_t slack = slack_ns + w->rules.interval_ns;
    if (p->heard) {
        uint64_t limit = limit_ns(h, node, peer);
        uint64_t from = p->n_beats ? beat_ago(p, 0)->at : 0;
        from = from + limit > h->check->now ? from : h->check->now;
        if (limit != NS_NEVER)
            set_due(h, p, from + limit + slack);
    } else if (w->rules.detector != HEARTBEAT__DETECTOR__LINK) {
        uint64_t limit = w->rules.dead_after_ns;
        uint64_t from = s->up_at + limit > h->check->now ? s->up_at : h->check->now;
        set_due(h, p, from + limit + slack);
    }
}

static void judge_due(struct heartbeat_check *h)
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
static uint64_t quiet_since(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct subject *s = check_subject(h->check, node);
    const struct subject *t = check_subject(h->check, peer);
    const struct pair *p = pair_of(h, node, peer);
    const struct pair *back = pair_of(h, peer, node);
    if (!s->alive || s->paused || !t->alive || t->paused || p->dirty)
        return NS_NEVER;
    bool tcp = watcher_of(h, node)->rules.tcp;
    if (tcp && back->dirty)
        return NS_NEVER;
    uint64_t since = later(later(s->up_at, s->disturbed_at), later(t->up_at, t->disturbed_at));
    since = later(since, later(watcher_of(h, node)->held_up_at, watcher_of(h, peer)->held_up_at));
    since = later(since, p->dirty_at);
    return tcp ? later(since, back->dirty_at) : since;
}

/* How long the past weighs on a detector: those that learn remember their window. */
static uint64_t memory_ns(const struct rules *r)
{
    uint64_t once = r->timeout_ns + r->margin_ns + 2 * r->interval_ns + 2 * slack_ns;
    if (r->detector == HEARTBEAT__DETECTOR__PHI_ACCRUAL ||
        r->detector == HEARTBEAT__DETECTOR__ADAPTIVE)
        return once + (r->window + 2) * r->interval_ns;
    return once;
}

static void judge_suspicion(struct heartbeat_check *h, uint32_t node, uint32_t peer,
                            uint64_t ordinal)
{
    struct finding *f = check_find(h->check, "heartbeat", "accuracy");
    const struct rules *r = &watcher_of(h, node)->rules;
    uint64_t since = quiet_since(h, node, peer);
    uint64_t now = h->check->now;
    if (since == NS_NEVER ||
        now - since < memory_ns(r) + r->dead_after_ns * (pair_of(h, node, peer)->heard ? 0 : 1))
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
        finding_refute(f, (uint64_t[]){pair_of(h, node, peer)->last_beat, ordinal}, 2,
                       "n%u suspected n%u at %s, though both ran and nothing was wrong between "
                       "them for %s",
                       node, peer, at, quiet);
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
static void measure_crash(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    struct pair *p = pair_of(h, node, peer);
    uint64_t down_at = check_subject(h->check, peer)->down_at;
    for (int d = 0; d < HEARTBEAT_DETECTORS; d++)
        if ((p->opinions & ~p->known) >> d & 1 && p->heard && p->opinion_at[d] >= down_at)
            measure_detection(&h->measures[d], p->opinion_at[d] - down_at);
}

static void measure_opinion(struct heartbeat_check *h, uint32_t node, const Heartbeat__Opinion *o)
{
    struct pair *p = pair_of(h, node, o->peer);
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

static void take_opinion(struct heartbeat_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Opinion *o = heartbeat__opinion__unpack(NULL, body.len, body.base);
    if (o)
        measure_opinion(h, e->node, o);
    if (o)
        heartbeat__opinion__free_unpacked(o, NULL);
}

static void take_gap(struct heartbeat_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Gap *g = heartbeat__gap__unpack(NULL, body.len, body.base);
    struct pair *p = g ? pair_of(h, e->node, g->peer) : NULL;
    if (p) {
        if (!p->beats)
            p->beats = calloc(RING_MAX, sizeof *p->beats);
        CHECK(p->beats);
        if (p->n_beats && g->number <= beat_ago(p, 0)->number)
            p->n_beats = 0; /* Another life of it. */
        p->beats[p->n_beats++ % RING_MAX] = (struct beat){h->check->now, g->number};
        p->last_beat = e->ordinal;
        p->heard = true;
        if (!check_subject(h->check, g->peer)->alive)
            expect(h, e->node, g->peer);
        else if (quiet_since(h, e->node, g->peer) != NS_NEVER)
            check_find(h->check, "heartbeat", "accuracy")->judged++;
    }
    if (g)
        heartbeat__gap__free_unpacked(g, NULL);
}

static void take_rebirth(struct heartbeat_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Rebirth *r = heartbeat__rebirth__unpack(NULL, body.len, body.base);
    struct pair *p = r ? pair_of(h, e->node, r->peer) : NULL;
    if (p)
        p->n_beats = 0;
    if (r)
        heartbeat__rebirth__free_unpacked(r, NULL);
}

static void take_move(struct heartbeat_check *h, const struct entry *e)
{
    const struct rules *r = &watcher_of(h, e->node)->rules;
    if (!r->told || e->head.instance != r->instance)
        return;
    Orrery__Move *m = orrery__move__unpack(NULL, e->head.payload.len, e->head.payload.base);
    struct pair *p = m && m->machine == r->machine ? pair_of(h, e->node, m->of) : NULL;
    if (p) {
        bool suspected = m->to < 32 && (r->bad >> m->to & 1);
        if (suspected && !p->suspected) {
            p->since = h->check->now;
            p->suspected_by = e->ordinal;
            judge_suspicion(h, e->node, m->of, e->ordinal);
        }
        p->suspected = suspected;
        p->heard = p->heard || !suspected;
    }
    if (m)
        orrery__move__free_unpacked(m, NULL);
}

static void take_start(struct heartbeat_check *h, const struct entry *e)
{
    const struct subject *s = check_subject(h->check, e->node);
    const Orrery__Instance *i = subject_instance(s, "heartbeat");
    struct watcher *w = watcher_of(h, e->node);
    if (!i)
        return;
    h->seen = true;
    read_rules(&w->rules, i);
    for (uint32_t peer = 1; peer <= h->check->n; peer++)
        if (peer != e->node && !h->check->subjects[peer - 1].alive &&
            h->check->subjects[peer - 1].boot)
            expect(h, e->node, peer);
}

/* New settings: what was learnt is forgotten, and judged anew from here on. */
static void take_setting(struct heartbeat_check *h, const struct entry *e)
{
    struct subject *s = check_subject(h->check, e->node);
    Orrery__Instance *i = (Orrery__Instance *)(uintptr_t)subject_instance(s, "heartbeat");
    Orrery__Setting *m = orrery__setting__unpack(NULL, e->head.payload.len, e->head.payload.base);
    if (m && i && e->head.instance == i->number) {
        /* The newest of a key counts: they are moved behind those of the start. */
        size_t n = i->n_settings + m->n_settings;
        i->settings = realloc(i->settings, (n ? n : 1) * sizeof(Orrery__KeyValue *));
        CHECK(i->settings);
        memcpy(i->settings + i->n_settings, m->settings,
               m->n_settings * sizeof(Orrery__KeyValue *));
        i->n_settings = n;
        m->n_settings = 0;
        struct watcher *w = watcher_of(h, e->node);
        read_rules(&w->rules, i);
        s->disturbed_at = h->check->now;
        for (uint32_t k = 0; k < w->n; k++) {
            w->pairs[k].due = 0;
            w->pairs[k].n_beats = 0;
        }
    }
    if (m)
        orrery__setting__free_unpacked(m, NULL);
}

static void take_send(struct heartbeat_check *h, const struct entry *e)
{
    struct watcher *w = watcher_of(h, e->node);
    if (!w->rules.told || e->head.instance != w->rules.instance)
        return;
    uint64_t now = h->check->now;
    if (w->sent_at && now - w->sent_at > w->rules.interval_ns + w->rules.interval_ns / 2)
        w->held_up_at = now;
    w->sent_at = now;
}

static void keep_paths(struct watcher *w)
{
    /* A new life: its paths' faults stay as they are. */
    for (uint32_t i = 0; i < w->n; i++) {
        struct pair *p = &w->pairs[i];
        free(p->beats);
        *p = (struct pair){.dirty = p->dirty, .dirty_at = p->dirty_at};
    }
}

static uint32_t process_of(const struct entry *e)
{
    uint32_t node = 0;
    if (e->head.body == ORRERY__EVENT__BODY_SPAWN) {
        Orrery__Spawn *m = orrery__spawn__unpack(NULL, e->head.payload.len, e->head.payload.base);
        node = m ? m->node : 0;
        if (m)
            orrery__spawn__free_unpacked(m, NULL);
    } else {
        Orrery__Exit *m = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
        node = m ? m->node : 0;
        if (m)
            orrery__exit__free_unpacked(m, NULL);
    }
    return node;
}

static void take_process(struct heartbeat_check *h, const struct entry *e)
{
    uint32_t node = process_of(e);
    bool spawned = e->head.body == ORRERY__EVENT__BODY_SPAWN;
    if (node < 1 || node > h->check->n)
        return;
    struct watcher *w = watcher_of(h, node);
    keep_paths(w);
    w->sent_at = 0;
    if (spawned)
        w->rules = (struct rules){0};
    for (uint32_t i = 1; i <= h->n; i++) {
        struct pair *p = pair_of(h, i, node);
        if (!p)
            continue;
        const struct subject *s = check_subject(h->check, i);
        if (spawned && s->alive && check_subject(h->check, node)->down_at)
            measure_crash(h, i, node);
        if (spawned) {
            p->due = 0;
        } else {
            p->known = p->opinions;
            expect(h, i, node);
        }
    }
}

/* The user paused or resumed nodes: nothing is due of who sleeps, and all anew of who wakes. */
static void take_operator(struct heartbeat_check *h)
{
    for (uint32_t i = 1; i <= h->n; i++) {
        const struct subject *s = check_subject(h->check, i);
        if (s->disturbed_at != h->check->now)
            continue;
        for (uint32_t k = 1; k <= h->check->n; k++)
            if (k != i && h->check->subjects[k - 1].boot && !h->check->subjects[k - 1].alive)
                expect(h, i, k);
    }
}

static bool rule_dirty(const Orrery__LinkFault *l)
{
    return l->cut || l->delay_ns || l->jitter_ns || l->loss > 0 || l->duplicate > 0 ||
           l->reorder > 0 || l->bandwidth;
}

static bool path_dirty(const struct faults *f, uint32_t from, uint32_t to)
{
    bool dirty = false;
    const struct fault_links *links = from <= f->nodes ? &f->links[from - 1] : NULL;
    for (size_t i = 0; links && i < links->n; i++)
        if (links->rules[i].to == to || links->rules[i].to == 0)
            dirty = rule_dirty(&links->rules[i]); /* A rule for one comes behind that for all. */
    for (size_t i = 0; i < f->n_holds; i++)
        if ((!f->holds[i].from || f->holds[i].from == from) &&
            (!f->holds[i].to || f->holds[i].to == to))
            dirty = true;
    return dirty;
}

void heartbeat_check_path(struct heartbeat_check *h, uint32_t from, uint32_t to)
{
    for (uint32_t a = from ? from : 1; a <= (from ? from : h->check->n); a++)
        for (uint32_t b = to ? to : 1; b <= (to ? to : h->check->n); b++) {
            struct pair *p = pair_of(h, b, a);
            if (!p)
                continue;
            p->dirty = path_dirty(&h->check->faults, a, b);
            p->dirty_at = h->check->now;
            if (!h->check->subjects[a - 1].alive && p->due)
                expect(h, b, a);
        }
}

void heartbeat_check_entry(struct heartbeat_check *h, const struct entry *e, enum kind kind)
{
    if (h->check->now > h->next_due)
        judge_due(h);
    switch (e->head.body) {
    case ORRERY__EVENT__BODY_TRACE:
        if (kind == KIND_HEARTBEAT_GAP)
            take_gap(h, e);
        else if (kind == KIND_HEARTBEAT_OPINION)
            take_opinion(h, e);
        else if (kind == KIND_HEARTBEAT_REBIRTH)
            take_rebirth(h, e);
        break;
    case ORRERY__EVENT__BODY_MOVE:
        take_move(h, e);
        break;
    case ORRERY__EVENT__BODY_SEND:
        take_send(h, e);
        break;
    case ORRERY__EVENT__BODY_START:
        take_start(h, e);
        break;
    case ORRERY__EVENT__BODY_SETTING:
        take_setting(h, e);
        break;
    case ORRERY__EVENT__BODY_SPAWN:
    case ORRERY__EVENT__BODY_EXIT:
        if (e->node == 0)
            take_process(h, e);
        break;
    case ORRERY__EVENT__BODY_OPERATOR:
        if (e->node == 0)
            take_operator(h);
        break;
    default:
        break;
    }
}

static void judge_agreement(struct heartbeat_check *h)
{
    struct finding *f = check_find(h->check, "heartbeat", "agreement");
    uint64_t now = h->check->now;
    for (uint32_t i = 1; i <= h->n; i++) {
        const struct rules *r = &watcher_of(h, i)->rules;
        for (uint32_t k = 1; k <= h->check->n; k++) {
            if (i == k || !watches(h, i, k) || !watcher_of(h, k)->rules.told)
                continue;
            uint64_t since = quiet_since(h, i, k);
            uint64_t settled = 2 * r->interval_ns + 2 * slack_ns;
            const struct pair *p = pair_of(h, i, k);
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

void heartbeat_check_end(struct heartbeat_check *h)
{
    if (!h->seen)
        return;
    if (h->check->now > h->next_due)
        judge_due(h);
    judge_agreement(h);
    for (uint32_t i = 1; i <= h->n; i++)
        for (uint32_t k = 1; k <= h->check->n; k++) {
            const struct subject *dead = check_subject(h->check, k);
            if (i != k && check_subject(h->check, i)->alive && dead->boot && !dead->alive)
                measure_crash(h, i, k);
        }
    finding_proven(check_find(h->check, "heartbeat", "completeness"),
                   "every crashed node was suspected in time by all who watched it");
    finding_proven(check_find(h->check, "heartbeat", "accuracy"),
                   "nobody suspected a node while nothing was wrong");
    finding_proven(check_find(h->check, "heartbeat", "agreement"),
                   "in the end nobody suspected a node that lives and can be heard");
}
