/* Where a run keeps its things.
 *
 *   $XDG_RUNTIME_DIR/orrery/NAME.sock             the way to a run (or STATE/run/NAME.sock)
 *   STATE = $XDG_STATE_HOME/orrery, by default ~/.local/state/orrery
 *   STATE/recordings/NAME-DATE.orr                what happened in it
 *   STATE/runs/NAME/n1/                           its nodes' disks
 *
 * All folders belong to the user alone. What a run that was killed left behind, its socket and its
 * nodes' disks, is cleared away by the next one. */
#ifndef ORRERY_SESSION_PATHS_H
#define ORRERY_SESSION_PATHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RUN_NAME_MAX = 40, PATH_ROOM = 1024, RUNS_LISTED_MAX = 256 };

struct paths {
    char sockets[PATH_ROOM]; /* Folders. */
    char state[PATH_ROOM];
    char recordings[PATH_ROOM];
    char runs[PATH_ROOM];
};

/* Makes the folders. False and a sentence that says which one and what to do. */
bool paths_make(struct paths *p, char *why, size_t why_size);
/* False when it does not fit the address of a socket. */
bool paths_socket(const struct paths *p, const char *name, char *into, size_t size);

/* Two words like "calm-otter", from a seed; the `again`th try when that one is taken. */
void run_name(uint64_t seed, uint32_t again, char name[RUN_NAME_MAX]);
bool run_name_ok(const char *name); /* Words and dashes: it becomes part of a path. */

/* A connection to a run, or negative. */
int run_connect(const struct paths *p, const char *name);
/* Names of the runs that answer, sorted; clears away what dead ones left. */
size_t runs_list(const struct paths *p, char names[RUNS_LISTED_MAX][RUN_NAME_MAX]);

#endif
