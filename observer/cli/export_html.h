/* A recording as one HTML file: orrery export FILE --to html, and each page of a gallery. */
#ifndef ORRERY_CLI_EXPORT_HTML_H
#define ORRERY_CLI_EXPORT_HTML_H

#include "session/carried.h"

/* Up to an ordinal, 0 for all. Appends the file; false and a sentence. */
bool export_html(const char *recording, uint64_t until, struct buf *into,
                 struct carried_figures *figures, char *why, size_t why_size);

#endif
