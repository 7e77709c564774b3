#include "runtime/filter.h"

#include "base/check.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

/* A frame that waits, with a copy of its bytes. */
struct parcel {
    struct parcel *next;
    node_id to;
    enum transport transport;
    uint64_t event;
    nsec since;
    size_t size;
    uint8_t bytes[];
};

struct filter_link {
    struct link_faults faults;
    struct parcels cut; /* Frames of the stream that came while it was cut. */
    uint32_t delayed;   /* Frames of the stream in the heap. */
    nsec latest;        /* When the last of them leaves. */
    bool holding;
};

static void parcels_push(struct parcels *q, struct parcel *p)
{
    p->next = NULL;
    *q->last = p;
    q->last = &p->next;
}

static struct parcel *parcels_pop(struct parcels *q)
{
    struct parcel *p = q->first;
    if (p) {
        q->first = p->next;
        if (!q->first)
            q->last = &q->first;
    }
    return p;
}

/* Takes out *at, which is a link of the queue's chain. */
static struct parcel *parcels_take(struct parcels *q, struct parcel **at)
{
    struct parcel *p = *at;
    *at = p->next;
    if (!*at)
        q->last = at;
    return p;
}

static struct parcel *parcel_new(struct filter *f, nsec now, node_id to, enum transport t,
                                 struct bytes frame, uint64_t event)
{
    if (frame.len > FILTER_WAITING_MAX - f->waiting)
        return NULL;
    struct parcel *p = malloc(sizeof *p + frame.len);
    CHECK(p);
    *p = (struct parcel){.to = to, .transport = t, .event = event, .since = now, .size = frame.len};
    memcpy(p->bytes, frame.base, frame.len);
    f->waiting += p->size;
    return p;
}

static void parcel_free(struct filter *f, struct parcel *p)
{
    CHECK(f->waiting >= p->size);
    f->waiting -= p->size;
    free(p);
}

static void drop_parcel(struct filter *f, struct parcel *p, Orrery__DropReason reason)
{
    f->io->dropped(f->ctx, p->to, p->event, p->size, reason);
    parcel_free(f, p);
}

static void pass_parcel(struct filter *f, struct parcel *p)
{
    f->io->pass(f->ctx, p->to, p->transport, bytes_of(p->bytes, p->size), p->event);
    parcel_free(f, p);
}

void filter_init(struct filter *f, node_id self, uint64_t seed, const struct filter_io *io,
                 void *ctx)
{
    *f = (struct filter){.self = self, .io = io, .ctx = ctx};
    f->random = random_split(seed, 0x66696c746572); /* "filter" */
    f->held.last = &f->held.first;
}

void filter_free(struct filter *f)
{
    struct heap_item item;
    while (heap_pop(&f->delayed, &item))
        parcel_free(f, item.what);
    struct parcel *p;
    while ((p = parcels_pop(&f->held)))
        parcel_free(f, p);
    for (uint32_t i = 0; i < f->n_links; i++)
        while ((p = parcels_pop(&f->links[i].cut)))
            parcel_free(f, p);
    free(f->links);
    heap_free(&f->delayed);
}

static struct filter_link *link_of(struct filter *f, node_id to)
{
    if (to >= FILTER_NODES_MAX)
        return NULL;
    if (to >= f->n_links) {
        uint32_t n = (to | 15) + 1;
        struct filter_link *links = must_alloc(n, sizeof *links);
        for (uint32_t i = 0; i < n; i++) {
            if (i < f->n_links)
                links[i] = f->links[i];
            else
                links[i] = (struct filter_link){.faults = f->faults_of_all, .holding = f->hold_all};
            if (!links[i].cut.first)
                links[i].cut.last = &links[i].cut.first;
        }
        free(f->links);
        f->links = links;
        f->n_links = n;
    }
    return &f->links[to];
}

static void delay(struct filter *f, struct filter_link *l, nsec at, struct parcel *p)
{
    if (p->transport == TRANSPORT_STREAM) {
        if (at < l->latest)
            at = l->latest;
        l->latest = at;
        l->delayed++;
    }
    heap_push(&f->delayed, at, p);
}

