#include "cluster/faults.h"

#include "base/check.h"
#include "cluster/units.h"

#include <stdlib.h>
#include <string.h>

static void *grown(void *p, size_t n, size_t size)
{
    p = realloc(p, n * size);
    CHECK(p || n == 0);
    return p;
}

static void break_free(struct fault_break *b)
{
    free(b->what.pattern);
    free(b->what.compiled.data);
}

void faults_free(struct faults *f)
{
    for (uint32_t i = 0; i < f->nodes; i++)
        free(f->links[i].rules);
    for (size_t i = 0; i < f->n_breaks; i++)
        break_free(&f->breaks[i]);
    free(f->links);
    free(f->disks);
    free(f->clocks);
    free(f->breaks);
    free(f->holds);
    free(f->paces);
    *f = (struct faults){0};
}

void faults_grow(struct faults *f, uint32_t nodes)
{
    if (nodes <= f->nodes)
        return;
    f->links = grown(f->links, nodes, sizeof *f->links);
    f->disks = grown(f->disks, nodes, sizeof *f->disks);
    f->clocks = grown(f->clocks, nodes, sizeof *f->clocks);
    for (uint32_t i = f->nodes; i < nodes; i++) {
        f->links[i] = (struct fault_links){0};
        orrery__disk_fault__init(&f->disks[i]);
        orrery__clock_fault__init(&f->clocks[i]);
    }
    f->nodes = nodes;
}

#define OVERLAY(into, from, field)                                                                 \
    do {                                                                                           \
        if ((from)->has_##field) {                                                                 \
            (into)->has_##field = 1;                                                               \
            (into)->field = (from)->field;                                                         \
        }                                                                                          \
    } while (0)

static void overlay(Orrery__LinkFault *into, const Orrery__LinkFault *from)
{
    OVERLAY(into, from, cut);
    OVERLAY(into, from, delay_ns);
    OVERLAY(into, from, jitter_ns);
    OVERLAY(into, from, loss);
    OVERLAY(into, from, duplicate);
    OVERLAY(into, from, reorder);
    OVERLAY(into, from, bandwidth);
}

static bool well(const Orrery__LinkFault *l)
{
    return !l->cut && l->delay_ns == 0 && l->jitter_ns == 0 && !(l->loss > 0) &&
           !(l->duplicate > 0) && !(l->reorder > 0) && l->bandwidth == 0;
}

static bool all_well(const struct fault_links *links)
{
    for (size_t i = 0; i < links->n; i++)
        if (!well(&links->rules[i]))
            return false;
    return true;
}

static Orrery__LinkFault *rule_add(struct fault_links *links, uint32_t to)
{
    links->rules = grown(links->rules, links->n + 1, sizeof *links->rules);
    Orrery__LinkFault *rule = &links->rules[links->n++];
    orrery__link_fault__init(rule);
    rule->has_to = 1;
    rule->to = to;
    return rule;
}

/* One direction. The rule for all comes first, so that those after it win, as they must: each was
 * overlaid with whatever was said to all later. */
static void rule_say(struct faults *f, uint32_t from, uint32_t to, const Orrery__LinkFault *what,
                     faults_tell *each, void *ctx)
{
    if (from == 0 || from > f->nodes || from == to)
        return;
    struct fault_links *links = &f->links[from - 1];
    if (links->n == 0)
        rule_add(links, 0);
    Orrery__LinkFault *rule = NULL;
    for (size_t i = 0; i < links->n; i++)
        if (to == 0)
            overlay(&links->rules[i], what);
        else if (links->rules[i].to == to)
            rule = &links->rules[i];
    if (to != 0 && !rule)
        rule = rule_add(links, to);
    if (rule)
        overlay(rule, what);
    if (all_well(links))
        links->n = 0;
    Orrery__LinkFault told = *what;
    told.has_from = told.has_to = 1;
    told.has_one_way = told.one_way = 1;
    told.from = from;
    told.to = to;
    each(ctx, from, &told);
}

static void rules_say(struct faults *f, uint32_t from, uint32_t to, const Orrery__LinkFault *what,
                      faults_tell *each, void *ctx)
{
    if (from != 0) {
        rule_say(f, from, to, what, each, ctx);
        return;
    }
    for (uint32_t node = 1; node <= f->nodes; node++)
        rule_say(f, node, to, what, each, ctx);
}

void faults_cut(struct faults *f, const Orrery__Cut *cut, faults_tell *each, void *ctx)
{
    Orrery__LinkFault what = ORRERY__LINK_FAULT__INIT;
    what.has_cut = what.cut = 1;
    for (size_t i = 0; i < cut->n_a; i++)
        for (size_t k = 0; k < cut->n_b; k++) {
            rule_say(f, cut->a[i], cut->b[k], &what, each, ctx);
            if (!cut->one_way)
                rule_say(f, cut->b[k], cut->a[i], &what, each, ctx);
        }
}

