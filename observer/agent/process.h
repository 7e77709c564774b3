/* One process of a node on this machine, from its start to the last byte of its ring: its control
 * socket, its event ring and ledger in shared memory, what it says on stderr, and how it ended.
 *
 * It knows nothing of a cluster: both the observer, for nodes of its own machine, and the agent of
 * another one run their processes with it. All calls back come on the loop's thread. */
#ifndef ORRERY_AGENT_PROCESS_H
#define ORRERY_AGENT_PROCESS_H

#include "base/ledger.h"
#include "base/ring.h"

#include <sys/types.h>
#include <uv.h>

/* The file descriptors that a node inherits. */
enum { NODE_FD_CONTROL = 3, NODE_FD_RING = 4, NODE_FD_LEDGER = 5 };
/* Of what it says, which is short, and of what it is told, which may name every node. */
enum { FROM_NODE_MAX = 1 << 16, TO_NODE_MAX = 64 << 20 };

struct process_io {
    void (*said)(void *ctx, struct bytes message); /* A packed FromNode. */
    void (*babbled)(void *ctx);                    /* What it says makes no sense. */
    void (*worded)(void *ctx, struct bytes words); /* On stderr. */
    void (*stopped)(void *ctx, bool stopped);      /* By SIGSTOP, as the operating system tells. */
    /* It was reaped, and has said all that it will. Its ring and ledger are there until
     * process_close(). */
    void (*ended)(void *ctx, int status);
    void (*closed)(void *ctx); /* After process_close(): the memory is the owner's again. */
};

/* The processes that we started, by one handler of SIGCHLD. */
struct family {
    uv_loop_t *loop;
    uv_signal_t child;
    struct process *first;
    void (*closed)(void *ctx);
    void *ctx;
};

struct process {
    const struct process_io *io;
    void *ctx;
    struct family *family;
    struct process *next;
    pid_t pid;
    bool reaped;
    struct ring ring;
    void *ring_memory;
    size_t ring_size;
    bool ring_broken;
    struct ledger *ledger;
    uv_pipe_t control;
    uv_pipe_t err;
    int open;      /* Of these two handles. */
    struct buf in; /* Of the control socket. */
};

void family_open(struct family *f, uv_loop_t *loop);
void family_close(struct family *f, void (*closed)(void *ctx), void *ctx);

/* Path of the program that a node is, to be freed: see cluster_node_program(). `p` is zeroed but
 * for io and ctx. 0, or negative and a sentence; process_close() is due in both cases. */
int process_start(struct process *p, struct family *f, const char *program, const char *name,
                  size_t ring_capacity, char *why, size_t why_size);
void process_say(struct process *p, struct bytes frame); /* Copied. */
void process_signal(const struct process *p, int number);

/* By its machine's clock, told before its ring is read: what it stamped before then is in there. */
uint64_t process_complete(const struct process *p, uint64_t now);
/* Up to `most` events of its ring; how many. */
uint32_t process_read(struct process *p, uint32_t most, struct buf *scratch,
                      void (*each)(void *ctx, struct bytes event), void *ctx);
uint64_t process_lost(const struct process *p); /* Events that did not fit. */
/* What a power cut would take away, of a dead process with its disk there; how many bytes. */
uint64_t process_power_cut(const struct process *p, const char *directory, bool torn,
                           uint64_t seed);
void process_close(struct process *p);

#endif
