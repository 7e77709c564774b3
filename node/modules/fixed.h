/* The plainest failure detector: silence for as long as a time-out is suspicious. A value; `now`
 * comes with each call, in nanoseconds of whichever clock the caller keeps to. */
#ifndef ORRERY_MODULES_FIXED_H
#define ORRERY_MODULES_FIXED_H

#include <stdbool.h>
#include <stdint.h>

struct fixed {
    uint64_t timeout_ns;
    uint64_t last_at; /* When the last beat came; only while `heard`. */
    bool heard;
};

void fixed_init(struct fixed *f, uint64_t timeout_ns); /* Nothing heard yet. */
void fixed_beat(struct fixed *f, uint64_t now);

/* When silence becomes suspicious; UINT64_MAX before the first beat. */
uint64_t fixed_deadline(const struct fixed *f);
bool fixed_suspects(const struct fixed *f, uint64_t now);

#endif