/* Past the holds: the link's faults decide. */
static void decide(struct filter *f, struct filter_link *l, nsec now, node_id to, enum transport t,
                   struct bytes frame, uint64_t event)
{
    bool stream = t == TRANSPORT_STREAM;
    if (stream && (l->faults.cut || l->cut.first)) {
        struct parcel *p = parcel_new(f, now, to, t, frame, event);
        if (p)
            parcels_push(&l->cut, p);
        else
            f->io->dropped(f->ctx, to, event, frame.len, ORRERY__DROP_REASON__DROP_QUEUE);
        return;
    }
    struct link_verdict v = {.copies = 1, .at = {now}};
    if (!link_clean(&l->faults))
        v = link_decide(&l->faults, t, frame.len, now, &f->random);
    if (v.dropped) {
        f->io->dropped(f->ctx, to, event, frame.len, v.reason);
        return;
    }
    for (uint32_t i = 0; i < v.copies; i++) {
        if (v.at[i] <= now && !(stream && l->delayed)) {
            f->io->pass(f->ctx, to, t, frame, event);
            continue;
        }
        struct parcel *p = parcel_new(f, now, to, t, frame, event);
        if (p)
            delay(f, l, v.at[i], p);
        else
            f->io->dropped(f->ctx, to, event, frame.len, ORRERY__DROP_REASON__DROP_QUEUE);
    }
}

void filter_send(struct filter *f, nsec now, node_id to, enum transport t, struct bytes frame,
                 uint64_t event)
{
    struct filter_link *l = f->links ? link_of(f, to) : NULL;
    if (!l) {
        f->io->pass(f->ctx, to, t, frame, event);
        return;
    }
    if (!l->holding) {
        decide(f, l, now, to, t, frame, event);
        return;
    }
    struct parcel *p = parcel_new(f, now, to, t, frame, event);
    if (!p) {
        f->io->dropped(f->ctx, to, event, frame.len, ORRERY__DROP_REASON__DROP_QUEUE);
        return;
    }
    parcels_push(&f->held, p);
    f->io->held(f->ctx, to, t, event);
}

/* A cut that heals in time: what was kept goes on, in order. */
static void heal(struct filter *f, struct filter_link *l, nsec now)
{
    struct parcels kept = l->cut;
    if (!kept.first)
        return;
    l->cut = (struct parcels){.last = &l->cut.first};
    struct parcel *p;
    while ((p = parcels_pop(&kept))) {
        decide(f, l, now, p->to, p->transport, bytes_of(p->bytes, p->size), p->event);
        parcel_free(f, p);
    }
}

static void fault_one(struct filter *f, nsec now, node_id to, const Orrery__LinkFault *fault)
{
    struct filter_link *l = link_of(f, to);
    if (!l)
        return;
    link_apply(&l->faults, fault);
    if (!l->faults.cut)
        heal(f, l, now);
}

static void fault_from(struct filter *f, nsec now, node_id from, node_id to,
                       const Orrery__LinkFault *fault)
{
    if (from != 0 && from != f->self)
        return;
    link_of(f, 1);
    if (to != 0) {
        fault_one(f, now, to, fault);
        return;
    }
    link_apply(&f->faults_of_all, fault);
    for (node_id i = 1; i < f->n_links; i++)
        fault_one(f, now, i, fault);
}

void filter_fault(struct filter *f, nsec now, const Orrery__LinkFault *fault)
{
    fault_from(f, now, fault->from, fault->to, fault);
    if (!fault->one_way && fault->from != fault->to)
        fault_from(f, now, fault->to, fault->from, fault);
}

/* What was held for `to` (0: all) leaves as if it were sent now. */
static void let_go(struct filter *f, nsec now, node_id to)
{
    struct parcels go = {.last = &go.first};
    struct parcel **at = &f->held.first;
    while (*at) {
        if (to == 0 || (*at)->to == to)
            parcels_push(&go, parcels_take(&f->held, at));
        else
            at = &(*at)->next;
    }
    struct parcel *p;
    while ((p = parcels_pop(&go))) {
        decide(f, link_of(f, p->to), now, p->to, p->transport, bytes_of(p->bytes, p->size),
               p->event);
        parcel_free(f, p);
    }
}

void filter_hold(struct filter *f, nsec now, const Orrery__Hold *hold)
{
    if (hold->from != 0 && hold->from != f->self)
        return;
    bool on = !hold->off;
    link_of(f, 1);
    if (hold->to == 0) {
        f->hold_all = on;
        for (node_id i = 1; i < f->n_links; i++)
            f->links[i].holding = on;
    } else if (link_of(f, hold->to)) {
        link_of(f, hold->to)->holding = on;
    }
    if (!on)
        let_go(f, now, hold->to);
}

