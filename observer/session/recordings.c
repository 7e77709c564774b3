#include "session/recordings.h"

#include "base/errors.h"
#include "base/must.h"
#include "session/judgement.h"
#include "session/paths.h"
#include "timeline/clean.h"
#include "timeline/reading.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WHY_SIZE = PATH_ROOM + 300, NAMES_TRIED = 100 };
static const char ending[] = ".orr";
enum { ENDING = sizeof ending - 1 };

bool recording_name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return !name[n] && n > ENDING && n < RECORDING_NAME_MAX && name[0] != '.' && name[0] != '-' &&
           strcmp(name + n - ENDING, ending) == 0;
}

static int refuse(char *why, size_t why_size, const char *name, const char *what)
{
    (void)snprintf(why, why_size, "%.100s %s", name, what);
    return ERROR_REFUSED;
}

static bool path_of(const char *folder, const char *name, char *into, size_t size)
{
    int n = snprintf(into, size, "%s/%s", folder, name);
    return recording_name_ok(name) && n > 0 && (size_t)n < size;
}

bool recording_path(const char *folder, const char *name, char *into, size_t size, char *why,
                    size_t why_size)
{
    struct stat st;
    if (path_of(folder, name, into, size) && lstat(into, &st) == 0 && S_ISREG(st.st_mode))
        return true;
    (void)refuse(why, why_size, name, "is no recording in the state folder");
    return false;
}

/* Whoever writes one holds its lock, and writes nothing before that: an empty one is left alone, so
 * that its writer is not refused. */
bool recording_being_written(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool busy = fd >= 0 && fstat(fd, &st) == 0 &&
                (st.st_size == 0 || (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK));
    if (fd >= 0)
        close(fd);
    return busy;
}

/* --- what there is --- */

static Orrery__RunInfo *run_of(struct reading *r)
{
    struct orr_chunk chunk;
    struct buf data = {0};
    Orrery__RunInfo *info = NULL;
    if (reading_chunk(r, 0, &chunk) && chunk.type == ORR_RUN && reading_load(r, &chunk, &data) == 0)
        info = orrery__run_info__unpack(NULL, data.len, data.base);
    if (info)
        clean_message(&info->base);
    buf_free(&data);
    return info;
}

/* A sentence about it, without the folder's path, which its reader does not need. */
static char *trouble_of(const char *path, const char *sentence)
{
    size_t n = strlen(path);
    if (strncmp(sentence, path, n) == 0)
        sentence += n + strspn(sentence + n, ": ");
    return must_copy(sentence);
}

static void look_inside(const char *path, Orrery__Recording *into)
{
    char why[WHY_SIZE] = "", torn[WHY_SIZE] = "";
    struct entry newest;
    struct reading *r = reading_open(path, torn, why, sizeof why);
    if (!r) {
        into->trouble = trouble_of(path, why);
        return;
    }
    into->run = run_of(r);
    into->holes = reading_holes(r);
    if (reading_newest(r) && reading_entry(r, reading_newest(r), &newest)) {
        into->events = reading_newest(r) - reading_oldest(r) + 1;
        into->length_ns = newest.head.mono_ns;
    }
    const char *trouble = reading_trouble(r) ? reading_trouble(r) : torn;
    if (!into->run)
        into->trouble = must_copy("its first chunk, which describes the run, is damaged");
    else if (*trouble && !into->being_written)
        into->trouble = trouble_of(path, trouble);
    reading_free(r);
}

