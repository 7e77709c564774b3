#include "session/notebook.h"

#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/must.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CRC_DIGITS = 8, BASE64 = sodium_base64_VARIANT_ORIGINAL };

static bool digits(const char *line, uint32_t *crc)
{
    *crc = 0;
    for (int i = 0; i < CRC_DIGITS; i++) {
        char c = line[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        *crc = *crc << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return line[CRC_DIGITS] == ' ';
}

/* NULL for what is no entry. */
static Orrery__NotebookEntry *entry_of(const char *line, size_t length)
{
    static uint8_t packed[NOTEBOOK_LINE_MAX];
    uint32_t crc;
    size_t size;
    if (length <= CRC_DIGITS + 1 || !digits(line, &crc))
        return NULL;
    if (sodium_base642bin(packed, sizeof packed, line + CRC_DIGITS + 1, length - CRC_DIGITS - 1,
                          NULL, &size, NULL, BASE64) != 0)
        return NULL;
    if (crc32c(0, packed, size) != crc)
        return NULL;
    return orrery__notebook_entry__unpack(NULL, size, packed);
}

static void keep(Orrery__Notebook *n, Orrery__NotebookEntry *entry)
{
    if (n->n_entries == NOTEBOOK_ENTRIES_MAX) {
        orrery__notebook_entry__free_unpacked(n->entries[0], NULL);
        memmove(n->entries, n->entries + 1, (n->n_entries - 1) * sizeof(void *));
        n->n_entries--;
    }
    n->entries[n->n_entries++] = entry;
}

Orrery__Notebook *notebook_read(const char *path)
{
    static char line[NOTEBOOK_LINE_MAX];
    Orrery__Notebook *n = must_alloc(1, sizeof *n);
    orrery__notebook__init(n);
    n->entries = must_alloc(NOTEBOOK_ENTRIES_MAX, sizeof(void *));
    FILE *in = fopen(path, "r");
    size_t length = 0; /* Past the end of `line`: it is too long to be one of ours. */
    for (int c; in && (c = getc(in)) != EOF;) {
        if (c != '\n') {
            if (length < sizeof line)
                line[length] = (char)c;
            length++;
            continue;
        }
        Orrery__NotebookEntry *entry = length <= sizeof line ? entry_of(line, length) : NULL;
        if (entry)
            keep(n, entry);
        length = 0;
    }
    if (in)
        fclose(in);
    return n;
}

/* One write, so that two observers' lines do not mix; behind a torn line it begins a new one. */
static bool append(int fd, struct buf *line)
{
    char last = '\n';
    off_t size = lseek(fd, 0, SEEK_END);
    bool torn = size > 0 && pread(fd, &last, 1, size - 1) == 1 && last != '\n';
    const char *from = (const char *)line->base;
    size_t n = line->len;
    if (!torn) {
        from++;
        n--;
    }
    return write(fd, from, n) == (ssize_t)n && fdatasync(fd) == 0;
}

bool notebook_add(const char *path, const Orrery__NotebookEntry *entry, char *why, size_t why_size)
{
    size_t size = orrery__notebook_entry__get_packed_size(entry);
    size_t room = sodium_base64_encoded_len(size, BASE64); /* With its terminator. */
    struct buf packed = {0}, line = {0};
    if (room + CRC_DIGITS + 2 > NOTEBOOK_LINE_MAX) {
        snprintf(why, why_size, "that is too much for one entry of the notebook");
        return false;
    }
    orrery__notebook_entry__pack(entry, buf_extend(&packed, size));
    buf_printf(&line, "\n%08x ", crc32c(0, packed.base, packed.len));
    sodium_bin2base64((char *)buf_extend(&line, room), room, packed.base, size, BASE64);
    line.base[line.len - 1] = '\n';
    int fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool done = fd >= 0 && append(fd, &line);
    if (!done)
        snprintf(why, why_size, "cannot write the notebook %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    buf_free(&packed);
    buf_free(&line);
    return done;
}
