/* Recordings that were tampered with. Checksums are mended first, since otherwise nothing would get
 * past them. */
#include "base/crc32c.h"
#include "timeline/orr.h"
#include "timeline/pyramid.h"
#include "timeline/timeline.h"
#include "timeline/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *file, size_t size)
{
    if (size < ORR_FILE_HEADER)
        return;
    put_u32(file + 12, crc32c(0, file, 12));
    size_t at = ORR_FILE_HEADER;
    while (size - at >= ORR_CHUNK_HEADER) {
        uint8_t *header = file + at;
        size_t stored = get_u32(header + 8), left = size - at - ORR_CHUNK_HEADER;
        if (stored > left)
            stored = left;
        put_u32(header + 36, crc32c(0, header + ORR_CHUNK_HEADER, stored));
        put_u32(header + 44, crc32c(0, header, 44));
        at += ORR_CHUNK_HEADER + stored;
    }
    if (size >= ORR_TRAILER)
        put_u32(file + size - 4, crc32c(0, file + size - ORR_TRAILER, 12));
}

static void look(struct timeline *t)
{
    struct buf into = {0}, body = {0};
    uint64_t past[8], oldest = timeline_oldest(t), newest = timeline_newest(t);
    for (uint64_t i = oldest, n = 0; i <= newest && n < 300; i++, n++) {
        struct entry e;
        if (!timeline_get(t, i, &e))
            continue;
        if (e.cause >= i || e.previous >= i)
            abort();
        timeline_describe(t, &e, &into);
        timeline_json(t, &e, &into);
        if (n % 50 == 0) {
            (void)timeline_past(t, i, past, 8);
            (void)timeline_future(t, i, past, 8);
            (void)timeline_at(t, e.head.mono_ns);
        }
    }
    for (size_t i = 0; i < into.len; i++)
        if (into.base[i] < 0x20 || into.base[i] == 0x7f)
            abort();
    struct timeline_view *view = timeline_view_new(t);
    Orrery__WindowAsk ask = ORRERY__WINDOW_ASK__INIT;
    struct view_base *bases;
    struct timeline_cone cone;
    uint64_t *outside;
    ask.columns = 200;
    for (ask.to_ns = 1e18; ask.to_ns > 1e6; ask.to_ns /= 1e4)
        orrery__window__free_unpacked(timeline_view_window(view, &ask), NULL);
    (void)timeline_view_bases(view, UINT64_MAX, &bases);
    (void)timeline_view_outside(view, UINT64_MAX, 100, &outside);
    if (timeline_cone(t, newest, &cone))
        free(cone.all);
    free(bases);
    free(outside);
    timeline_view_free(view);
    struct pyramid_cells cells = {0};
    (void)timeline_tile(t, 0, 0, &cells);
    (void)timeline_tile(t, 20, 0, &cells);
    pyramid_cells_free(&cells);
    buf_clear(&into);
    (void)timeline_blob(t, 7, &into, &body);
    buf_free(&into);
    buf_free(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64], why[300];
    int fd = memfd_create("fuzz", MFD_CLOEXEC);
    uint8_t *file = malloc(size + 1);
    if (fd < 0 || !file)
        abort();
    if (size > 0)
        memcpy(file, data, size);
    mend(file, size);
    if (write(fd, file, size) != (ssize_t)size)
        abort();
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    struct timeline *t = timeline_open(path, why, sizeof why);
    if (t)
        look(t);
    timeline_free(t);
    free(file);
    (void)close(fd);
    return 0;
}
