#include "core/link.h"

static nsec later(nsec a, nsec b)
{
    return a > b ? a : b;
}

/* When the last byte has gone through the wire's bandwidth. */
static nsec through(struct link_faults *l, size_t size, nsec now)
{
    if (l->bandwidth == 0)
        return now;
    double took = (double)size * 1e9 / (double)l->bandwidth;
    l->busy_until = later(now, l->busy_until) + (nsec)took;
    return l->busy_until;
}

static nsec delayed(const struct link_faults *l, nsec at, struct random *random)
{
    double delay = (double)l->delay;
    if (l->jitter > 0)
        delay = random_normal(random, delay, (double)l->jitter);
    return delay > 0 ? at + (nsec)delay : at;
}

static bool tossed(struct random *random, double p)
{
    return p > 0 && random_chance(random, p);
}

static struct link_verdict dropped(Orrery__DropReason reason)
{
    return (struct link_verdict){.dropped = true, .reason = reason};
}

static struct link_verdict decide_datagram(struct link_faults *l, size_t size, nsec now,
                                           struct random *random)
{
    if (l->cut)
        return dropped(ORRERY__DROP_REASON__DROP_CUT);
    if (tossed(random, l->loss))
        return dropped(ORRERY__DROP_REASON__DROP_LOSS);
    if (l->bandwidth > 0 && l->busy_until > now && l->busy_until - now > LINK_BACKLOG_MAX)
        return dropped(ORRERY__DROP_REASON__DROP_QUEUE);
    nsec at = through(l, size, now);
    struct link_verdict v = {.copies = 1};
    v.at[0] = tossed(random, l->reorder) ? at : delayed(l, at, random);
    if (tossed(random, l->duplicate))
        v.at[v.copies++] = delayed(l, at, random);
    return v;
}

static struct link_verdict decide_stream(struct link_faults *l, size_t size, nsec now,
                                         struct random *random)
{
    if (l->cut)
        return (struct link_verdict){.copies = 0};
    nsec at = delayed(l, through(l, size, now), random);
    if (tossed(random, l->loss))
        at += LINK_RETRANSMIT;
    l->last_at = later(at, l->last_at);
    struct link_verdict v = {.copies = 1};
    v.at[0] = l->last_at;
    return v;
}

struct link_verdict link_decide(struct link_faults *l, enum transport t, size_t size, nsec now,
                                struct random *random)
{
    return t == TRANSPORT_DATAGRAM ? decide_datagram(l, size, now, random)
                                   : decide_stream(l, size, now, random);
}

static double share(double p)
{
    return p > 0 ? (p < 1 ? p : 1) : 0; /* Not a number: none. */
}

static nsec bounded(uint64_t ns)
{
    const nsec day = 86400 * NSEC_PER_S;
    return ns < day ? ns : day;
}

void link_apply(struct link_faults *l, const Orrery__LinkFault *f)
{
    if (f->has_cut)
        l->cut = f->cut;
    if (f->has_delay_ns)
        l->delay = bounded(f->delay_ns);
    if (f->has_jitter_ns)
        l->jitter = bounded(f->jitter_ns);
    if (f->has_loss)
        l->loss = share(f->loss);
    if (f->has_duplicate)
        l->duplicate = share(f->duplicate);
    if (f->has_reorder)
        l->reorder = share(f->reorder);
    if (f->has_bandwidth) {
        l->bandwidth = f->bandwidth;
        l->busy_until = 0;
    }
}

bool link_clean(const struct link_faults *l)
{
    return !l->cut && l->delay == 0 && l->jitter == 0 && !(l->loss > 0) && !(l->duplicate > 0) &&
           l->bandwidth == 0;
}
