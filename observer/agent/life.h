/* One life of a node: one process of it, wherever that runs. What the cluster knows of it is here;
 * how it is reached is behind a table of calls, with two implementations: a child of ours (local.c)
 * and a child of another machine's agent (remote.c). Both call back the functions below, so that
 * the cluster's own code does not know which it is. */
#ifndef ORRERY_AGENT_LIFE_H
#define ORRERY_AGENT_LIFE_H

#include "base/bytes.h"

#include "event.pb-c.h"
#include "node.pb-c.h"

#include <uv.h>

enum { WORDS_LINES = 20, WORDS_LINE_MAX = 240 };

struct agent_node;
struct life;

struct life_clock {
    uint64_t which;
    int64_t shift_ns;  /* Was taken off its stamps, which are still */
    uint64_t bound_ns; /* no further off than this. */
    bool raw;
};

struct life_ops {
    void (*say)(struct life *l, const Orrery__ToNode *message);
    void (*signal)(struct life *l, int number);
    /* Gives up to `most` events that wait to be read, by life_event(); how many. */
    uint32_t (*read)(struct life *l, uint32_t most);
    /* By our clock: what it stamped before then has been given, as far as can be told now. */
    uint64_t (*seen)(const struct life *l, uint64_t now);
    uint64_t (*lost)(const struct life *l); /* Events that did not fit its ring. */
    /* It has ended, and all its events are known: plays the power cut, if there was one. Then
     * life_settled(), at once or later. */
    void (*settle)(struct life *l);
    /* How its clock stands to ours; false: it is ours, or that is not known. NULL: it is ours. */
    bool (*clock)(const struct life *l, struct life_clock *into);
    /* It does not end, since who could end it does not answer: life_vanished(). NULL: that cannot
     * be. */
    void (*abandon)(struct life *l);
    void (*close)(struct life *l); /* Frees `body`; then life_closed(), at once or later. */
};

struct life {
    struct agent_node *node;
    const struct life_ops *ops;
    void *body; /* Theirs. */
    uint32_t boot;
    uint64_t spawn_because;
    int32_t pid;       /* 0: it has none yet. */
    uint64_t bound_ns; /* Of its clock, as was told, in cluster time; 0: nothing was. */
    bool ready;
    bool ended;
    bool failed;      /* It said why it cannot come up. */
    bool stopped;     /* By SIGSTOP, as the operating system tells. */
    int status;       /* As wait() gives it, once it ended; */
    bool vanished;    /* or nobody can tell. */
    struct buf words; /* Of its stderr: the last bytes. */
    uint64_t because; /* Lane 0: why it will end; 0 nobody asked. */
    bool asked;       /* It was asked to end, or killed by a command. */
    bool power;       /* What was not synced is to be lost. */
    bool torn;
    uint64_t power_seed;
    uv_timer_t *grace; /* Until a stop becomes a kill. */
};

/* Starts the process; 0, or negative and a sentence, after which life_close() is due. */
int local_start(struct life *l, Orrery__NodeConfig *config, char *why, size_t why_size);
int remote_start(struct life *l, Orrery__NodeConfig *config, char *why, size_t why_size);

/* What implementations tell, in this order where both come. */
void life_spawned(struct life *l, int32_t pid, uint64_t at_ns); /* By our machine's clock. */
void life_could_not(struct life *l, const char *why);           /* Instead of all that follows. */
void life_heard(struct life *l, struct bytes message);          /* A packed FromNode. */
void life_babbled(struct life *l);
void life_worded(struct life *l, struct bytes words);
void life_stopped(struct life *l, bool stopped);
void life_event(struct life *l, struct bytes event);
void life_ended(struct life *l, int status);
/* Instead of life_ended(): nobody can tell how it ended, and why that is so. */
void life_vanished(struct life *l, const char *why);
void life_settled(struct life *l, uint64_t lost_bytes);
void life_closed(struct life *l);

/* Lines on stderr, without control characters, newest last. Free with stderr_lines_free(). */
size_t stderr_lines(const struct buf *words, char *lines[WORDS_LINES]);
void stderr_lines_free(char *lines[WORDS_LINES], size_t n);
void life_tell_words(struct life *l); /* Keeps them as the node's words, if there are any. */
void life_close(struct life *l);      /* Ends what it holds, and frees it. */

#endif
