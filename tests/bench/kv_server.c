/* A kv node for a benchmark: prints its client port, runs until its own stdin ends, and takes its
 * events out of the ring as an agent would.
 *   kv_server FOLDER [KEY=VALUE ...]
 *   kv_server --sync FOLDER     prints what one write and sync takes there, in microseconds */
#include "life.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { SYNCS = 3000, RECORD = 90, FILE_SIZE = 1 << 20 };

static double microseconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* Small records one behind the other, in a file of zeros that were written before. */
static int measure_sync(const char *folder)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/sync.bytes", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    static char bytes[FILE_SIZE];
    if (fd < 0 || write(fd, bytes, sizeof bytes) != (ssize_t)sizeof bytes || fsync(fd) < 0) {
        perror(path);
        return 1;
    }
    memset(bytes, 1, RECORD);
    double begun = microseconds();
    for (int i = 0; i < SYNCS; i++)
        if (pwrite(fd, bytes, RECORD, (off_t)i * RECORD) != RECORD || fdatasync(fd) < 0) {
            perror(path);
            return 1;
        }
    printf("%.2f\n", (microseconds() - begun) / SYNCS);
    unlink(path);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--sync") == 0)
        return measure_sync(argv[2]);
    if (argc < 2 || argc - 2 >= LIFE_SETTINGS_MAX) {
        fputs("usage: kv_server FOLDER [KEY=VALUE ...]\n", stderr);
        return 2;
    }
    struct life_plan plan = {.node = 1, .nodes = 1, .protocol = "kv", .directory = argv[1]};
    for (int i = 2; i < argc; i++)
        plan.settings[i - 2] = argv[i];
    plan.ring_bytes = 16 << 20;
    struct life l;
    life_begin(&l, &plan);
    if (!life_ready(&l)) {
        fprintf(stderr, "%s\n", l.why);
        return 1;
    }
    l.keep = false;
    life_introduce(&l, 1);
    printf("%u %d\n", l.client_port, (int)l.pid);
    fflush(stdout);
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&p, 1, 5) == 0)
        life_read(&l);
    fprintf(stderr, "events lost: %llu\n", (unsigned long long)ring_lost(&l.ring));
    life_quit(&l);
    int status = life_wait(&l);
    life_end(&l);
    return status ? 1 : 0;
}
