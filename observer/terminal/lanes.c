#include "terminal/lanes.h"

#include "base/check.h"
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NEWS_REPEATS = 2, NEWS_GAPS = 4 };
static const uint64_t news_after_ns = 5000000000; /* A rare thing is always news. */

void lanes_init(struct lanes *l)
{
    memset(l, 0, sizeof *l);
    lanes_of(l, 0);
}

void lanes_free(struct lanes *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        free(l->lanes[i].changes);
        free(l->lanes[i].heard);
    }
    free(l->lanes);
    memset(l, 0, sizeof *l);
}

struct lane *lanes_of(struct lanes *l, uint32_t node)
{
    if (node >= LANES_MAX)
        return NULL;
    if (node >= l->n) {
        l->lanes = realloc(l->lanes, (node + 1) * sizeof *l->lanes);
        CHECK(l->lanes);
        memset(&l->lanes[l->n], 0, (node + 1 - l->n) * sizeof *l->lanes);
        for (uint32_t i = l->n; i <= node; i++) {
            if (i)
                snprintf(l->lanes[i].name, sizeof l->lanes[i].name, "n%u", i);
            else
                snprintf(l->lanes[i].name, sizeof l->lanes[i].name, "you");
        }
        l->n = node + 1;
    }
    return &l->lanes[node];
}

const char *lanes_name(const struct lanes *l, uint32_t node)
{
    return node < l->n ? l->lanes[node].name : "n?";
}

void lane_set_name(struct lane *lane, const char *name)
{
    if (name && *name)
        snprintf(lane->name, sizeof lane->name, "%s", name);
}

void lane_set_state(struct lane *lane, enum lane_state state, uint64_t row)
{
    lane->state = state;
    if (lane->n_changes && lane->changes[lane->n_changes - 1].row == row) {
        lane->changes[lane->n_changes - 1].state = state;
        return;
    }
    if (lane->n_changes == lane->cap_changes) {
        lane->cap_changes = lane->cap_changes ? 2 * lane->cap_changes : 4;
        lane->changes = realloc(lane->changes, lane->cap_changes * sizeof *lane->changes);
        CHECK(lane->changes);
    }
    lane->changes[lane->n_changes++] = (struct lane_change){row, state};
}

enum lane_state lane_state_at(const struct lane *lane, uint64_t row)
{
    uint32_t low = 0, high = lane->n_changes; /* Changes below `low` are at or before the row. */
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (lane->changes[middle].row <= row)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? lane->changes[low - 1].state : LANE_ABSENT;
}

void lane_set_ill(struct lane *lane, const char *by, uint64_t at_ns, uint64_t entry)
{
    snprintf(lane->ill, sizeof lane->ill, "%s", by);
    lane->ill_ns = at_ns;
    lane->ill_entry = entry;
}

static struct habit *habit_of(struct lane *lane, uint32_t key)
{
    struct habit *oldest = &lane->habits[0];
    for (uint32_t i = 0; i < LANE_HABITS_MAX; i++) {
        struct habit *h = &lane->habits[i];
        if (h->key == key && h->count)
            return h;
        if (h->last_ns < oldest->last_ns)
            oldest = h;
    }
    *oldest = (struct habit){.key = key};
    return oldest;
}

bool lane_is_news(struct lane *lane, uint32_t key, uint64_t at_ns)
{
    struct habit *h = habit_of(lane, key);
    uint64_t gap = h->count && at_ns > h->last_ns ? at_ns - h->last_ns : 0;
    bool silent = h->count > NEWS_REPEATS && gap > NEWS_GAPS * h->gap_ns && gap > 100000000;
    if (silent || gap > news_after_ns)
        h->count = 0;
    else if (h->count)
        h->gap_ns = h->gap_ns ? (7 * h->gap_ns + gap) / 8 : gap;
    h->last_ns = at_ns;
    h->count++;
    return h->count <= NEWS_REPEATS;
}

void lane_forget_habits(struct lane *lane)
{
    memset(lane->habits, 0, sizeof lane->habits);
}

void lane_renew_habits(struct lane *lane)
{
    for (uint32_t i = 0; i < LANE_HABITS_MAX; i++)
        if (lane->habits[i].count >= NEWS_REPEATS)
            lane->habits[i].count = NEWS_REPEATS - 1;
}

void lanes_heard(struct lanes *l, uint32_t by, uint32_t from, uint64_t ordinal, uint64_t at_ns)
{
    if (by >= l->n || by >= LANES_HEARD_MAX || from >= LANES_HEARD_MAX)
        return;
    struct lane *lane = &l->lanes[by];
    if (!lane->heard) {
        lane->heard = must_alloc(LANES_HEARD_MAX, sizeof *lane->heard);
    }
    struct heard *h = &lane->heard[from];
    *h = (struct heard){{ordinal, h->ordinals[0]}, {at_ns, h->at_ns[0]}};
}

uint64_t lanes_heard_last(const struct lanes *l, uint32_t by, uint32_t from, uint64_t until_ns)
{
    if (by >= l->n || from >= LANES_HEARD_MAX || !l->lanes[by].heard)
        return 0;
    const struct heard *h = &l->lanes[by].heard[from];
    return h->at_ns[0] <= until_ns ? h->ordinals[0] : h->ordinals[1];
}