/* By hand a parcel leaves past all faults; on a stream still behind those that wait. */
static void release(struct filter *f, nsec now, struct parcel *p)
{
    struct filter_link *l = link_of(f, p->to);
    if (p->transport == TRANSPORT_STREAM && l->cut.first)
        parcels_push(&l->cut, p);
    else if (p->transport == TRANSPORT_STREAM && l->delayed)
        delay(f, l, now, p);
    else
        pass_parcel(f, p);
}

/* Every held frame of the stream to `to`, from the first on, up to and including `upto`. */
static void release_stream(struct filter *f, nsec now, node_id to, const struct parcel *upto)
{
    struct parcel **at = &f->held.first;
    while (*at) {
        struct parcel *p = *at;
        if (p->to != to || p->transport != TRANSPORT_STREAM) {
            at = &p->next;
            continue;
        }
        bool last = p == upto;
        release(f, now, parcels_take(&f->held, at));
        if (last)
            return;
    }
}

static void drop_stream(struct filter *f, node_id to, const struct parcel *from)
{
    bool dropping = false;
    struct parcel **at = &f->held.first;
    while (*at) {
        struct parcel *p = *at;
        dropping = dropping || p == from;
        if (dropping && p->to == to && p->transport == TRANSPORT_STREAM)
            drop_parcel(f, parcels_take(&f->held, at), ORRERY__DROP_REASON__DROP_LOSS);
        else
            at = &p->next;
    }
    f->io->lost(f->ctx, to, LINK_RESET);
}

static void deliver_one(struct filter *f, nsec now, struct parcel **at,
                        const Orrery__Deliver *deliver)
{
    struct parcel *p = *at;
    if (p->transport == TRANSPORT_STREAM) {
        if (deliver->drop)
            drop_stream(f, p->to, p);
        else
            release_stream(f, now, p->to, p);
        return;
    }
    parcels_take(&f->held, at);
    if (deliver->drop) {
        drop_parcel(f, p, ORRERY__DROP_REASON__DROP_LOSS);
        return;
    }
    if (deliver->duplicate)
        f->io->pass(f->ctx, p->to, p->transport, bytes_of(p->bytes, p->size), p->event);
    release(f, now, p);
}

bool filter_deliver(struct filter *f, nsec now, const Orrery__Deliver *deliver)
{
    if (deliver->from != 0 && deliver->from != f->self)
        return false;
    if (!f->held.first)
        return false;
    uint64_t event = deliver->event;
    bool any = false;
    struct parcel **at = &f->held.first;
    while (*at) {
        struct parcel *p = *at;
        bool meant =
            (deliver->to == 0 || p->to == deliver->to) && (event == 0 ? !any : p->event == event);
        if (!meant) {
            at = &p->next;
            continue;
        }
        if (event == 0)
            event = p->event; /* The oldest one, to every receiver of it. */
        any = true;
        deliver_one(f, now, at, deliver);
        at = &f->held.first; /* More than one may have gone. */
        if (event == 0)
            break;
    }
    return any;
}

nsec filter_deadline(const struct filter *f)
{
    const struct heap_item *item = heap_peek(&f->delayed);
    nsec least = item ? item->key : NSEC_NEVER;
    for (uint32_t i = 0; i < f->n_links; i++) {
        const struct parcel *oldest = f->links[i].cut.first;
        if (oldest && oldest->since + FILTER_SILENT < least)
            least = oldest->since + FILTER_SILENT;
    }
    return least;
}

static void give_up(struct filter *f, struct filter_link *l, node_id to)
{
    struct parcel *p;
    while ((p = parcels_pop(&l->cut)))
        drop_parcel(f, p, ORRERY__DROP_REASON__DROP_CUT);
    f->io->lost(f->ctx, to, LINK_SILENT);
}

void filter_due(struct filter *f, nsec now)
{
    const struct heap_item *least;
    while ((least = heap_peek(&f->delayed)) && least->key <= now) {
        struct heap_item item;
        heap_pop(&f->delayed, &item);
        struct parcel *p = item.what;
        if (p->transport == TRANSPORT_STREAM)
            link_of(f, p->to)->delayed--;
        pass_parcel(f, p);
    }
    for (uint32_t i = 0; i < f->n_links; i++) {
        const struct parcel *oldest = f->links[i].cut.first;
        if (oldest && oldest->since + FILTER_SILENT <= now)
            give_up(f, &f->links[i], i);
    }
}
