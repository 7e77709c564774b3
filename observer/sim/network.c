/* The simulated network. A datagram may be lost, doubled and overtaken; a stream is opened by its
 * first frame, keeps order, waits out a cut as TCP does, and breaks when a process ends or when a
 * cut outlasts patience. Link faults lie with the sender, as in a real node. */
#include "sim/inner.h"

#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING_MAX = 4096 };
static const nsec connect_retry = 200 * NSEC_PER_MS; /* Of the kernel, while a cut is in force. */
static const nsec patience = 3 * NSEC_PER_S;         /* With a cut; as a real node has it. */
static const nsec pause_min = 20 * NSEC_PER_MS;      /* Between tries to connect, likewise. */
static const nsec pause_max = NSEC_PER_S;

struct path *network_path(struct sim_node *from, node_id to)
{
    struct world *w = from->world;
    CHECK(to >= 1 && to <= w->n_nodes);
    if (to > from->n_paths) {
        uint32_t n = w->n_nodes;
        from->paths = realloc(from->paths, n * sizeof(struct path *));
        if (!from->paths)
            abort();
        memset(from->paths + from->n_paths, 0, (n - from->n_paths) * sizeof(struct path *));
        from->n_paths = n;
    }
    struct path **p = &from->paths[to - 1];
    if (!*p) {
        *p = calloc(1, sizeof **p);
        if (!*p)
            abort();
        (*p)->generation = 1;
        (*p)->pause = pause_min;
    }
    return *p;
}

static struct path *path_peek(const struct sim_node *from, node_id to)
{
    return to >= 1 && to <= from->n_paths ? from->paths[to - 1] : NULL;
}

void network_free(struct sim_node *n)
{
    for (uint32_t i = 0; i < n->n_paths; i++) {
        if (n->paths[i])
            happenings_clear(n->world, &n->paths[i]->pending);
        free(n->paths[i]);
    }
    free(n->paths);
}

/* While time stands still, what is delivered by hand arrives at once. */
static nsec latency(struct sim_node *n)
{
    const struct world_options *o = &n->world->options;
    nsec drawn = o->latency;
    if (o->latency_spread)
        drawn += (nsec)random_exponential(&n->network, (double)o->latency_spread);
    return n->world->pace > 0 ? drawn : 0;
}

static bool path_cut(const struct sim_node *from, node_id to)
{
    const struct path *p = path_peek(from, to);
    return p && p->faults.cut;
}

/* Segments and their acknowledgements need both directions. */
static bool cut_off(const struct sim_node *a, const struct sim_node *b)
{
    return path_cut(a, b->id) || path_cut(b, a->id);
}

static void deliver_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    if (!n->host)
        return;
    enum transport t = h->datagram ? TRANSPORT_DATAGRAM : TRANSPORT_STREAM;
    if (t == TRANSPORT_STREAM) {
        const struct path *p = path_peek(world_find(w, h->deliver.from), n->id);
        if (!p || p->generation != h->deliver.generation)
            return;
    }
    host_packet(n->host, node_moment(n), t, bytes_of(h->bytes, h->len));
    node_settle(n);
}

static struct happening *frame_new(struct sim_node *n, node_id to, enum transport t,
                                   struct bytes frame, uint64_t event)
{
    struct happening *h = happening_new(n->world, deliver_run, frame.len);
    h->node = to;
    h->stalls = true;
    h->datagram = t == TRANSPORT_DATAGRAM;
    h->deliver.from = n->id;
    h->deliver.to = to;
    h->deliver.event = event;
    memcpy(h->bytes, frame.base, frame.len);
    return h;
}

static void report_drop(struct sim_node *n, const struct happening *h, Orrery__DropReason reason)
{
    node_report(
        n, (struct report){
               .to = h->deliver.to, .event = h->deliver.event, .size = h->len, .reason = reason});
}

static void datagram_send(struct sim_node *n, node_id to, struct bytes frame, uint64_t event)
{
    struct world *w = n->world;
    struct path *p = path_peek(n, to);
    struct link_verdict v = {.copies = 1, .at = {w->now}};
    if (p && !link_clean(&p->faults))
        v = link_decide(&p->faults, TRANSPORT_DATAGRAM, frame.len, w->now, &n->faults);
    if (v.dropped) {
        node_report(n,
                    (struct report){
                        .to = to, .event = event, .size = (uint32_t)frame.len, .reason = v.reason});
        return;
    }
    for (uint32_t i = 0; i < v.copies; i++)
        happening_at(w, v.at[i] + latency(n), frame_new(n, to, TRANSPORT_DATAGRAM, frame, event));
}

