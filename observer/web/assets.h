/* The page's files, as they were built and embedded (cmake/ui.cmake). Sorted by path; text comes
 * compressed. Paths below /assets/ name their content, and so never change. */
#ifndef ORRERY_WEB_ASSETS_H
#define ORRERY_WEB_ASSETS_H

#include "base/bytes.h"

#include <stdbool.h>

struct asset {
    const char *path; /* "/index.html" */
    const char *type; /* Of the content, for HTTP. */
    struct bytes bytes;
    bool gzip; /* The bytes are: Content-Encoding says so. */
};

extern const struct asset assets[];
extern const size_t assets_n;
/* All of it as one HTML file, compressed, with room for a run (single.h); none where there is no
 * page. */
extern const struct bytes single_page;
/* The page that lists exported runs, compressed, with places for its cards (gallery.h). */
extern const struct bytes gallery_page;

#endif