void faults_heal(struct faults *f, const Orrery__Heal *heal, faults_tell *each, void *ctx)
{
    Orrery__LinkFault what = ORRERY__LINK_FAULT__INIT;
    what.has_cut = what.has_delay_ns = what.has_jitter_ns = what.has_loss = 1;
    what.has_duplicate = what.has_reorder = what.has_bandwidth = 1;
    if (heal->n_nodes == 0)
        rules_say(f, 0, 0, &what, each, ctx);
    for (size_t i = 0; i < heal->n_nodes; i++) {
        rule_say(f, heal->nodes[i], 0, &what, each, ctx);
        rules_say(f, 0, heal->nodes[i], &what, each, ctx);
    }
}

void faults_link(struct faults *f, const Orrery__LinkFault *link, faults_tell *each, void *ctx)
{
    Orrery__LinkFault what = ORRERY__LINK_FAULT__INIT;
    overlay(&what, link);
    rules_say(f, link->from, link->to, &what, each, ctx);
    if (!link->one_way && (link->from || link->to))
        rules_say(f, link->to, link->from, &what, each, ctx);
}

void faults_disk(struct faults *f, uint32_t node, const Orrery__DiskFault *disk)
{
    CHECK(node >= 1 && node <= f->nodes);
    Orrery__DiskFault *into = &f->disks[node - 1];
    if (disk->well)
        orrery__disk_fault__init(into);
    OVERLAY(into, disk, full);
    OVERLAY(into, disk, eio);
    OVERLAY(into, disk, slow_ns);
}

void faults_clock(struct faults *f, uint32_t node, const Orrery__ClockFault *clock)
{
    CHECK(node >= 1 && node <= f->nodes);
    OVERLAY(&f->clocks[node - 1], clock, skew_ns);
    OVERLAY(&f->clocks[node - 1], clock, drift_ppm);
}

void faults_break(struct faults *f, uint32_t node, const Orrery__Break *what, uint64_t because)
{
    if (what->clear) {
        faults_unbreak(f, node, what->id);
        return;
    }
    f->breaks = grown(f->breaks, f->n_breaks + 1, sizeof *f->breaks);
    struct fault_break *b = &f->breaks[f->n_breaks++];
    *b = (struct fault_break){.id = what->id, .node = node, .because = because, .what = *what};
    b->what.n_nodes = 0;
    b->what.nodes = NULL;
    b->what.pattern = what->pattern ? strdup(what->pattern) : NULL;
    b->what.compiled.data = grown(NULL, what->compiled.len + 1, 1);
    if (what->compiled.len)
        memcpy(b->what.compiled.data, what->compiled.data, what->compiled.len);
}

const struct fault_break *faults_broke(const struct faults *f, uint32_t node, uint32_t id)
{
    for (size_t i = 0; i < f->n_breaks; i++)
        if (f->breaks[i].node == node && f->breaks[i].id == id)
            return &f->breaks[i];
    return NULL;
}

void faults_unbreak(struct faults *f, uint32_t node, uint32_t id)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n_breaks; i++) {
        struct fault_break *b = &f->breaks[i];
        if (b->node == node && (id == 0 || b->id == id))
            break_free(b);
        else
            f->breaks[kept++] = *b;
    }
    f->n_breaks = kept;
}

void faults_hold(struct faults *f, const Orrery__Hold *hold)
{
    size_t kept = 0;
    for (size_t i = 0; i < f->n_holds; i++) {
        bool from = hold->from == 0 || f->holds[i].from == hold->from;
        bool to = hold->to == 0 || f->holds[i].to == hold->to;
        if (!(from && to))
            f->holds[kept++] = f->holds[i];
    }
    f->n_holds = kept;
    if (hold->off)
        return;
    f->holds = grown(f->holds, f->n_holds + 1, sizeof *f->holds);
    f->holds[f->n_holds++] = *hold;
}

void faults_pace(struct faults *f, const Orrery__Pace *pace)
{
    f->paces = grown(f->paces, f->n_paces + 1, sizeof *f->paces);
    f->paces[f->n_paces++] = *pace;
}

