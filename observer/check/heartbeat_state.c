#include "check/heartbeat_inner.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

struct heartbeat_check *heartbeat_check_new(struct check *c)
{
    struct heartbeat_check *h = must_alloc(1, sizeof *h);
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

struct watcher *heartbeat_watcher(struct heartbeat_check *h, uint32_t node)
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
struct pair *heartbeat_pair(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    struct watcher *w = heartbeat_watcher(h, node);
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
void heartbeat_read_rules(struct rules *r, const Orrery__Instance *i)
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

/* Its place among those that were not removed since, and how many these are. */
static bool member_at(struct heartbeat_check *h, const Orrery__Start *s, uint32_t node, size_t *at,
                      size_t *n)
{
    bool found = false;
    *n = 0;
    for (size_t i = 0; i < s->n_members; i++) {
        uint32_t member = s->members[i];
        if (member == node) {
            *at = *n;
            found = true;
        }
        *n += member < 1 || member > h->check->n || !h->check->subjects[member - 1].removed;
    }
    return found;
}

bool heartbeat_watches(struct heartbeat_check *h, uint32_t node, uint32_t peer)
{
    const struct rules *r = &heartbeat_watcher(h, node)->rules;
    const struct subject *s = check_subject(h->check, node);
    const struct pair *p = heartbeat_pair(h, node, peer);
    size_t me;
    size_t other;
    size_t n;
    if (!r->told || !s->start || !p || s->removed || check_subject(h->check, peer)->removed)
        return false;
    if (!member_at(h, s->start, node, &me, &n) || !member_at(h, s->start, peer, &other, &n))
        return p->heard && !r->ring;
    size_t behind = (me + n - other) % n;
    return !r->ring || behind <= r->neighbours;
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
            struct pair *p = heartbeat_pair(h, b, a);
            if (!p)
                continue;
            p->dirty = path_dirty(&h->check->faults, a, b);
            p->dirty_at = h->check->now;
            if (!h->check->subjects[a - 1].alive && p->due)
                heartbeat_expect(h, b, a);
        }
}
