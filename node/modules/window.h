/* The last so many samples of a quantity, with their mean and deviation.
 *
 * Samples are microseconds in 32 bits, so that hundreds of watched peers stay small; the sums are
 * integers, so that no rounding piles up as samples come and go. The caller gives the storage. */
#ifndef ORRERY_MODULES_WINDOW_H
#define ORRERY_MODULES_WINDOW_H

#include <stdint.h>

__extension__ typedef unsigned __int128 window_wide;

struct window {
    uint32_t *samples; /* Borrowed: `cap` of them. */
    uint32_t cap;
    uint32_t n;    /* Samples held; at most cap. */
    uint32_t next; /* Where the next one goes; the oldest lies there once the window is full. */
    uint64_t sum;
    window_wide squares; /* Sum of squares: may pass 64 bits with a few samples of an hour. */
};

void window_init(struct window *w, uint32_t *storage, uint32_t cap); /* cap > 0 */
void window_clear(struct window *w);
void window_push(struct window *w, uint32_t sample); /* A full window forgets its oldest. */

/* The i-th oldest sample, i < n. */
uint32_t window_at(const struct window *w, uint32_t i);

/* Of the samples held: 0 when there is none. The deviation is that of the population (by n). */
double window_mean(const struct window *w);
double window_deviation(const struct window *w);

void window_check(const struct window *w); /* Asserts that the sums are those of the samples. */

/* A length of time as a sample: rounded to microseconds, capped at the largest (71 minutes). */
uint32_t window_sample(uint64_t ns);

#endif