static void path_break(struct sim_node *n, struct path *p)
{
    p->state = PATH_DOWN;
    p->generation++;
    for (struct happening *h; (h = happenings_pop(&p->pending));) {
        if (n->host)
            report_drop(n, h, ORRERY__DROP_REASON__DROP_NO_LINK);
        happening_free(n->world, h);
    }
}

static void connect_run(struct world *w, struct happening *h);

static void connect_at(struct sim_node *n, struct path *p, node_id peer, nsec at)
{
    p->state = PATH_CONNECTING;
    p->since = at;
    struct happening *h = happening_new(n->world, connect_run, 0);
    h->node = n->id;
    h->boot = n->boot;
    h->link.peer = peer;
    h->link.generation = p->generation;
    happening_at(n->world, at, h);
}

/* The stream that we opened is gone. Whoever lost something by it tries again until it is up, so
 * that the protocol hears of that; each reason is told once. */
static bool outgoing_down(struct sim_node *n, struct path *p, const struct happening *h)
{
    bool lost = p->pending.n > 0 || p->state == PATH_CONNECTING;
    bool told = p->down && p->reason == h->link.reason;
    path_break(n, p);
    p->down = true;
    p->reason = h->link.reason;
    p->stale = h->link.reason == LINK_SILENT;
    if (lost && h->link.reason != LINK_SILENT) {
        connect_at(n, p, h->link.peer, n->world->now + p->pause);
        p->pause = p->pause * 2 < pause_max ? p->pause * 2 : pause_max;
    }
    return !told;
}

/* A stream came up or went down, and this end hears of it. */
static void link_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    bool tell = true;
    if (h->link.outgoing) {
        struct path *p = network_path(n, h->link.peer);
        if (p->generation != h->link.generation)
            return;
        tell = outgoing_down(n, p, h);
    }
    if (tell)
        host_link(n->host, node_moment(n), h->link.peer, h->link.up, h->link.reason);
    node_settle(n);
}

static void tell_link(struct sim_node *n, node_id peer, bool up, enum link_reason reason,
                      const struct path *outgoing, nsec at)
{
    if (!n->host)
        return;
    struct happening *h = happening_new(n->world, link_run, 0);
    h->node = n->id;
    h->boot = n->boot;
    h->stalls = true;
    h->link.peer = peer;
    h->link.up = up;
    h->link.reason = reason;
    h->link.outgoing = outgoing != NULL;
    h->link.generation = outgoing ? outgoing->generation : 0;
    happening_at(n->world, at, h);
}

void network_removed(struct sim_node *n)
{
    struct world *w = n->world;
    for (uint32_t i = 0; i < w->n_nodes; i++)
        if (w->nodes[i] != n && groups_together(&w->groups, w->nodes[i]->group, n->group))
            tell_link(w->nodes[i], n->id, false, LINK_REMOVED, NULL, w->now);
}

void network_tell_removed(struct sim_node *n)
{
    struct world *w = n->world;
    for (uint32_t i = 0; i < w->n_nodes; i++)
        if (w->nodes[i]->state == NODE_REMOVED &&
            groups_together(&w->groups, w->nodes[i]->group, n->group))
            host_link(n->host, node_moment(n), w->nodes[i]->id, false, LINK_REMOVED);
}

static void silent_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    struct sim_node *peer = world_find(w, h->link.peer);
    struct path *p = network_path(n, peer->id);
    if (p->generation != h->link.generation || p->state != PATH_UP || !p->pending.n ||
        w->now < p->since + patience)
        return;
    tell_link(n, peer->id, false, LINK_SILENT, p, w->now);
}