Orrery__Recording *recording_describe(const char *folder, const char *name)
{
    char path[PATH_ROOM];
    struct stat st;
    if (!path_of(folder, name, path, sizeof path) || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
        return NULL;
    Orrery__Recording *one = must_alloc(1, sizeof *one);
    orrery__recording__init(one);
    one->name = must_copy(name);
    one->bytes = (uint64_t)st.st_size;
    one->changed_wall_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    one->being_written = recording_being_written(path);
    look_inside(path, one);
    if (!one->being_written)
        one->judgement = judgement_kept(path);
    clean_message(&one->base);
    return one;
}

struct found {
    char name[RECORDING_NAME_MAX];
    struct timespec changed;
};

static int newest_first(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->changed.tv_sec != y->changed.tv_sec)
        return x->changed.tv_sec < y->changed.tv_sec ? 1 : -1;
    if (x->changed.tv_nsec != y->changed.tv_nsec)
        return x->changed.tv_nsec < y->changed.tv_nsec ? 1 : -1;
    return strcmp(x->name, y->name);
}

static size_t find_all(const char *folder, struct found **all)
{
    size_t n = 0, room = 0;
    const struct dirent *file;
    DIR *dir = opendir(folder);
    *all = NULL;
    while (dir && (file = readdir(dir))) {
        struct stat st;
        if (!recording_name_ok(file->d_name) ||
            fstatat(dirfd(dir), file->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        if (n == room) {
            *all = must_grow(*all, room, 2 * room + 16, sizeof **all);
            room = 2 * room + 16;
        }
        struct found *f = &(*all)[n++];
        (void)snprintf(f->name, sizeof f->name, "%.*s", (int)sizeof f->name - 1, file->d_name);
        f->changed = st.st_mtim;
    }
    if (dir)
        closedir(dir);
    if (n)
        qsort(*all, n, sizeof **all, newest_first);
    return n;
}

/* A list of many tells what is found of each when that one is asked for. */
static void only_verdict(Orrery__Judgement *j)
{
    for (size_t i = 0; i < j->n_checks; i++)
        orrery__check_state__free_unpacked(j->checks[i], NULL);
    j->n_checks = 0;
}

Orrery__Recordings *recordings_list(const char *folder)
{
    struct found *all;
    size_t n = find_all(folder, &all);
    size_t shown = n < RECORDINGS_LISTED_MAX ? n : RECORDINGS_LISTED_MAX;
    Orrery__Recordings *list = must_alloc(1, sizeof *list);
    orrery__recordings__init(list);
    list->recordings = must_alloc(shown + 1, sizeof(void *));
    list->folder = must_copy(folder);
    list->more = (uint32_t)(n - shown);
    for (size_t i = 0; i < shown; i++) {
        Orrery__Recording *one = recording_describe(folder, all[i].name);
        if (one && one->judgement)
            only_verdict(one->judgement);
        if (one)
            list->recordings[list->n_recordings++] = one;
    }
    free(all);
    return list;
}

/* --- what can be done to one --- */

static bool may_change(const char *folder, const char *name, char *path, size_t size, char *why,
                       size_t why_size)
{
    if (!recording_path(folder, name, path, size, why, why_size))
        return false;
    if (!recording_being_written(path))
        return true;
    (void)refuse(why, why_size, name, "is still being written: end its run first");
    return false;
}

/* Never over another file. */
static bool move(const char *from, const char *to)
{
    return link(from, to) == 0 && unlink(from) == 0;
}

int recording_rename(const char *folder, const char *name, const char *to, char *why,
                     size_t why_size)
{
    char from_path[PATH_ROOM], to_path[PATH_ROOM];
    if (!may_change(folder, name, from_path, sizeof from_path, why, why_size))
        return ERROR_REFUSED;
    if (!path_of(folder, to, to_path, sizeof to_path))
        return refuse(why, why_size, to,
                      "is no name for a recording: letters, digits, '-', '_' and '.', with .orr "
                      "at its end");
    if (move(from_path, to_path)) {
        judgement_follow(from_path, to_path);
        return 0;
    }
    return refuse(why, why_size, to, errno == EEXIST ? "is there already" : strerror(errno));
}

int recording_remove(const char *folder, const char *name, char *why, size_t why_size)
{
    char path[PATH_ROOM];
    if (!may_change(folder, name, path, sizeof path, why, why_size))
        return ERROR_REFUSED;
    if (unlink(path) < 0)
        return refuse(why, why_size, name, strerror(errno));
    judgement_follow(path, NULL);
    return 0;
}

/* --- one from outside --- */

struct incoming {
    char folder[PATH_ROOM];
    char path[PATH_ROOM]; /* Of what has come so far: no name that is ever listed. */
    char name[RECORDING_NAME_MAX];
    uint64_t bytes;
    int fd;
};

struct incoming *incoming_new(const char *folder, const char *name, char *why, size_t why_size)
{
    if (!recording_name_ok(name)) {
        (void)refuse(why, why_size, name,
                     "is no name for a recording: letters, digits, '-', '_' and '.', with .orr at "
                     "its end");
        return NULL;
    }
    struct incoming *in = must_alloc(1, sizeof *in);
    (void)snprintf(in->name, sizeof in->name, "%s", name);
    int n = snprintf(in->folder, sizeof in->folder, "%s", folder);
    int m = snprintf(in->path, sizeof in->path, "%s/.incoming-XXXXXX", folder);
    bool fits = n > 0 && m > 0 && (size_t)m < sizeof in->path;
    in->fd = fits ? mkostemp(in->path, O_CLOEXEC) : -1;
    if (in->fd >= 0)
        return in;
    (void)refuse(why, why_size, name, fits ? strerror(errno) : "has a path that is too long");
    free(in);
    return NULL;
}

int incoming_part(struct incoming *in, struct bytes part, char *why, size_t why_size)
{
    if (part.len > RECORDING_INCOMING_MAX - in->bytes)
        return refuse(why, why_size, in->name,
                      "is larger than 512 MiB: 'orrery replay FILE --page' opens it where it lies");
    in->bytes += part.len;
    while (part.len > 0) {
        ssize_t n = write(in->fd, part.base, part.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return refuse(why, why_size, in->name, n < 0 ? strerror(errno) : "cannot be written");
        part = bytes_of(part.base + n, part.len - (size_t)n);
    }
    return 0;
}

/* "calm-otter.orr", "calm-otter-2.orr", ... */
static bool settle(struct incoming *in, char name[RECORDING_NAME_MAX])
{
    char path[PATH_ROOM];
    int stem = (int)strlen(in->name) - ENDING;
    for (int i = 1; i <= NAMES_TRIED; i++) {
        int n = i == 1 ? snprintf(name, RECORDING_NAME_MAX, "%s", in->name)
                       : snprintf(name, RECORDING_NAME_MAX, "%.*s-%d%s", stem, in->name, i, ending);
        if (n >= RECORDING_NAME_MAX || !path_of(in->folder, name, path, sizeof path))
            break;
        if (move(in->path, path))
            return true;
        if (errno != EEXIST)
            break;
    }
    return false;
}

int incoming_end(struct incoming *in, char name[RECORDING_NAME_MAX], char *why, size_t why_size)
{
    char sentence[WHY_SIZE] = "", torn[WHY_SIZE];
    struct reading *r = reading_open(in->path, torn, sentence, sizeof sentence);
    Orrery__RunInfo *run = r ? run_of(r) : NULL;
    bool ok = run != NULL;
    if (run)
        orrery__run_info__free_unpacked(run, NULL);
    if (r)
        reading_free(r);
    if (!ok) {
        char *what =
            r ? must_copy("it does not say which run it is of") : trouble_of(in->path, sentence);
        (void)snprintf(why, why_size, "%s: %s", in->name, what);
        free(what);
        return ERROR_MALFORMED;
    }
    if (!settle(in, name))
        return refuse(why, why_size, in->name, strerror(errno));
    in->path[0] = '\0';
    return 0;
}

void incoming_free(struct incoming *in)
{
    if (in->path[0])
        unlink(in->path);
    close(in->fd);
    free(in);
}
