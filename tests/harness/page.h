/* Plays the browser: an observer in a process of its own, and connections to it that can misbehave
 * as a browser would not. */
#ifndef ORRERY_TESTS_PAGE_H
#define ORRERY_TESTS_PAGE_H

#include "base/bytes.h"
#include "session.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAGE_DEADLINE_MS = 60000 };

struct observed { /* An observer, as a child of the test. */
    pid_t pid;
    uint16_t port;
    char token[80];
    char home[64];
};

struct observed_options {
    uint32_t hail_ms;
    uint32_t stall_ms;
};

void observed_begin(struct observed *o, const struct observed_options *options);
int observed_end(struct observed *o); /* By SIGTERM; its exit code. */
/* Bytes of memory that it has; 0 when that cannot be known. */
size_t observed_memory(const struct observed *o);

struct page_client {
    int fd;
    struct buf in;
    struct buf message;
    uint64_t asked;
    unsigned closed_with; /* A close frame's code; 1006: it just ended; 0: open. */
    char reason[128];
};

/* A connection, nothing said yet. */
int page_connect(uint16_t port);
/* Sends this and reads until the connection ends or `until` is there. The status of the answer; 0
 * when there was none. */
int page_http(uint16_t port, const char *request, char *answer, size_t size);
/* Asks for a WebSocket; lines that are NULL are left out. The status: 101 when it is one. */
int page_shake(struct page_client *c, uint16_t port, const char *path, const char *host,
               const char *origin);
void page_leave(struct page_client *c);

/* A masked frame. */
bool page_frame(struct page_client *c, unsigned opcode, bool fin, struct bytes body);
/* The id is filled in and returned. */
uint64_t page_ask(struct page_client *c, Orrery__Ask *ask);
/* The next answer, or NULL: closed_with says why. Fails the test when nothing comes. */
Orrery__Tell *page_hear(struct page_client *c);
/* The next answer to that question; others are passed over. NULL as above. */
Orrery__Tell *page_answer(struct page_client *c, uint64_t id);

/* In through the door: a WebSocket, and the token. */
void page_enter(struct page_client *c, const struct observed *o, const char *run);
/* A simulated sandbox; the name of the run. */
void page_sandbox(struct page_client *c, const char *protocol, uint32_t nodes, bool simulated,
                  char run[64]);
/* "kill n2"; false when it was refused. */
bool page_act(struct page_client *c, const char *line, uint64_t *ordinal);

#endif
