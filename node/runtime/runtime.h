/* The life of one node as a process: from its configuration to its end. */
#ifndef ORRERY_RUNTIME_RUNTIME_H
#define ORRERY_RUNTIME_RUNTIME_H

struct runtime_options {
    int control_fd; /* A stream socket to the agent: node.proto. */
    int ring_fd;    /* Shared memory with an event ring. */
    int ledger_fd;  /* Shared memory with a struct ledger. */
};

/* Returns the exit code after a clean stop; ends the process itself when something fails. */
int runtime_run(const struct runtime_options *options);

#endif
