#include "base/random.h"

#include "base/check.h"

#include <math.h>

static uint64_t splitmix64(uint64_t *x)
{
    *x += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *x;
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

void random_seed(struct random *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&seed);
}

struct random random_split(uint64_t seed, uint64_t label)
{
    /* Both pass through the mixer, so that neighbouring seeds and labels share no stream. */
    uint64_t x = seed;
    x = splitmix64(&x) ^ label;
    struct random r;
    random_seed(&r, splitmix64(&x));
    return r;
}

uint64_t random_u64(struct random *r)
{
    uint64_t *s = r->s;
    uint64_t result = rotate(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

uint64_t random_below(struct random *r, uint64_t max)
{
    CHECK(max > 0);
    /* The numbers below 2^64 mod max are one too many for an even share. */
    uint64_t unfair = (UINT64_MAX - max + 1) % max;
    uint64_t x;
    do
        x = random_u64(r);
    while (x < unfair);
    return x % max;
}

double random_unit(struct random *r)
{
    return (double)(random_u64(r) >> 11) * 0x1.0p-53;
}

bool random_chance(struct random *r, double p)
{
    return random_unit(r) < p;
}

double random_normal(struct random *r, double mean, double deviation)
{
    /* Marsaglia's polar method; the second number is thrown away, so that a stream has no state
     * beside its seed. */
    double u;
    double s;
    do {
        u = 2 * random_unit(r) - 1;
        double v = 2 * random_unit(r) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s <= 0);
    return mean + deviation * u * sqrt(-2 * log(s) / s);
}

double random_exponential(struct random *r, double mean)
{
    return -mean * log1p(-random_unit(r));
}
