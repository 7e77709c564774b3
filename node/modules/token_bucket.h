/* Token bucket: tokens drip in at an even rate up to a full bucket, and each request takes some
 * out. A quiet time is saved up, and may be spent at once. In every interval of length t it lets at
 * most burst + rate * t pass. */
#ifndef ORRERY_MODULES_TOKEN_BUCKET_H
#define ORRERY_MODULES_TOKEN_BUCKET_H

#include "modules/limit_rule.h"

struct token_bucket {
    uint64_t credit; /* At `at`, in parts of a token. */
    uint64_t at;
};

void token_bucket_init(struct token_bucket *b, const struct limit_rule *r,
                       uint64_t now); /* Full. */
/* Takes n tokens, or none and returns false when there are fewer. */
bool token_bucket_take(struct token_bucket *b, const struct limit_rule *r, uint64_t now,
                       uint64_t n);
uint64_t token_bucket_credit(const struct token_bucket *b, const struct limit_rule *r,
                             uint64_t now);
/* Until there are n tokens. LIMIT_NEVER: the bucket does not hold so many. */
uint64_t token_bucket_wait(const struct token_bucket *b, const struct limit_rule *r, uint64_t now,
                           uint64_t n);

#endif
