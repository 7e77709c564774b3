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
#include "base/must.h"
#include "check/heartbeat_inner.h"

#include <stdlib.h>
#include <string.h>

static void take_opinion(struct heartbeat_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Opinion *o = heartbeat__opinion__unpack(NULL, body.len, body.base);
    if (o)
        heartbeat_measure_opinion(h, e->node, o);
    if (o)
        heartbeat__opinion__free_unpacked(o, NULL);
}

static void take_gap(struct heartbeat_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Gap *g = heartbeat__gap__unpack(NULL, body.len, body.base);
    struct pair *p = g ? heartbeat_pair(h, e->node, g->peer) : NULL;
    if (p) {
        if (!p->beats)
            p->beats = must_alloc(RING_MAX, sizeof *p->beats);
        if (p->n_beats && g->number <= heartbeat_beat_ago(p, 0)->number)
            p->n_beats = 0; /* Another life of it. */
        p->beats[p->n_beats++ % RING_MAX] = (struct beat){h->check->now, g->number};
        p->last_beat = e->ordinal;
        p->heard = true;
        if (!check_subject(h->check, g->peer)->alive)
            heartbeat_expect(h, e->node, g->peer);
        else if (heartbeat_quiet_since(h, e->node, g->peer) != NS_NEVER)
            check_find(h->check, "heartbeat", "accuracy")->judged++;
    }
    if (g)
        heartbeat__gap__free_unpacked(g, NULL);
}

static void take_rebirth(struct heartbeat_check *h, const struct entry *e)
{
    struct bytes body = trace_body(e->head.payload);
    Heartbeat__Rebirth *r = heartbeat__rebirth__unpack(NULL, body.len, body.base);
    struct pair *p = r ? heartbeat_pair(h, e->node, r->peer) : NULL;
    if (p)
        p->n_beats = 0;
    if (r)
        heartbeat__rebirth__free_unpacked(r, NULL);
}

static void take_move(struct heartbeat_check *h, const struct entry *e)
{
    const struct rules *r = &heartbeat_watcher(h, e->node)->rules;
    if (!r->told || e->head.instance != r->instance)
        return;
    Orrery__Move *m = orrery__move__unpack(NULL, e->head.payload.len, e->head.payload.base);
    struct pair *p = m && m->machine == r->machine ? heartbeat_pair(h, e->node, m->of) : NULL;
    if (p) {
        bool suspected = m->to < 32 && (r->bad >> m->to & 1);
        if (suspected && !p->suspected) {
            p->since = h->check->now;
            p->suspected_by = e->ordinal;
            heartbeat_judge_suspicion(h, e->node, m->of, e->ordinal);
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
    struct watcher *w = heartbeat_watcher(h, e->node);
    if (!i)
        return;
    h->seen = true;
    heartbeat_read_rules(&w->rules, i);
    for (uint32_t peer = 1; peer <= h->check->n; peer++)
        if (peer != e->node && !h->check->subjects[peer - 1].alive &&
            h->check->subjects[peer - 1].boot)
            heartbeat_expect(h, e->node, peer);
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
        struct watcher *w = heartbeat_watcher(h, e->node);
        heartbeat_read_rules(&w->rules, i);
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
    struct watcher *w = heartbeat_watcher(h, e->node);
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
    struct watcher *w = heartbeat_watcher(h, node);
    keep_paths(w);
    w->sent_at = 0;
    if (spawned)
        w->rules = (struct rules){0};
    for (uint32_t i = 1; i <= h->n; i++) {
        struct pair *p = heartbeat_pair(h, i, node);
        if (!p)
            continue;
        const struct subject *s = check_subject(h->check, i);
        if (spawned && s->alive && check_subject(h->check, node)->down_at)
            heartbeat_measure_crash(h, i, node);
        if (spawned) {
            p->due = 0;
        } else {
            p->known = p->opinions;
            heartbeat_expect(h, i, node);
        }
    }
}

/* The user paused or resumed nodes: nothing is due of who sleeps, and all anew of who wakes. Of who
 * was removed nothing is expected any more. */
static void take_operator(struct heartbeat_check *h)
{
    for (uint32_t i = 1; i <= h->n; i++) {
        for (uint32_t k = 1; k <= h->check->n; k++) {
            struct pair *p = heartbeat_pair(h, i, k);
            if (p && h->check->subjects[k - 1].removed)
                p->due = 0;
        }
        const struct subject *s = check_subject(h->check, i);
        if (s->disturbed_at != h->check->now)
            continue;
        for (uint32_t k = 1; k <= h->check->n; k++)
            if (k != i && h->check->subjects[k - 1].boot && !h->check->subjects[k - 1].alive)
                heartbeat_expect(h, i, k);
    }
}

void heartbeat_check_entry(struct heartbeat_check *h, const struct entry *e, enum kind kind)
{
    if (h->check->n) /* Grown here, so that nothing moves while an entry is looked at. */
        (void)heartbeat_watcher(h, h->check->n);
    if (h->check->now > h->next_due)
        heartbeat_judge_due(h);
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

void heartbeat_check_end(struct heartbeat_check *h)
{
    if (!h->seen)
        return;
    if (h->check->now > h->next_due)
        heartbeat_judge_due(h);
    heartbeat_judge_agreement(h);
    for (uint32_t i = 1; i <= h->n; i++)
        for (uint32_t k = 1; k <= h->check->n; k++) {
            const struct subject *dead = check_subject(h->check, k);
            if (i != k && check_subject(h->check, i)->alive && dead->boot && !dead->alive)
                heartbeat_measure_crash(h, i, k);
        }
    finding_proven(check_find(h->check, "heartbeat", "completeness"),
                   "every crashed node was suspected in time by all who watched it");
    struct finding *accuracy = check_find(h->check, "heartbeat", "accuracy");
    if (h->check->holes)
        finding_unknown(accuracy, "events are missing, a mistaken suspicion perhaps among them");
    finding_proven(accuracy, "nobody suspected a node while nothing was wrong");
    finding_proven(check_find(h->check, "heartbeat", "agreement"),
                   "in the end nobody suspected a node that lives and can be heard");
}
