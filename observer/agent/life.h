/* One process of a node, and what the agent shares with it. */
#ifndef ORRERY_AGENT_LIFE_H
#define ORRERY_AGENT_LIFE_H

#include "base/ledger.h"
#include "base/ring.h"

#include "event.pb-c.h"

#include <uv.h>

/* The file descriptors that a node inherits. */
enum { NODE_FD_CONTROL = 3, NODE_FD_RING = 4, NODE_FD_LEDGER = 5 };

enum { WORDS_LINES = 20, WORDS_LINE_MAX = 240 };

struct agent_node;

struct life {
    struct agent_node *node;
    uint32_t boot;
    pid_t pid;
    bool ready;
    bool reaped;
    bool failed;  /* It said why it cannot come up. */
    bool stopped; /* By SIGSTOP, as the operating system tells. */
    struct ring ring;
    void *ring_memory;
    size_t ring_size;
    bool ring_broken;
    struct ledger *ledger;
    uv_pipe_t control;
    uv_pipe_t err;
    int open;         /* Of these two handles. */
    struct buf in;    /* Of the control socket. */
    struct buf words; /* Of its stderr: the last bytes. */
    uint64_t because; /* Lane 0: why it will end; 0 nobody asked. */
    bool asked;       /* It was asked to end, or killed by a command. */
    bool power;       /* What was not synced is to be lost. */
    bool torn;
    uint64_t power_seed;
    uv_timer_t *grace; /* Until a stop becomes a kill. */
    bool halted_power; /* A breakpoint cut the power. */
};

/* Starts the process with its rings; 0, or negative and a sentence. */
int life_start(struct life *l, const char *program, size_t ring_capacity, char *why,
               size_t why_size);
void life_read_words(struct life *l); /* What is left in the pipe of a dead process. */
/* Lines on stderr, without control characters, newest last. Free with stderr_lines_free(). */
size_t stderr_lines(const struct buf *words, char *lines[WORDS_LINES]);
void life_tell_words(struct life *l); /* Keeps them as the node's words, if there are any. */
void stderr_lines_free(char *lines[WORDS_LINES], size_t n);
void life_close(struct life *l); /* Ends handles and mappings; frees it once they are closed. */

#endif
