/* What every protocol promises: a node ends only when it is told to, when its disk fails it, or
 * when a breakpoint says so. A broken assertion shows here, and so does a disk that recovery cannot
 * read. */
#include "check/inner.h"

#include "base/must.h"

#include <stdlib.h>

struct lives_check {
    struct check *check;
    uint64_t *spawned; /* Ordinal of each node's newest spawn, by node - 1. */
    uint32_t n;
};

struct lives_check *lives_check_new(struct check *c)
{
    struct lives_check *l = must_alloc(1, sizeof *l);
    l->check = c;
    return l;
}

void lives_check_free(struct lives_check *l)
{
    free(l->spawned);
    free(l);
}

static void remember(struct lives_check *l, uint32_t node, uint64_t ordinal)
{
    if (node > l->n) {
        l->spawned = must_grow(l->spawned, l->n, node, sizeof *l->spawned);
        l->n = node;
    }
    l->spawned[node - 1] = ordinal;
}

static void judge(struct lives_check *l, const Orrery__Exit *m, uint64_t ordinal)
{
    const struct subject *s = check_subject(l->check, m->node);
    if (!s)
        return;
    struct finding *f = check_find(l->check, "lives", "survival");
    f->judged++;
    if (m->because || s->halted || (m->code == 0 && m->signal == 0) || s->disk_faulty)
        return;
    uint64_t events[] = {m->node <= l->n ? l->spawned[m->node - 1] : 0, ordinal};
    const char *words = m->n_words ? m->words[m->n_words - 1] : "";
    if (m->signal)
        finding_refute(f, events, 2, "n%u was ended by signal %d, and nobody asked: %s", m->node,
                       m->signal, words);
    else
        finding_refute(f, events, 2, "n%u ended by itself with code %d: %s", m->node, m->code,
                       words);
}

void lives_check_entry(struct lives_check *l, const struct entry *e)
{
    if (e->node != 0)
        return;
    if (e->head.body == ORRERY__EVENT__BODY_SPAWN) {
        Orrery__Spawn *m = orrery__spawn__unpack(NULL, e->head.payload.len, e->head.payload.base);
        if (m && check_subject(l->check, m->node))
            remember(l, m->node, e->ordinal);
        if (m)
            orrery__spawn__free_unpacked(m, NULL);
    } else if (e->head.body == ORRERY__EVENT__BODY_EXIT) {
        Orrery__Exit *m = orrery__exit__unpack(NULL, e->head.payload.len, e->head.payload.base);
        if (m)
            judge(l, m, e->ordinal);
        if (m)
            orrery__exit__free_unpacked(m, NULL);
    }
}

void lives_check_end(struct lives_check *l)
{
    struct finding *f = check_find(l->check, "lives", "survival");
    for (uint32_t i = 0; i < l->check->n; i++)
        f->judged += l->check->subjects[i].alive ? 1 : 0;
    finding_proven(f, "no node ended but by what was done to it");
}
