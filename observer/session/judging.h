/* Judges recordings one after the other, off the loop: a large one takes seconds, and nothing waits
 * for it but who asked. */
#ifndef ORRERY_SESSION_JUDGING_H
#define ORRERY_SESSION_JUDGING_H

#include "session.pb-c.h"

#include <stdbool.h>
#include <uv.h>

enum { JUDGING_WAITING_MAX = 64 };

struct judging;

struct judging *judging_new(uv_loop_t *loop);
/* `done` gets what was found, or NULL and a sentence. `keep`: beside the recording. False: too many
 * wait already. */
bool judging_ask(struct judging *j, const char *path, bool keep, uint64_t ask,
                 void (*done)(void *ctx, uint64_t ask, const Orrery__Judgement *found,
                              const char *why),
                 void *ctx);
void judging_forget(struct judging *j, const void *ctx); /* It is not told any more. */
/* Stops; `over` once nothing runs any more, at once or later, and frees it. */
void judging_end(struct judging *j, void (*over)(void *ctx), void *ctx);

#endif
