#include "timeline/pyramid.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/errors.h"
#include "base/must.h"
#include "base/wire.h"
#include "recording.pb-c.h"

enum {
    SERIES_MAX = 1 << 17,
    KINDS_MAX = 256,
    BODIES_MAX = 128,
    INSTANCES_SHOWN = 16,
    PACKED_CELLS_MAX = 1 << 18,
};

static const size_t bytes_max_usual = (size_t)64 << 20;

/* What happened in one bin of one series. */
struct bin {
    uint64_t number;
    double sum;
    float min, max;
    uint32_t series;
    uint32_t count;
    uint32_t drops;
    uint32_t timed; /* How many have a latency. */
};

struct series {
    uint32_t lane, instance, body, kind;
    struct bin open[PYRAMID_LEVELS]; /* Not over yet; .count and .drops 0: none. */
};

struct tile {
    uint64_t number;
    struct bin *bins;
    size_t n, cap;
};

struct level {
    struct tile *tiles; /* Ascending. */
    size_t n, cap;
    uint64_t kept_from; /* Tiles below this one were given up. */
};

struct pyramid {
    struct series **series;
    uint32_t n;
    uint64_t *keys;   /* Open addressing: key of a series + 1, and */
    uint32_t *places; /* its index. */
    size_t size;
    struct level levels[PYRAMID_LEVELS];
    size_t bytes, bytes_max;
    bool given; /* By pyramid_unpack(): what is not here may still have happened. */
};

static void carry(struct pyramid *p, uint32_t level, struct bin bin);

struct pyramid *pyramid_new(size_t bytes_max)
{
    struct pyramid *p = must_alloc(1, sizeof *p);
    p->bytes_max = bytes_max ? bytes_max : bytes_max_usual;
    return p;
}

void pyramid_free(struct pyramid *p)
{
    if (!p)
        return;
    for (uint32_t i = 0; i < p->n; i++)
        free(p->series[i]);
    for (uint32_t l = 0; l < PYRAMID_LEVELS; l++) {
        for (size_t i = 0; i < p->levels[l].n; i++)
            free(p->levels[l].tiles[i].bins);
        free(p->levels[l].tiles);
    }
    free(p->series);
    free(p->keys);
    free(p->places);
    free(p);
}

uint64_t pyramid_level_ns(uint32_t level)
{
    CHECK(level < PYRAMID_LEVELS);
    return (uint64_t)PYRAMID_BIN_NS << level;
}

/* --- series --- */

static uint64_t key_of(uint32_t lane, uint32_t instance, uint32_t body, uint32_t kind)
{
    return 1 +
           ((uint64_t)lane << 24 | (uint64_t)(instance & 15) << 20 | (uint64_t)body << 8 | kind);
}

static size_t place_of(const struct pyramid *p, uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) & (p->size - 1);
    while (p->keys[i] && p->keys[i] != key)
        i = (i + 1) & (p->size - 1);
    return i;
}

static void series_grow(struct pyramid *p)
{
    p->size = p->size ? p->size * 2 : 256;
    free(p->keys);
    free(p->places);
    p->keys = calloc(p->size, sizeof *p->keys);
    p->places = calloc(p->size, sizeof *p->places);
    p->series = realloc(p->series, p->size * sizeof(struct series *));
    CHECK(p->keys && p->places && p->series);
    for (uint32_t i = 0; i < p->n; i++) {
        const struct series *s = p->series[i];
        uint64_t key = key_of(s->lane, s->instance, s->body, s->kind);
        size_t at = place_of(p, key);
        p->keys[at] = key;
        p->places[at] = i;
    }
}

/* Kinds come from outside: what is beyond sense is counted together. */
static uint32_t series_of(struct pyramid *p, uint32_t lane, uint32_t instance, uint32_t body,
                          uint32_t kind)
{
    instance = instance < INSTANCES_SHOWN ? instance : 0;
    body = body < BODIES_MAX ? body : 0;
    kind = kind < KINDS_MAX ? kind : 0;
    if (p->n * 2 >= p->size)
        series_grow(p);
    uint64_t key = key_of(lane, instance, body, kind);
    size_t at = place_of(p, key);
    if (p->keys[at])
        return p->places[at];
    if (p->n == SERIES_MAX)
        return 0;
    struct series *s = must_alloc(1, sizeof *s);
    *s = (struct series){.lane = lane, .instance = instance, .body = body, .kind = kind};
    p->series[p->n] = s;
    p->keys[at] = key;
    p->places[at] = p->n;
    return p->n++;
}

