/* Pictures made of text, held against files in tests/unit/terminal; REWRITE=1 writes them anew. */
#ifndef ORRERY_TESTS_PICTURE_H
#define ORRERY_TESTS_PICTURE_H

#include "base/bytes.h"
#include "unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct picture {
    struct buf text;
};

static inline bool picture_line(void *ctx, const char *line)
{
    struct picture *p = ctx;
    buf_append(&p->text, bytes_str(line));
    buf_append(&p->text, bytes_of("\n", 1));
    return true;
}

static inline void picture_read(const char *path, struct buf *into)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? 1 : 0;
    while (n) {
        uint8_t *at = buf_extend(into, 65536);
        n = fread(at, 1, 65536, f);
        into->len -= 65536 - n;
    }
    if (f)
        fclose(f);
}

/* Ends the picture. */
static inline void picture_expect(struct picture *p, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/unit/terminal/%s.txt", ORRERY_SOURCE, name);
    const char *rewrite = getenv("REWRITE");
    if (rewrite && *rewrite == '1') {
        FILE *f = fopen(path, "wb");
        assert_non_null(f);
        assert_int_equal(fwrite(p->text.base, 1, p->text.len, f), p->text.len);
        fclose(f);
    }
    struct buf wanted = {0};
    picture_read(path, &wanted);
    if (!bytes_equal(buf_bytes(&wanted), buf_bytes(&p->text)))
        fail_msg("%s.txt differs; it is now:\n%.*s", name, (int)p->text.len,
                 (const char *)p->text.base);
    buf_free(&wanted);
    buf_free(&p->text);
}

#endif