static void link_words(const Orrery__LinkFault *l, struct buf *words)
{
    if (l->cut)
        buf_printf(words, " cut");
    if (l->delay_ns) {
        buf_printf(words, " delay ");
        duration_line((int64_t)l->delay_ns, words);
    }
    if (l->jitter_ns) {
        buf_printf(words, " jitter ");
        duration_line((int64_t)l->jitter_ns, words);
    }
    const struct {
        const char *name;
        double share;
    } shares[] = {{"loss", l->loss}, {"duplicate", l->duplicate}, {"reorder", l->reorder}};
    for (size_t i = 0; i < 3; i++)
        if (shares[i].share > 0) {
            buf_printf(words, " %s ", shares[i].name);
            share_print(shares[i].share, words);
        }
    if (l->bandwidth) {
        buf_printf(words, " bandwidth ");
        rate_print(l->bandwidth, words);
        buf_printf(words, "/s");
    }
}

static bool same_links(const struct faults *f, uint32_t a, uint32_t b)
{
    const struct fault_links *x = &f->links[a], *y = &f->links[b];
    return x->n == 1 && y->n == 1 && x->rules[0].cut == y->rules[0].cut &&
           x->rules[0].delay_ns == y->rules[0].delay_ns &&
           x->rules[0].jitter_ns == y->rules[0].jitter_ns &&
           x->rules[0].bandwidth == y->rules[0].bandwidth &&
           !(x->rules[0].loss < y->rules[0].loss) && !(x->rules[0].loss > y->rules[0].loss);
}

struct teller {
    void (*each)(void *arg, uint32_t node, const char *words);
    void *arg;
    struct buf words;
};

static void tell(struct teller *t, uint32_t node)
{
    buf_append(&t->words, bytes_of("", 1));
    t->each(t->arg, node, (const char *)t->words.base);
    buf_clear(&t->words);
}

static void tell_links(const struct faults *f, struct teller *t)
{
    bool alike = f->nodes > 1;
    for (uint32_t i = 1; i < f->nodes; i++)
        alike = alike && same_links(f, 0, i);
    for (uint32_t i = 0; i < (alike ? 1 : f->nodes); i++)
        for (size_t k = 0; k < f->links[i].n; k++) {
            const Orrery__LinkFault *l = &f->links[i].rules[k];
            if (well(l) && (l->to == 0 || well(&f->links[i].rules[0])))
                continue;
            if (alike)
                buf_printf(&t->words, "every link:");
            else if (l->to == 0)
                buf_printf(&t->words, "n%u to all:", i + 1);
            else
                buf_printf(&t->words, "n%u to n%u:", i + 1, l->to);
            link_words(l, &t->words);
            if (well(l))
                buf_printf(&t->words, " well");
            tell(t, alike ? 0 : i + 1);
        }
}

static void tell_node(const struct faults *f, uint32_t node, struct teller *t)
{
    const Orrery__DiskFault *disk = &f->disks[node - 1];
    const Orrery__ClockFault *clock = &f->clocks[node - 1];
    if (disk->full || disk->eio || disk->slow_ns) {
        buf_printf(&t->words, "disk%s%s", disk->full ? " full" : "", disk->eio ? " eio" : "");
        if (disk->slow_ns) {
            buf_printf(&t->words, " slow ");
            duration_line((int64_t)disk->slow_ns, &t->words);
        }
        tell(t, node);
    }
    bool drift = clock->drift_ppm > 0 || clock->drift_ppm < 0;
    if (clock->skew_ns || drift) {
        buf_printf(&t->words, "clock");
        if (clock->skew_ns) {
            buf_printf(&t->words, " skew ");
            duration_line(clock->skew_ns, &t->words);
        }
        if (drift)
            buf_printf(&t->words, " drift %.10g ppm", clock->drift_ppm);
        tell(t, node);
    }
}

void faults_each(const struct faults *f, void (*each)(void *arg, uint32_t node, const char *words),
                 void *arg)
{
    struct teller t = {each, arg, {0}};
    static const char *const then[] = {"kill", "pause", "power"};
    tell_links(f, &t);
    for (uint32_t node = 1; node <= f->nodes; node++)
        tell_node(f, node, &t);
    for (size_t i = 0; i < f->n_breaks; i++) {
        const Orrery__Break *b = &f->breaks[i].what;
        buf_printf(&t.words, "break %u at %s then %s", f->breaks[i].id,
                   b->pattern ? b->pattern : "?", (unsigned)b->then < 3 ? then[b->then] : "kill");
        tell(&t, f->breaks[i].node);
    }
    for (size_t i = 0; i < f->n_holds; i++) {
        const Orrery__Hold *h = &f->holds[i];
        buf_printf(&t.words, "holds messages");
        if (h->to)
            buf_printf(&t.words, " to n%u", h->to);
        tell(&t, h->from);
    }
    buf_free(&t.words);
}