/* --- bins --- */

static void merge(struct bin *into, const struct bin *more)
{
    if (more->timed > 0) {
        into->min = into->timed == 0 || more->min < into->min ? more->min : into->min;
        into->max = into->timed == 0 || more->max > into->max ? more->max : into->max;
    }
    into->sum += more->sum;
    into->timed += more->timed;
    into->count += more->count;
    into->drops += more->drops;
}

static struct tile *tile_get(struct pyramid *p, uint32_t level, uint64_t number)
{
    struct level *l = &p->levels[level];
    size_t at = l->n;
    while (at > 0 && l->tiles[at - 1].number > number)
        at--;
    if (at > 0 && l->tiles[at - 1].number == number)
        return &l->tiles[at - 1];
    if (l->n == l->cap) {
        l->cap = l->cap ? l->cap * 2 : 4;
        l->tiles = realloc(l->tiles, l->cap * sizeof *l->tiles);
        CHECK(l->tiles);
    }
    memmove(l->tiles + at + 1, l->tiles + at, (l->n - at) * sizeof *l->tiles);
    l->n++;
    l->tiles[at] = (struct tile){.number = number};
    return &l->tiles[at];
}

static void give_up_oldest(struct pyramid *p)
{
    for (uint32_t i = 0; i < PYRAMID_LEVELS; i++) {
        struct level *l = &p->levels[i];
        if (l->n < 2)
            continue;
        l->kept_from = l->tiles[0].number + 1;
        p->bytes -= l->tiles[0].cap * sizeof(struct bin);
        free(l->tiles[0].bins);
        memmove(l->tiles, l->tiles + 1, (l->n - 1) * sizeof *l->tiles);
        l->n--;
        return;
    }
}

static void store(struct pyramid *p, uint32_t level, const struct bin *bin)
{
    uint64_t number = bin->number / PYRAMID_TILE_BINS;
    if (number < p->levels[level].kept_from)
        return;
    struct tile *t = tile_get(p, level, number);
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 16;
        t->bins = realloc(t->bins, cap * sizeof *t->bins);
        CHECK(t->bins);
        p->bytes += (cap - t->cap) * sizeof *t->bins;
        t->cap = cap;
    }
    t->bins[t->n++] = *bin;
    if (p->bytes > p->bytes_max)
        give_up_oldest(p);
}

static void carry_up(struct pyramid *p, uint32_t level, struct bin bin)
{
    bin.number /= 2;
    if (level + 1 < PYRAMID_LEVELS)
        carry(p, level + 1, bin);
}

/* Adds to the open bin of the series; a bin that is over goes up, one that comes late at once. */
static void carry(struct pyramid *p, uint32_t level, struct bin bin)
{
    struct bin *open = &p->series[bin.series]->open[level];
    bool none = open->count == 0 && open->drops == 0;
    if (!none && open->number == bin.number) {
        merge(open, &bin);
        return;
    }
    struct bin over = none || bin.number > open->number ? *open : bin;
    if (none || bin.number > open->number)
        *open = bin;
    if (!none) {
        store(p, level, &over);
        carry_up(p, level, over);
    }
}

void pyramid_add(struct pyramid *p, uint32_t lane, const struct event_head *head,
                 uint64_t latency_ns)
{
    struct bin bin = {
        .number = head->mono_ns / PYRAMID_BIN_NS,
        .series = series_of(p, lane, head->instance, head->body, head->kind),
        .count = 1,
    };
    if (latency_ns != PYRAMID_NO_LATENCY) {
        bin.timed = 1;
        bin.sum = (double)latency_ns;
        bin.min = bin.max = (float)latency_ns;
    }
    carry(p, 0, bin);
}

void pyramid_drop(struct pyramid *p, uint32_t lane, const struct event_head *sent, uint64_t mono_ns)
{
    carry(p, 0,
          (struct bin){
              .number = mono_ns / PYRAMID_BIN_NS,
              .series = series_of(p, lane, sent->instance, sent->body, sent->kind),
              .drops = 1,
          });
}

