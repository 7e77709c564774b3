/* The page that lists exported walkthroughs: a file for any static server. */
#ifndef ORRERY_WEB_GALLERY_H
#define ORRERY_WEB_GALLERY_H

#include "base/bytes.h"

struct gallery_card { /* Texts may come from a recording. */
    const char *file; /* Beside the page: "heartbeat.html"; a plain word. */
    const char *title;
    const char *promise;
    const char *group; /* As in Lab; any other is shown last. */
    const char *glyph; /* The lab's stage or name. */
    uint32_t seconds;  /* 0: it has no walkthrough. */
    uint32_t checks, proven;
    size_t bytes; /* Of the file. */
};

/* Appends the page; false and a sentence. */
bool gallery_page_make(const struct gallery_card *cards, size_t n, struct buf *into, char *why,
                       size_t why_size);

#endif
