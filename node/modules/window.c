#include "modules/window.h"

#include "base/check.h"

#include <math.h>

void window_init(struct window *w, uint32_t *storage, uint32_t cap)
{
    CHECK(storage);
    CHECK(cap > 0);
    *w = (struct window){.samples = storage, .cap = cap};
}

void window_clear(struct window *w)
{
    window_init(w, w->samples, w->cap);
}

void window_push(struct window *w, uint32_t sample)
{
    if (w->n == w->cap) {
        uint32_t oldest = w->samples[w->next];
        w->sum -= oldest;
        w->squares -= (window_wide)oldest * oldest;
    } else {
        w->n++;
    }
    w->samples[w->next] = sample;
    w->next = w->next + 1 == w->cap ? 0 : w->next + 1;
    w->sum += sample;
    w->squares += (window_wide)sample * sample;
}

uint32_t window_at(const struct window *w, uint32_t i)
{
    CHECK(i < w->n);
    uint64_t at = w->n < w->cap ? i : (uint64_t)w->next + i;
    return w->samples[at % w->cap];
}

double window_mean(const struct window *w)
{
    return w->n ? (double)w->sum / w->n : 0;
}

double window_deviation(const struct window *w)
{
    if (w->n == 0)
        return 0;
    /* n * sum(x^2) - sum(x)^2, exact: both stay far below 128 bits. */
    window_wide spread = w->squares * w->n - (window_wide)w->sum * w->sum;
    return sqrt((double)spread) / w->n;
}

void window_check(const struct window *w)
{
    uint64_t sum = 0;
    window_wide squares = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        sum += window_at(w, i);
        squares += (window_wide)window_at(w, i) * window_at(w, i);
    }
    CHECK(w->n <= w->cap);
    CHECK(sum == w->sum);
    CHECK(squares == w->squares);
}

uint32_t window_sample(uint64_t ns)
{
    uint64_t us = ns / 1000 + (ns % 1000 >= 500);
    return us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}