/* Sends what waits, as far as it can. */
static void path_flush(struct sim_node *n, struct path *p, struct sim_node *peer)
{
    struct world *w = n->world;
    if (p->state != PATH_UP || !p->pending.n)
        return;
    if (cut_off(n, peer)) {
        struct happening *h = happening_new(w, silent_run, 0);
        h->node = n->id;
        h->boot = n->boot;
        h->link.peer = peer->id;
        h->link.generation = p->generation;
        happening_at(w, w->now + patience, h);
        return;
    }
    if (!peer->host || peer->boot != p->peer_boot) { /* Nobody there knows of this connection. */
        tell_link(n, peer->id, false, LINK_RESET, p, w->now + 2 * w->options.latency);
        return;
    }
    for (struct happening *h; (h = happenings_pop(&p->pending));) {
        struct link_verdict v =
            link_decide(&p->faults, TRANSPORT_STREAM, h->len, w->now, &n->faults);
        nsec at = (v.dropped ? w->now : v.at[0]) + latency(n);
        p->last_at = at > p->last_at ? at : p->last_at;
        h->boot = p->peer_boot;
        h->deliver.generation = p->generation;
        happening_at(w, p->last_at, h);
    }
}

static void connect_run(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->node);
    struct sim_node *peer = world_find(w, h->link.peer);
    struct path *p = network_path(n, peer->id);
    if (p->state != PATH_CONNECTING || p->generation != h->link.generation)
        return;
    if (cut_off(n, peer) && w->now < p->since + patience) {
        struct happening *again = happening_new(w, connect_run, 0);
        again->node = n->id;
        again->boot = n->boot;
        again->link = h->link;
        happening_at(w, w->now + connect_retry, again);
        return;
    }
    if (cut_off(n, peer) || !peer->host) {
        tell_link(n, peer->id, false, cut_off(n, peer) ? LINK_SILENT : LINK_REFUSED, p, w->now);
        return;
    }
    p->state = PATH_UP;
    p->pause = pause_min;
    p->down = false;
    p->last_at = w->now + w->options.latency;
    tell_link(n, peer->id, true, LINK_OK, NULL, w->now);
    if (p->stale && p->peer_boot == peer->boot)
        tell_link(peer, n->id, false, LINK_RESET, NULL, p->last_at);
    p->stale = false;
    p->peer_boot = peer->boot;
    tell_link(peer, n->id, true, LINK_OK, NULL, p->last_at);
    path_flush(n, p, peer);
}

static void stream_send(struct sim_node *n, struct happening *frame)
{
    struct world *w = n->world;
    struct sim_node *peer = world_find(w, frame->deliver.to);
    struct path *p = network_path(n, peer->id);
    if (p->pending.n >= PENDING_MAX) {
        report_drop(n, frame, ORRERY__DROP_REASON__DROP_QUEUE);
        happening_free(w, frame);
        return;
    }
    bool first = p->pending.n == 0;
    happenings_push(&p->pending, frame);
    if (p->state == PATH_DOWN) {
        connect_at(n, p, peer->id, w->now + 2 * w->options.latency);
    } else if (first) {
        if (cut_off(n, peer))
            p->since = w->now;
        path_flush(n, p, peer);
    }
}

static bool held_by_hand(const struct world *w, node_id from, node_id to)
{
    for (size_t i = 0; i < w->faults.n_holds; i++) {
        const Orrery__Hold *h = &w->faults.holds[i];
        if ((!h->from || h->from == from) && (!h->to || h->to == to))
            return true;
    }
    return false;
}

void network_send(struct sim_node *n, node_id to, enum transport t, struct bytes frame,
                  uint64_t event)
{
    struct world *w = n->world;
    if (!world_find(w, to))
        return;
    if (w->faults.n_holds && held_by_hand(w, n->id, to)) {
        happenings_push(&w->held, frame_new(n, to, t, frame, event));
        node_report(
            n, (struct report){
                   .is_held = true, .in_order = t == TRANSPORT_STREAM, .to = to, .event = event});
    } else if (t == TRANSPORT_DATAGRAM) {
        datagram_send(n, to, frame, event);
    } else {
        stream_send(n, frame_new(n, to, t, frame, event));
    }
}

void network_fault(struct sim_node *from, node_id to, const Orrery__LinkFault *f)
{
    for (uint32_t i = 1; to == 0 && i <= from->world->n_nodes; i++)
        if (i != from->id)
            network_fault(from, i, f);
    if (to == 0)
        return;
    struct path *p = network_path(from, to);
    struct sim_node *peer = world_find(from->world, to);
    bool was_cut = cut_off(from, peer);
    link_apply(&p->faults, f);
    if (!was_cut && cut_off(from, peer)) {
        p->since = from->world->now;
    } else if (was_cut && !cut_off(from, peer)) {
        struct path *back = path_peek(peer, from->id);
        path_flush(from, p, peer);
        if (back)
            path_flush(peer, back, from);
    }
}

