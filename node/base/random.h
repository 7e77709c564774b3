/* Random numbers from a seed: xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64.
 * Streams split by a label, so that drawing more in one place changes no other. */
#ifndef ORRERY_BASE_RANDOM_H
#define ORRERY_BASE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t s[4];
};

void random_seed(struct random *r, uint64_t seed);
struct random random_split(uint64_t seed, uint64_t label); /* An independent stream. */
uint64_t random_u64(struct random *r);
uint64_t random_below(struct random *r, uint64_t max); /* Uniform in [0, max); max > 0. */
double random_unit(struct random *r);                  /* Uniform in [0, 1). */
bool random_chance(struct random *r, double p);
double random_normal(struct random *r, double mean, double deviation);
double random_exponential(struct random *r, double mean);

#endif
