/* A folder of recordings of a test's own: made for each case, and taken away after it. */
#ifndef ORRERY_TESTS_RECORDINGS_FOLDER_H
#define ORRERY_TESTS_RECORDINGS_FOLDER_H

#include "cluster/folder.h"

#include <stdio.h>
#include <stdlib.h>

static char folder[64];

static inline int fresh(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "/tmp/orrery-recordings-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static inline int gone(void **state)
{
    (void)state;
    folder_remove(folder);
    return 0;
}

/* Lives until the next but one. */
static inline const char *path_of(const char *name)
{
    static char paths[2][256];
    static int at;
    at = !at;
    (void)snprintf(paths[at], sizeof paths[at], "%s/%s", folder, name);
    return paths[at];
}

#endif