/* The kernel closes the sockets of a process that ended, and the other ends hear of it. */
void network_node_gone(struct sim_node *n)
{
    struct world *w = n->world;
    for (uint32_t i = 0; i < w->n_nodes; i++) {
        struct sim_node *m = w->nodes[i];
        struct path *out = path_peek(n, m->id);
        struct path *in = path_peek(m, n->id);
        nsec at = w->now + w->options.latency;
        if (out && out->state != PATH_DOWN) {
            if (out->state == PATH_UP && m->boot == out->peer_boot && !cut_off(n, m))
                tell_link(m, n->id, false, LINK_RESET, NULL, at);
            path_break(n, out);
        }
        if (out) {
            out->down = out->stale = false;
            out->pause = pause_min;
        }
        if (in && in->state == PATH_UP && !cut_off(n, m))
            tell_link(m, n->id, false, LINK_RESET, in, at);
    }
    struct happenings others = {0};
    for (struct happening *h; (h = happenings_pop(&w->held));) {
        if (h->deliver.from == n->id)
            happening_free(w, h);
        else
            happenings_push(&others, h);
    }
    w->held = others;
}

static void release(struct world *w, struct happening *h)
{
    struct sim_node *n = world_find(w, h->deliver.from);
    if (h->datagram)
        happening_at(w, w->now + latency(n), h);
    else
        stream_send(n, h);
}

void network_unhold(struct world *w)
{
    struct happenings still = {0};
    for (struct happening *h; (h = happenings_pop(&w->held));) {
        if (held_by_hand(w, h->deliver.from, h->deliver.to))
            happenings_push(&still, h);
        else
            release(w, h);
    }
    w->held = still;
}

static bool wanted(const Orrery__Deliver *d, const struct happening *h)
{
    return (!d->from || d->from == h->deliver.from) && (!d->to || d->to == h->deliver.to) &&
           (!d->event || d->event == h->deliver.event);
}

/* One of the same stream that is meant is among these: streams have no gaps. */
static bool goes_along(const struct happening *h, const Orrery__Deliver *d,
                       const struct happening *others)
{
    for (; others && !h->datagram; others = others->next)
        if (wanted(d, others) && !others->datagram && others->deliver.from == h->deliver.from &&
            others->deliver.to == h->deliver.to)
            return true;
    return false;
}

int network_deliver(struct world *w, const Orrery__Deliver *d, char *why, size_t why_size)
{
    Orrery__Deliver which = *d;
    const struct happening *oldest = w->held.first;
    while (oldest && !wanted(d, oldest))
        oldest = oldest->next;
    if (!oldest) {
        snprintf(why, why_size, "no such message is held");
        return ERROR_NOT_FOUND;
    }
    which.from = oldest->deliver.from;
    which.event = oldest->deliver.event;
    if (!d->event)
        which.to = oldest->deliver.to;
    struct sim_node *sender = world_find(w, which.from);
    if (sender->paused) {
        snprintf(why, why_size, "%s holds it and is paused", sender->name);
        return ERROR_REFUSED;
    }
    struct happenings still = {0};
    struct happenings out = {0};
    for (struct happening *h; (h = happenings_pop(&w->held));) {
        /* What was sent before goes with it; if it is lost, what was sent behind it. */
        bool along = goes_along(h, &which, d->drop ? out.first : w->held.first);
        happenings_push(wanted(&which, h) || along ? &out : &still, h);
    }
    w->held = still;
    for (struct happening *h; (h = happenings_pop(&out));) {
        if (d->drop) {
            report_drop(sender, h, ORRERY__DROP_REASON__DROP_LOSS);
            happening_free(w, h);
            continue;
        }
        if (d->duplicate)
            release(w, frame_new(sender, h->deliver.to,
                                 h->datagram ? TRANSPORT_DATAGRAM : TRANSPORT_STREAM,
                                 bytes_of(h->bytes, h->len), h->deliver.event));
        release(w, h);
    }
    node_settle(sender);
    return 0;
}
