#include "agent/process.h"

#include "base/random.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct cut {
    int directory;
    uint64_t lost;
};

/* The ledger is memory that the node could write: a name must not lead out of its folder. */
static int open_below(int directory, const char *name)
{
    struct open_how how = {.flags = O_WRONLY | O_CLOEXEC | O_NOFOLLOW,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS};
    return (int)syscall(SYS_openat2, directory, name, &how, sizeof how);
}

static void lose(void *ctx, const char *name, uint64_t from, uint64_t to)
{
    static const uint8_t zeros[4096];
    struct cut *cut = ctx;
    struct stat st;
    int fd = open_below(cut->directory, name);
    if (fd < 0)
        return;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return;
    }
    /* Segments are preallocated: what never reached the disk reads as zeros. */
    uint64_t end = to < (uint64_t)st.st_size ? to : (uint64_t)st.st_size;
    while (from < end) {
        size_t n = end - from < sizeof zeros ? (size_t)(end - from) : sizeof zeros;
        ssize_t wrote = pwrite(fd, zeros, n, (off_t)from);
        if (wrote <= 0)
            break;
        from += (uint64_t)wrote;
        cut->lost += (uint64_t)wrote;
    }
    close(fd);
}

uint64_t process_power_cut(const struct process *p, const char *directory, bool torn, uint64_t seed)
{
    struct random random;
    struct cut cut = {open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), 0};
    if (cut.directory < 0)
        return 0;
    random_seed(&random, seed);
    ledger_power_cut(p->ledger, torn, &random, lose, &cut);
    close(cut.directory);
    return cut.lost;
}
