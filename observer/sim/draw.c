#include "sim/trial.h"

#include "base/check.h"
#include "core/registry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum fault_kind {
    FAULT_KILL,
    FAULT_POWER,
    FAULT_PAUSE,
    FAULT_STOP,
    FAULT_CUT,
    FAULT_LINK,
    FAULT_DISK_SLOW,
    FAULT_DISK_DEAD,
    FAULT_CLOCK,
    FAULT_ORDER, /* What users order of the protocol. */
    FAULT_KINDS,
};

struct drawer {
    struct trial *t;
    struct random random;
    nsec shortest; /* Faults last at least so long, and */
    nsec mean;     /* so much longer on average. */
    bool storage;
};

static struct planned *plan(struct trial *t, nsec at, nsec until)
{
    t->faults = realloc(t->faults, (t->n_faults + 1) * sizeof *t->faults);
    CHECK(t->faults);
    struct planned *p = &t->faults[t->n_faults++];
    *p = (struct planned){.at = at, .until = until};
    return p;
}

static uint32_t any_node(struct drawer *d)
{
    return 1 + (uint32_t)random_below(&d->random, d->t->nodes);
}

static double share(struct drawer *d, double most)
{
    return (double)(1 + random_below(&d->random, (uint64_t)(1000 * most))) / 1000;
}

#define SAY(into, ...) (void)snprintf(into, TRIAL_LINE_MAX, __VA_ARGS__)

/* A random half of the nodes against the rest. */
static void draw_cut(struct drawer *d, struct planned *p)
{
    uint32_t n = d->t->nodes;
    char a[TRIAL_LINE_MAX / 2] = "";
    char b[TRIAL_LINE_MAX / 2] = "";
    uint32_t lone = any_node(d);
    bool halves = random_chance(&d->random, 0.5);
    for (uint32_t i = 1; i <= n && i <= 12; i++) {
        bool left = i == lone || (halves && i != lone % n + 1 && random_chance(&d->random, 0.5));
        char *side = left ? a : b;
        size_t at = strlen(side);
        (void)snprintf(side + at, sizeof a - at, "%sn%u", at ? "," : "", i);
    }
    if (!a[0] || !b[0])
        return;
    bool one_way = random_chance(&d->random, 0.3);
    SAY(p->begin, "cut %.70s/%.70s%s", a, b, one_way ? " --one-way" : "");
    SAY(p->end[0], "heal %.70s", a);
}

static void draw_link(struct drawer *d, struct planned *p)
{
    struct random *r = &d->random;
    char ends[32] = "all all";
    uint32_t from = any_node(d);
    uint32_t to = any_node(d);
    if (random_chance(r, 0.5) && from != to)
        (void)snprintf(ends, sizeof ends, "n%u n%u", from, to);
    int at = snprintf(p->begin, TRIAL_LINE_MAX, "link %s", ends);
    size_t left = TRIAL_LINE_MAX - (size_t)at;
    char *into = p->begin + at;
    /* Drawn one after the other: in which order a call's arguments are, compilers decide. */
    uint64_t delay_us, jitter_us;
    double loss, duplicate, reorder;
    switch (random_below(r, 5)) {
    case 0:
        (void)snprintf(into, left, " --loss %.3f", share(d, 0.5));
        break;
    case 1:
        jitter_us = random_below(r, 60000);
        delay_us = random_below(r, 300000);
        (void)snprintf(into, left, " --delay %" PRIu64 "us --jitter %" PRIu64 "us", delay_us,
                       jitter_us);
        break;
    case 2:
        reorder = share(d, 0.3);
        duplicate = share(d, 0.3);
        (void)snprintf(into, left, " --duplicate %.3f --reorder %.3f", duplicate, reorder);
        break;
    case 3:
        (void)snprintf(into, left, " --bandwidth %" PRIu64, 500 + random_below(r, 20000));
        break;
    default:
        jitter_us = random_below(r, 50000);
        delay_us = random_below(r, 50000);
        loss = share(d, 0.2);
        (void)snprintf(into, left, " --loss %.3f --delay %" PRIu64 "us --jitter %" PRIu64 "us",
                       loss, delay_us, jitter_us);
        break;
    }
    SAY(p->end[0], "link %s --loss 0 --delay 0 --jitter 0 --duplicate 0 --reorder 0 --bandwidth 0",
        ends);
}

