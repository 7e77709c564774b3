/* What exports share: walking over the window that was asked for. */
#ifndef ORRERY_TIMELINE_EXPORT_WINDOW_H
#define ORRERY_TIMELINE_EXPORT_WINDOW_H

#include "timeline/export.h"

/* Calls each() for every entry of the window, up to the limit of wanted ones; fills `done`. The
 * entry is valid until the next call that reads the timeline. */
void export_walk(struct timeline *t, const struct export_options *options,
                 void (*each)(void *ctx, const struct entry *e, bool wanted), void *ctx,
                 struct export_done *done);

/* Of an exit: which life ended. */
bool export_exited(const struct entry *e, uint32_t *node, uint32_t *boot);

/* 0, or negative and a sentence: there is nothing, the file does not take it. */
int export_some(const struct export_done *done, char *why, size_t why_size);
int export_written(FILE *out, char *why, size_t why_size);

#endif
