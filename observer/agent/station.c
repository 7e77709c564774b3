#include "agent/station_inside.h"

#include "base/check.h"
#include "base/errors.h"
#include "cluster/cluster.h"
#include "cluster/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { SWEEP_MS = 5, GRACE_MS = 3000, DISKS_KEPT_S = 7 * 24 * 3600 };

/* --- its disk --- */

/* What names it lies on it, and is locked: no two agents may have one. */
static bool open_disk(struct station *s, char *why, size_t why_size)
{
    char path[4096];
    const char *directory = s->options.directory;
    if (mkdir(directory, 0700) < 0 && errno != EEXIST) {
        snprintf(why, why_size, "cannot make %s: %s", directory, strerror(errno));
        return false;
    }
    snprintf(path, sizeof path, "%s/agent", directory);
    s->disk_lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (s->disk_lock < 0) {
        snprintf(why, why_size, "cannot write to %s: %s", directory, strerror(errno));
        return false;
    }
    if (flock(s->disk_lock, LOCK_EX | LOCK_NB) < 0) {
        snprintf(why, why_size, "another agent keeps its disks in %s: give --disk another folder",
                 directory);
        return false;
    }
    if (pread(s->disk_lock, s->disk, DISK_ID, 0) == DISK_ID)
        return true;
    randombytes_buf(s->disk, DISK_ID);
    if (pwrite(s->disk_lock, s->disk, DISK_ID, 0) == DISK_ID)
        return true;
    snprintf(why, why_size, "cannot write to %s: %s", path, strerror(errno));
    return false;
}

/* Disks of runs whose observer never said that they are over. */
static void clear_away(const struct station *s)
{
    char path[4096];
    struct stat st;
    DIR *folder = opendir(s->options.directory);
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) {
        lodger_folder(s, entry->d_name, path, sizeof path);
        if (entry->d_name[0] != '.' && lstat(path, &st) == 0 && S_ISDIR(st.st_mode) &&
            time(NULL) - st.st_mtime > DISKS_KEPT_S)
            folder_remove(path);
    }
    if (folder)
        closedir(folder);
}

/* --- its end --- */

static void close_all(struct station *s)
{
    s->closing = true;
    for (size_t i = 0; i < AGENT_PORTS; i++)
        post_close(&s->posts[i]);
    for (size_t i = 0; i < 3; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_close((uv_handle_t *)&s->sweep, NULL);
    uv_close((uv_handle_t *)&s->grace, NULL);
    family_close(&s->family, NULL, NULL);
}

void station_look(struct station *s)
{
    if (s->stopping && !s->closing && !lodgers_any(s))
        close_all(s);
}

static void grace_over(uv_timer_t *timer)
{
    struct station *s = timer->data;
    lodgers_quit(s, true);
    station_look(s);
}

static void on_signal(uv_signal_t *signal, int number)
{
    struct station *s = signal->data;
    (void)number;
    if (s->closing)
        return;
    if (!s->stopping) {
        s->stopping = true;
        lodgers_quit(s, false);
        CHECK(uv_timer_start(&s->grace, grace_over, GRACE_MS, GRACE_MS) == 0);
    } else {
        lodgers_quit(s, true);
    }
    station_look(s);
}

/* --- its life --- */

static void on_sweep(uv_timer_t *timer)
{
    lodgers_sweep(timer->data);
}

static void open_handles(struct station *s)
{
    static const int numbers[3] = {SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < 3; i++) {
        CHECK(uv_signal_init(&s->loop, &s->signals[i]) == 0);
        s->signals[i].data = s;
        CHECK(uv_signal_start(&s->signals[i], on_signal, numbers[i]) == 0);
    }
    family_open(&s->family, &s->loop);
    CHECK(uv_timer_init(&s->loop, &s->sweep) == 0);
    CHECK(uv_timer_init(&s->loop, &s->grace) == 0);
    s->sweep.data = s->grace.data = s;
    CHECK(uv_timer_start(&s->sweep, on_sweep, SWEEP_MS, SWEEP_MS) == 0);
    for (size_t i = 0; i < AGENT_PORTS; i++)
        if (s->options.observer.port + i <= UINT16_MAX)
            post_open(&s->posts[i], s, (uint16_t)(s->options.observer.port + i));
}

int station_run(const struct station_options *options, char *why, size_t why_size)
{
    static struct station station; /* Large, and there is one. */
    struct station *s = &station;
    s->options = *options;
    s->disk_lock = -1;
    if (!options->key.given && !endpoint_is_loopback(options->observer.host)) {
        snprintf(why, why_size,
                 "an observer at %.60s has a cluster key: give the same one (--key-file FILE, or "
                 "ORRERY_CLUSTER_KEY in the environment)",
                 options->observer.host);
        return ERROR_REFUSED;
    }
    CHECK(sodium_init() >= 0);
    s->program = cluster_node_program(why, why_size);
    if (!s->program || !open_disk(s, why, why_size)) {
        free(s->program);
        return ERROR_REFUSED;
    }
    clear_away(s);
    CHECK(uv_loop_init(&s->loop) == 0);
    open_handles(s);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    CHECK(uv_loop_close(&s->loop) == 0);
    buf_free(&s->scratch);
    buf_free(&s->batch);
    seal_wipe(&s->options.key, sizeof s->options.key);
    free(s->program);
    close(s->disk_lock);
    return 0;
}
