/* A newcomer at a real terminal: starts the sandbox, kills n2 with a key, reads who noticed, makes
 * the window larger, quits; and nothing is left behind. tmux is the terminal. What is waited for is
 * the screen: each change of it wakes us. */
#include "unit/unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 60000, SCREEN_MAX = 1 << 16 };

struct desk {
    char folder[64];
    int output; /* Becomes readable when the program writes to its terminal. */
    char screen[SCREEN_MAX];
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Runs tmux with these words; what it says goes to d->screen. Its exit code. */
static int tmux(struct desk *d, const char *words)
{
    char line[2000];
    snprintf(line, sizeof line, "tmux -u -S %s/tmux %s 2>&1", d->folder, words);
    FILE *f = popen(line, "r");
    assert_non_null(f);
    size_t n = fread(d->screen, 1, sizeof d->screen - 1, f);
    d->screen[n] = 0;
    return pclose(f);
}

static void drain(struct desk *d)
{
    char some[4096];
    while (read(d->output, some, sizeof some) > 0)
        continue;
}

/* Waits until the screen shows the text. */
static void wait_for(struct desk *d, const char *text)
{
    int64_t end = now_ms() + DEADLINE_MS;
    for (;;) {
        drain(d);
        tmux(d, "capture-pane -p");
        if (strstr(d->screen, text))
            return;
        struct pollfd p = {.fd = d->output, .events = POLLIN};
        int64_t left = end - now_ms();
        /* The program draws while it runs: silence for ten seconds is an end, too. */
        if (left <= 0 || poll(&p, 1, left < 10000 ? (int)left : 10000) <= 0)
            fail_msg("the screen never showed '%s'; it is now:\n%s", text, d->screen);
    }
}

/* Processes of ours: those that have our folder in their environment, and one of the two names. */
static int left_behind(const struct desk *d)
{
    DIR *all = opendir("/proc");
    int found = 0;
    assert_non_null(all);
    for (struct dirent *e; (e = readdir(all)) != NULL;) {
        char path[300], text[SCREEN_MAX];
        snprintf(path, sizeof path, "/proc/%s/environ", e->d_name);
        FILE *f = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "r") : NULL;
        if (!f)
            continue;
        size_t n = fread(text, 1, sizeof text, f);
        fclose(f);
        bool ours = memmem(text, n, d->folder, strlen(d->folder)) != NULL;
        snprintf(path, sizeof path, "/proc/%s/comm", e->d_name);
        f = ours ? fopen(path, "r") : NULL;
        if (!f)
            continue;
        found += fgets(text, sizeof text, f) && strncmp(text, "orrery", 6) == 0;
        fclose(f);
    }
    closedir(all);
    return found;
}

static bool sit_down(struct desk *d)
{
    char line[1500], fifo[100];
    memset(d, 0, sizeof *d);
    snprintf(d->folder, sizeof d->folder, "/tmp/orrery-desk-XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    if (tmux(d, "-V") != 0) {
        rmdir(d->folder);
        return false;
    }
    snprintf(fifo, sizeof fifo, "%s/output", d->folder);
    assert_int_equal(mkfifo(fifo, 0600), 0);
    d->output = open(fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    assert_true(d->output >= 0);
    snprintf(line, sizeof line,
             "-f /dev/null new-session -d -x 80 -y 24 'LC_ALL=C.UTF-8 XDG_RUNTIME_DIR=%s "
             "XDG_STATE_HOME=%s %s sandbox heartbeat --nodes 3; echo ended with $?; exec cat' "
             "\\; pipe-pane 'cat >%s'",
             d->folder, d->folder, ORRERY, fifo);
    assert_int_equal(tmux(d, line), 0);
    return true;
}

static void get_up(struct desk *d)
{
    char line[200];
    tmux(d, "kill-server");
    close(d->output);
    snprintf(line, sizeof line, "rm -rf %s", d->folder);
    assert_int_equal(system(line), 0);
}

static void kills_and_reads(void **state)
{
    struct desk d;
    (void)state;
    if (!sit_down(&d)) {
        print_message("tmux is missing: this test needs it, and is skipped\n");
        skip();
    }
    wait_for(&d, "3 of 3 alive");
    wait_for(&d, "received in"); /* Beats go round. */
    wait_for(&d, "Press 2 and then k");
    assert_int_equal(left_behind(&d), 4);
    tmux(&d, "send-keys 2 k");
    wait_for(&d, "kill n2");
    wait_for(&d, "2 of 3 alive");
    wait_for(&d, "suspect n2");
    assert_non_null(strstr(d.screen, "after"));
    wait_for(&d, "n2 killed at");
    wait_for(&d, "suspected by n");
    tmux(&d, "resize-window -x 200 -y 40"); /* So wide that no sentence is broken. */
    wait_for(&d, "event    you");           /* Event numbers have a column now. */
    wait_for(&d, "last heard e");
    tmux(&d, "send-keys '/' 'suspect n2' Enter");
    wait_for(&d, "behind live");
    wait_for(&d, "because of e");
    tmux(&d, "send-keys c");
    wait_for(&d, "events led to it");
    tmux(&d, "send-keys Escape Escape r");
    wait_for(&d, "n2 runs again: life 2");
    wait_for(&d, "trusted again by");
    tmux(&d, "send-keys q");
    wait_for(&d, "ended with 0");
    assert_int_equal(left_behind(&d), 0);
    get_up(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kills_and_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
