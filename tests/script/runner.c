/* Plays transcripts: files of commands, each followed by what it brings about, indented.
 *
 *   runner FILE...            compares, and shows the first difference of each file
 *   REWRITE=1 runner FILE...  writes what happens now into the files, to be read in a diff
 *
 * Lines beginning with # and blank lines are kept as they are. */
#include "commands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool read_file(const char *path, struct buf *into)
{
    FILE *f = fopen(path, "r");
    if (!f)
        return false;
    size_t n;
    char chunk[4096];
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(into, bytes_of(chunk, n));
    return fclose(f) == 0;
}

static bool write_file(const char *path, const struct buf *from)
{
    FILE *f = fopen(path, "w");
    if (!f)
        return false;
    bool whole = fwrite(from->base, 1, from->len, f) == from->len;
    return fclose(f) == 0 && whole;
}

/* Plays the commands of `before`; `after` is the transcript as it should read. */
static void play(char *before, struct buf *after)
{
    struct world world;
    world_init(&world, after);
    char *rest = before;
    for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n")) {
        if (strncmp(line, "    ", 4) == 0)
            continue; /* What was said last time. */
        if (line[0] || rest)
            buf_printf(after, "%s\n", line);
        if (line[0] == '\0' || line[0] == '#')
            continue;
        char why[512] = "";
        if (!command_do(&world, line, why, sizeof why))
            buf_printf(after, "    refused: %s\n", why);
    }
    world_free(&world);
}

/* The first line that differs, with its number. */
static void show_difference(const char *path, char *want, char *got)
{
    for (int number = 1;; number++) {
        char *w = strsep(&want, "\n");
        char *g = strsep(&got, "\n");
        if (!w && !g)
            return;
        if (w && g && strcmp(w, g) == 0)
            continue;
        fprintf(stderr, "%s:%d differs\n  expected: %s\n  happened: %s\n", path, number,
                w ? w : "(the end)", g ? g : "(the end)");
        fprintf(stderr,
                "If that is as it should be: REWRITE=1 in the environment updates the file.\n");
        return;
    }
}

static bool check_file(const char *path, bool rewrite)
{
    struct buf want = {0};
    if (!read_file(path, &want)) {
        fprintf(stderr, "%s: cannot be read\n", path);
        return false;
    }
    buf_append(&want, bytes_of("", 1));
    char *commands = strdup((char *)want.base);
    struct buf got = {0};
    play(commands, &got);
    bool same = got.len == want.len - 1 && memcmp(got.base, want.base, got.len) == 0;
    bool done = same;
    if (!same && rewrite)
        done = write_file(path, &got);
    else if (!same) {
        buf_append(&got, bytes_of("", 1));
        show_difference(path, (char *)want.base, (char *)got.base);
    }
    free(commands);
    buf_free(&got);
    buf_free(&want);
    return done;
}

int main(int argc, char **argv)
{
    const char *rewrite = getenv("REWRITE");
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed += !check_file(argv[i], rewrite && strcmp(rewrite, "1") == 0);
    return failed > 0;
}