/* --- asking --- */

static void cell_add(struct pyramid_cells *cells, const struct series *s, const struct bin *bin,
                     uint64_t number)
{
    if (cells->n == cells->cap) {
        cells->cap = cells->cap ? cells->cap * 2 : 64;
        cells->all = realloc(cells->all, cells->cap * sizeof *cells->all);
        CHECK(cells->all);
    }
    cells->all[cells->n++] = (struct pyramid_cell){
        .lane = s->lane,
        .instance = s->instance,
        .body = s->body,
        .kind = s->kind,
        .bin = (uint32_t)(number % PYRAMID_TILE_BINS),
        .count = bin->count,
        .drops = bin->drops,
        .timed = bin->timed,
        .latency_min_ns = (double)bin->min,
        .latency_max_ns = (double)bin->max,
        .latency_sum_ns = bin->sum,
    };
}

static int compare_u32(uint32_t a, uint32_t b)
{
    return (a > b) - (a < b);
}

static int by_place(const void *a, const void *b)
{
    const struct pyramid_cell *x = a, *y = b;
    int order = compare_u32(x->lane, y->lane);
    order = order ? order : compare_u32(x->instance, y->instance);
    order = order ? order : compare_u32(x->body, y->body);
    order = order ? order : compare_u32(x->kind, y->kind);
    return order ? order : compare_u32(x->bin, y->bin);
}

static void cell_merge(struct pyramid_cell *into, const struct pyramid_cell *more)
{
    if (more->timed > 0) {
        if (into->timed == 0 || more->latency_min_ns < into->latency_min_ns)
            into->latency_min_ns = more->latency_min_ns;
        if (into->timed == 0 || more->latency_max_ns > into->latency_max_ns)
            into->latency_max_ns = more->latency_max_ns;
    }
    into->count += more->count;
    into->drops += more->drops;
    into->timed += more->timed;
    into->latency_sum_ns += more->latency_sum_ns;
}

static void cells_unite(struct pyramid_cells *cells, size_t from)
{
    size_t n = cells->n - from, kept = 0;
    if (n < 2)
        return;
    struct pyramid_cell *all = cells->all + from;
    qsort(all, n, sizeof *all, by_place);
    for (size_t i = 1; i < n; i++) {
        if (by_place(&all[kept], &all[i]) == 0)
            cell_merge(&all[kept], &all[i]);
        else
            all[++kept] = all[i];
    }
    cells->n = from + kept + 1;
}

