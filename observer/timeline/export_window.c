#include "timeline/export_window.h"

#include <errno.h>
#include <string.h>

#include "base/errors.h"
#include "base/wire.h"

void export_walk(struct timeline *t, const struct export_options *options,
                 void (*each)(void *ctx, const struct entry *e, bool wanted), void *ctx,
                 struct export_done *done)
{
    uint64_t oldest = timeline_oldest(t), newest = timeline_newest(t);
    uint64_t from = options->from > oldest ? options->from : oldest;
    uint64_t to = options->to && options->to < newest ? options->to : newest;
    *done = (struct export_done){0};
    struct entry e;
    for (uint64_t at = from; at <= to; at++) {
        if (!timeline_get(t, at, &e))
            continue;
        bool wanted = !options->wanted || options->wanted(options->ctx, &e);
        if (wanted && options->limit && done->events == options->limit) {
            done->left_out++;
            continue;
        }
        if (done->left_out > 0)
            continue;
        done->events += wanted;
        each(ctx, &e, wanted);
    }
}

bool export_exited(const struct entry *e, uint32_t *node, uint32_t *boot)
{
    *node = *boot = 0;
    if (e->head.body != ORRERY__EVENT__BODY_EXIT)
        return false;
    *node = (uint32_t)wire_number(e->head.payload, 1);
    *boot = (uint32_t)wire_number(e->head.payload, 2);
    return *node != 0;
}

int export_some(const struct export_done *done, char *why, size_t why_size)
{
    if (done->events > 0)
        return 0;
    (void)snprintf(why, why_size, "there is no event to export: is the range right?");
    return ERROR_NOT_FOUND;
}

int export_written(FILE *out, char *why, size_t why_size)
{
    if (fflush(out) == 0 && !ferror(out))
        return 0;
    (void)snprintf(why, why_size, "the export could not be written: %s", strerror(errno));
    return ERROR_DISK_IO;
}
