/* Plays the user: runs `orrery` as a program, in a state folder of its own, and waits for events by
 * its timeline. For tests of whole clusters. */
#ifndef ORRERY_TESTS_LAB_H
#define ORRERY_TESTS_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A lab says by itself what did not come in time; LAB_END_MS is for one that does not. */
enum { LAB_DEADLINE_MS = 60000, LAB_END_MS = 180000, LAB_NODES_MAX = 16, LAB_LINE_MAX = 65536 };

struct lab {
    char home[64]; /* State folder of this test. */
    char run[64];
    pid_t pid; /* Of the sandbox; 0 when it ended. */
    int out;   /* Its stdout. */
    char recording[256];
    uint32_t nodes;
    pid_t pids[LAB_NODES_MAX];
    uint16_t ports[LAB_NODES_MAX];
};

void lab_home(struct lab *l);  /* A fresh state folder; lab_begin() does it where there is none. */
void lab_leave(struct lab *l); /* Removes it. */

/* Starts `orrery sandbox WORDS --json` (words up to NULL) and waits until every node is up. */
void lab_begin(struct lab *l, const char *const *words);
int lab_end(
    struct lab *l); /* By SIGINT, waiting for it; its exit code. Removes the state folder. */
void lab_killed(struct lab *l); /* By SIGKILL, and waits for it. */

/* Runs orrery with these words (up to NULL) in the lab's state folder. Its stdout and stderr, one
 * after the other, are in `text`; returns the exit code. */
int lab_run(struct lab *l, char *text, size_t size, const char *const *words);
#define LAB_RUN(l, text, ...)                                                                      \
    lab_run(l, text, sizeof(text), (const char *const[]){__VA_ARGS__, NULL})

/* The same in two, so that several run at once: each with a lab of its own, and at most 64 KiB. */
void lab_run_begin(struct lab *l, const char *const *words);
int lab_run_end(struct lab *l, char *text, size_t size);

/* Does what must succeed; returns the ordinal of the operator's event. */
uint64_t lab_do(struct lab *l, const char *const *words);
#define LAB_DO(l, ...) lab_do(l, (const char *const[]){__VA_ARGS__, NULL})

/* The first event from ordinal `from` on that matches; its JSON in `line`, which may be NULL. Fails
 * the test when it does not come. */
uint64_t lab_wait(struct lab *l, uint64_t from, const char *pattern, char *line, size_t size);

/* A number of a JSON object by its key, at its first mention; -1 when it is not there. */
double json_number(const char *json, const char *key);

/* Until that process is gone; false when it lives on. */
bool gone_in_time(pid_t pid);

/* A client of a node's port. */
int lab_client(uint16_t port);
/* Sends a command, and reads a simple reply up to its CRLF, or of a bulk its content. False: the
 * connection ended. */
bool lab_ask(int client, const char *command, char *reply, size_t size);

#endif
