/* What one predicted, and what was measured: kept over runs in STATE/notebook, a line for each
 * entry: [CRC-32C in hex, space, a packed NotebookEntry in base64]. Only ever appended to; a line
 * that makes no sense (torn, or changed by others) is passed over. */
#ifndef ORRERY_SESSION_NOTEBOOK_H
#define ORRERY_SESSION_NOTEBOOK_H

#include "session.pb-c.h"

#include <stdbool.h>
#include <stddef.h>

enum { NOTEBOOK_ENTRIES_MAX = 10000, NOTEBOOK_LINE_MAX = 1 << 16 };

/* Oldest first; the newest NOTEBOOK_ENTRIES_MAX. A notebook that is not there is empty. Free with
 * orrery__notebook__free_unpacked(). */
Orrery__Notebook *notebook_read(const char *path);
/* False and a sentence when it cannot be written. */
bool notebook_add(const char *path, const Orrery__NotebookEntry *entry, char *why, size_t why_size);

#endif
