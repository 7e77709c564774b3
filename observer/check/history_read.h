/* Histories that others wrote, as files: recognised by what is in them.
 *
 *  - Jepsen's: EDN maps, one a line or all in one vector:
 *        {:process 0, :type :invoke, :f :write, :value 3}
 *    with :f read, write, cas (of one register, or of several: then values are [key value]), get,
 *    put, set, append, del, incr, exists, length (of :key), enqueue, dequeue, and txn (several of
 *    these at one point: :value [[:set "k" "v"] [:get "k" nil]]). What :fail says did not happen.
 *  - Jepsen's log: "INFO  jepsen.util - 0 :invoke :read nil", with tabs. There a :cas that failed
 *    is one that found another value.
 *
 * Bytes from outside: everything is bounded, and a fault is named with its line. */
#ifndef ORRERY_CHECK_HISTORY_READ_H
#define ORRERY_CHECK_HISTORY_READ_H

#include "check/history.h"

enum history_model {
    MODEL_UNKNOWN, /* The operations say which. */
    MODEL_REGISTER,
    MODEL_CAS,
    MODEL_KV,
    MODEL_QUEUE,
};

enum { HISTORY_FILE_MAX = 1 << 28, HISTORY_OPERATIONS_MAX = 1 << 22 };

const char *history_model_name(enum history_model m); /* "register" */
bool history_model_parse(const char *text, enum history_model *m);

/* `h` is made by history_init(), and freed by the caller in any case. `model`: the one that is
 * expected, then the one that it is. False and a sentence. */
bool history_read(struct history *h, struct bytes file, enum history_model *model, char *why,
                  size_t why_size);

/* First line of a history whose values above 64 bytes were told shortened (history.proto). */
#define HISTORY_SHORTENED "; values above 64 bytes: 40 of them, ~, and a hash of the whole\n"

/* As maps, one a line, in the order of events: what history_read() reads. What one client asked at
 * once is told as of several processes, as Jepsen has it. Returns how many operations. */
uint32_t history_write(const struct history *h, struct buf *into);

#endif