static void draw_clock(struct drawer *d, struct planned *p)
{
    struct random *r = &d->random;
    uint32_t node = any_node(d);
    int64_t skew_ms = (int64_t)random_below(r, 20000) - 10000;
    if (random_chance(r, 0.7))
        SAY(p->begin, "clock n%u --skew %" PRId64 "ms", node, skew_ms);
    else
        SAY(p->begin, "clock n%u --drift %" PRId64, node, (int64_t)random_below(r, 100000) - 50000);
    if (random_chance(r, 0.5))
        SAY(p->end[0], "clock n%u --skew 0 --drift 0", node);
}

/* Nodes n1 to n7, each as a bit, as words. */
static void name_nodes(char *into, size_t size, uint64_t bits)
{
    for (uint32_t i = 1; bits >> i != 0; i++) {
        size_t at = strlen(into);
        if (bits >> i & 1)
            (void)snprintf(into + at, size - at, " n%u", i);
    }
}

/* Any members, then all: as the calm comes, everybody votes. */
static void draw_members(struct drawer *d, struct planned *p)
{
    uint32_t n = d->t->nodes;
    char voters[TRIAL_LINE_MAX / 2] = "";
    char learners[TRIAL_LINE_MAX / 3] = "";
    char all[TRIAL_LINE_MAX / 2] = "";
    uint64_t bits = random_below(&d->random, UINT64_C(1) << n) << 1;
    uint64_t others = ~bits & ((UINT64_C(1) << n) - 1) << 1;
    if (bits == 0)
        return;
    name_nodes(voters, sizeof voters, bits);
    name_nodes(learners, sizeof learners, others & random_below(&d->random, UINT64_C(2) << n));
    name_nodes(all, sizeof all, ((UINT64_C(1) << n) - 1) << 1);
    SAY(p->begin, "do n%u members%.60s%s%.40s", any_node(d), voters, learners[0] ? " learners" : "",
        learners);
    SAY(p->end[0], "do n%u members%.60s", any_node(d), all);
}

/* A breakpoint waits for what comes seldom. */
static void last_longer(struct drawer *d, struct planned *p)
{
    p->until += 50 * NSEC_PER_MS + random_below(&d->random, 600 * NSEC_PER_MS);
    if (p->until > d->t->calm)
        p->until = d->t->calm;
}

static void draw_order(struct drawer *d, struct planned *p)
{
    uint32_t node = any_node(d);
    switch (random_below(&d->random, 7)) {
    case 0:
        SAY(p->begin, "do n%u transfer n%u", node, any_node(d));
        break;
    case 1:
        SAY(p->begin, "do n%u snapshot", node);
        break;
    case 2:
        SAY(p->begin, "do n%u campaign", node);
        break;
    case 3: /* Who was elected has written so down, and nobody hears of it for a while. */
        SAY(p->begin, "break all --at Elected --then pause");
        SAY(p->end[0], "break all --clear");
        SAY(p->end[1], "resume all");
        last_longer(d, p);
        break;
    case 4:
        SAY(p->begin, "break all --at 'Committed counted=true' --skip %u --then kill",
            (unsigned)random_below(&d->random, 4));
        SAY(p->end[0], "break all --clear");
        SAY(p->end[1], "restart all");
        last_longer(d, p);
        break;
    default:
        draw_members(d, p);
        break;
    }
}

