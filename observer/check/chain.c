#include "check/chain.h"

#include "base/hash.h"
#include "base/must.h"

#include <stdlib.h>
#include <string.h>

void chain_free(struct chain *c)
{
    free(c->links);
    *c = (struct chain){0};
}

uint64_t chain_last(const struct chain *c)
{
    return c->base + c->n;
}

const struct chain_link *chain_at(const struct chain *c, uint64_t index)
{
    if (c->lost || index < c->base || index > chain_last(c))
        return NULL;
    return index == c->base ? &c->first : &c->links[index - c->base - 1];
}

/* The older half goes. */
static void forget(struct chain *c)
{
    size_t gone = c->n / 2;
    c->first = c->links[gone - 1];
    c->base += gone;
    c->n -= gone;
    memmove(c->links, c->links + gone, c->n * sizeof *c->links);
}

void chain_put(struct chain *c, struct chain_link link)
{
    if (c->n == 2 * (size_t)CHAIN_MAX)
        forget(c);
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        c->links = must_grow(c->links, c->cap, cap, sizeof *c->links);
        c->cap = cap;
    }
    c->links[c->n++] = link;
}

void chain_push(struct chain *c, uint64_t term, struct bytes entry)
{
    const struct chain_link *last = c->n > 0 ? &c->links[c->n - 1] : &c->first;
    chain_put(c, (struct chain_link){term, hash_bytes(hash_word(last->value, term), entry)});
}

void chain_cut(struct chain *c, uint64_t from)
{
    if (from > chain_last(c))
        return;
    if (from <= c->base) { /* Further back than what is kept. */
        chain_reset(c, from > 0 ? from - 1 : 0, NULL);
        return;
    }
    c->n = (size_t)(from - c->base - 1);
}

void chain_reset(struct chain *c, uint64_t base, const struct chain_link *first)
{
    c->base = base;
    c->n = 0;
    c->lost = first == NULL && base > 0;
    c->first = first ? *first : (struct chain_link){0};
}
