/* Our end of a run's socket. */
#ifndef ORRERY_CLI_CLIENT_H
#define ORRERY_CLI_CLIENT_H

#include "base/bytes.h"
#include "session.pb-c.h"
#include "session/paths.h"

struct client {
    int fd;
    char run[RUN_NAME_MAX];
    struct buf in;
    uint64_t asked;
};

/* Connects to the run of that name, or (NULL) to the only one there is. False and a sentence. */
bool client_open(struct client *c, const char *run, char *why, size_t why_size);
void client_close(struct client *c);

/* Sends a question; the id is filled in and returned; 0 when the run is gone. */
uint64_t client_ask(struct client *c, Orrery__Ask *ask);
/* The next answer; waits for it. NULL when the run is gone, or spoke nonsense. */
Orrery__Tell *client_hear(struct client *c);
/* What has arrived already, without waiting: 1 and an answer, 0 none, negative: the run is gone. */
int client_poll(struct client *c, Orrery__Tell **tell);

#endif