static void draw_fault(struct drawer *d, enum fault_kind kind, struct planned *p)
{
    struct random *r = &d->random;
    uint32_t node = any_node(d);
    uint64_t seed;
    switch (kind) {
    case FAULT_KILL:
        SAY(p->begin, "kill n%u", node);
        SAY(p->end[0], "restart n%u", node);
        break;
    case FAULT_POWER:
        seed = 1 + random_below(r, 1000000);
        SAY(p->begin, "power n%u --lose %s --seed %" PRIu64, node,
            random_chance(r, 0.7) ? "random" : "all", seed);
        SAY(p->end[0], "restart n%u", node);
        break;
    case FAULT_PAUSE:
        SAY(p->begin, "pause n%u", node);
        SAY(p->end[0], "resume n%u", node);
        break;
    case FAULT_STOP:
        SAY(p->begin, "stop n%u", node);
        SAY(p->end[0], "restart n%u", node);
        break;
    case FAULT_CUT:
        draw_cut(d, p);
        break;
    case FAULT_LINK:
        draw_link(d, p);
        break;
    case FAULT_DISK_SLOW:
        SAY(p->begin, "disk n%u --slow %" PRIu64 "ms", node, 1 + random_below(r, 300));
        SAY(p->end[0], "disk n%u --slow 0", node);
        break;
    case FAULT_DISK_DEAD:
        SAY(p->begin, "disk n%u --%s", node, random_chance(r, 0.5) ? "full" : "eio");
        SAY(p->end[0], "disk n%u --well", node);
        SAY(p->end[1], "restart n%u", node);
        break;
    case FAULT_ORDER:
        draw_order(d, p);
        break;
    default:
        draw_clock(d, p);
        break;
    }
}

/* Among its orders are those of a group with members that are elected. */
static bool takes_orders(const struct core_ops *ops)
{
    for (uint32_t i = 0; ops->orders && ops->orders[i]; i++)
        if (strcmp(ops->orders[i], "members") == 0)
            return true;
    return false;
}

static bool possible(enum fault_kind kind, const struct trial *t, const struct core_ops *ops)
{
    if (kind == FAULT_ORDER)
        return takes_orders(ops);
    bool disk = kind == FAULT_DISK_SLOW || kind == FAULT_DISK_DEAD;
    if (disk || kind == FAULT_POWER)
        return ops->logs != NULL || !disk;
    return t->nodes > 1 || (kind != FAULT_CUT && kind != FAULT_LINK);
}

static void draw_kind(struct drawer *d, enum fault_kind kind)
{
    struct random *r = &d->random;
    struct trial *t = d->t;
    /* A rare fault finds what needs a long undisturbed run before it, a frequent one the rest. */
    uint64_t most = kind == FAULT_POWER && d->storage ? 40 : 12;
    double apart = (double)t->calm / (double)(1 + random_below(r, most));
    nsec at = NSEC_PER_S / 2 + (nsec)random_exponential(r, apart);
    while (at < t->calm) {
        nsec lasts = d->shortest + (nsec)random_exponential(r, (double)d->mean);
        nsec until = at + lasts < t->calm ? at + lasts : t->calm;
        struct planned *p = plan(t, at, until);
        draw_fault(d, kind, p);
        if (!p->begin[0])
            t->n_faults--;
        at += NSEC_PER_MS + (nsec)random_exponential(r, apart);
    }
}

void faults_draw(struct trial *t, uint64_t seed)
{
    const struct core_ops *ops = registry_find(t->protocol);
    struct random swarm = random_split(seed, 1);
    bool storage = ops->logs != NULL;
    for (int kind = 0; kind < FAULT_KINDS; kind++) {
        struct drawer d = {.t = t, .storage = storage};
        d.random = random_split(seed, 100 + (uint64_t)kind);
        /* What a store is for. */
        double chance = kind == FAULT_POWER && storage ? 0.85 : 0.35;
        bool on = random_chance(&swarm, chance);
        d.shortest = storage ? NSEC_PER_MS : 50 * NSEC_PER_MS;
        d.mean = t->calm / (8 + random_below(&d.random, 40));
        if (on && possible((enum fault_kind)kind, t, ops))
            draw_kind(&d, (enum fault_kind)kind);
    }
    /* After the heal there are two more, which liveness must bear: a wall clock that jumps, and,
     * where nobody needs it to answer, a crash that must be noticed. */
    struct random late = random_split(seed, 2);
    struct drawer d = {.t = t, .random = random_split(seed, 3)};
    nsec rest = t->end - t->calm;
    if (random_chance(&late, 0.4)) {
        struct planned *p = plan(t, t->calm + rest * 6 / 10, t->end);
        int64_t skew_ms = (int64_t)random_below(&d.random, 20000) - 10000;
        SAY(p->begin, "clock n%u --skew %" PRId64 "ms", any_node(&d), skew_ms);
    }
    if (!ops->clients && t->nodes > 1 && random_chance(&late, 0.5)) {
        struct planned *p = plan(t, t->calm + rest / 2, t->end);
        SAY(p->begin, "kill n%u", any_node(&d));
    }
}