static const struct tile *tile_find(const struct level *l, uint64_t number)
{
    size_t low = 0, high = l->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (l->tiles[middle].number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < l->n && l->tiles[low].number == number ? &l->tiles[low] : NULL;
}

bool pyramid_tile(const struct pyramid *p, uint32_t level, uint64_t tile,
                  struct pyramid_cells *cells)
{
    if (level >= PYRAMID_LEVELS || tile < p->levels[level].kept_from)
        return false;
    size_t from = cells->n;
    const struct tile *t = tile_find(&p->levels[level], tile);
    if (!t && p->given)
        return false;
    for (size_t b = 0; t && b < t->n; b++)
        cell_add(cells, p->series[t->bins[b].series], &t->bins[b], t->bins[b].number);
    for (uint32_t s = 0; s < p->n; s++) /* What has not been carried up to here yet. */
        for (uint32_t below = 0; below <= level; below++) {
            const struct bin *bin = &p->series[s]->open[below];
            uint64_t number = bin->number >> (level - below);
            if ((bin->count || bin->drops) && number / PYRAMID_TILE_BINS == tile)
                cell_add(cells, p->series[s], bin, number);
        }
    cells_unite(cells, from);
    return true;
}

void pyramid_cells_free(struct pyramid_cells *cells)
{
    free(cells->all);
    *cells = (struct pyramid_cells){0};
}

/* --- in a recording --- */

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

size_t pyramid_tiles(const struct pyramid *p, uint32_t level, uint64_t **numbers)
{
    const struct level *l = &p->levels[level];
    size_t n = 0, kept = 0;
    uint64_t *all = must_alloc(l->n + (size_t)p->n * (level + 1) + 1, sizeof *all);
    for (size_t i = 0; i < l->n; i++)
        all[n++] = l->tiles[i].number;
    for (uint32_t s = 0; s < p->n; s++)
        for (uint32_t below = 0; below <= level; below++) {
            const struct bin *bin = &p->series[s]->open[below];
            if (bin->count || bin->drops)
                all[n++] = (bin->number >> (level - below)) / PYRAMID_TILE_BINS;
        }
    qsort(all, n, sizeof *all, by_number);
    for (size_t i = 0; i < n; i++)
        if (i == 0 || all[i] != all[kept - 1])
            all[kept++] = all[i];
    *numbers = all;
    return kept;
}

static void pack_cells(const struct pyramid_cells *cells, Orrery__PyramidTile *t, struct buf *into)
{
    size_t n = cells->n;
    Orrery__PyramidCell *packed = calloc(n, sizeof *packed);
    Orrery__PyramidCell **list = calloc(n, sizeof(Orrery__PyramidCell *));
    CHECK(packed && list);
    for (size_t i = 0; i < n; i++) {
        const struct pyramid_cell *c = &cells->all[i];
        packed[i] = (Orrery__PyramidCell){
            .base = {.descriptor = &orrery__pyramid_cell__descriptor},
            .lane = c->lane,
            .instance = c->instance,
            .body = c->body,
            .kind = c->kind,
            .bin = c->bin,
            .count = c->count,
            .drops = c->drops,
            .timed = c->timed,
            .latency_min_ns = (float)c->latency_min_ns,
            .latency_max_ns = (float)c->latency_max_ns,
            .latency_sum_ns = c->latency_sum_ns,
        };
        list[i] = &packed[i];
    }
    t->n_cells = n;
    t->cells = list;
    orrery__pyramid_tile__pack(t, buf_extend(into, orrery__pyramid_tile__get_packed_size(t)));
    free(list);
    free(packed);
}

bool pyramid_pack(const struct pyramid *p, uint32_t level, uint64_t tile, struct buf *into)
{
    struct pyramid_cells cells = {0};
    bool worth = pyramid_tile(p, level, tile, &cells) && cells.n > 0 && cells.n <= PACKED_CELLS_MAX;
    if (worth) {
        Orrery__PyramidTile t = ORRERY__PYRAMID_TILE__INIT;
        t.level = level;
        t.number = tile;
        pack_cells(&cells, &t, into);
    }
    pyramid_cells_free(&cells);
    return worth;
}

static void take_over(struct pyramid *p, const Orrery__PyramidTile *t)
{
    for (size_t i = 0; i < t->n_cells; i++) {
        const Orrery__PyramidCell *c = t->cells[i];
        struct bin bin = {
            .number = t->number * PYRAMID_TILE_BINS + c->bin % PYRAMID_TILE_BINS,
            .series = series_of(p, c->lane, c->instance, c->body, c->kind),
            .count = (uint32_t)c->count,
            .drops = (uint32_t)c->drops,
            .timed = (uint32_t)c->timed,
            .min = c->latency_min_ns,
            .max = c->latency_max_ns,
            .sum = c->latency_sum_ns,
        };
        store(p, t->level, &bin);
    }
}

/* Unpacking costs more memory than the bytes do: not more cells than were ever packed. */
static bool sane(struct bytes packed)
{
    const uint8_t *at = packed.base, *end = wire_end(packed);
    struct wire_field f;
    size_t cells = 0;
    while (at && at < end) {
        at = wire_next(at, end, &f);
        cells += at && f.number == 3;
    }
    return at && cells <= PACKED_CELLS_MAX;
}

int pyramid_unpack(struct pyramid *p, struct bytes packed)
{
    Orrery__PyramidTile *t =
        sane(packed) ? orrery__pyramid_tile__unpack(NULL, packed.len, packed.base) : NULL;
    bool ok = t && t->level < PYRAMID_LEVELS && t->number <= UINT64_MAX / PYRAMID_TILE_BINS - 1;
    p->given = true;
    if (ok)
        take_over(p, t);
    if (t)
        orrery__pyramid_tile__free_unpacked(t, NULL);
    return ok ? 0 : ERROR_MALFORMED;
}
