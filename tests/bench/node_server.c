/* Nodes for a benchmark, all of one protocol: prints the client port and the process of each, a
 * line for a node, runs them until its own stdin ends, and takes their events out of the rings as
 * an agent would. A node that somebody else kills stays dead.
 *   node_server PROTOCOL NODES LEVEL FOLDER [KEY=VALUE ...]
 * with LEVEL full, summary or off: how much they tell. */
#include "life.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/wait.h>

enum { NODES_MAX = 9, FOLDER_MAX = 4000 };

static bool level_of(const char *name, Orrery__Level *level)
{
    static const char *const names[] = {"full", "summary", "off"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *level = (Orrery__Level)i;
            return true;
        }
    return false;
}

static bool begin_all(struct life *lives, uint32_t n, const struct life_plan *like,
                      const char *folder)
{
    char path[NODES_MAX][FOLDER_MAX + 16];
    for (uint32_t i = 0; i < n; i++) {
        struct life_plan plan = *like;
        plan.node = i + 1;
        if (getrandom(&plan.seed, sizeof plan.seed, 0) != sizeof plan.seed)
            perror("no seed");
        plan.directory = path[i];
        snprintf(path[i], sizeof path[i], "%s/n%u", folder, i + 1);
        if (mkdir(path[i], 0700) < 0)
            perror(path[i]);
        life_begin(&lives[i], &plan);
        lives[i].keep = false;
    }
    for (uint32_t i = 0; i < n; i++)
        if (!life_ready(&lives[i])) {
            fprintf(stderr, "n%u: %s\n", i + 1, lives[i].why);
            return false;
        }
    life_introduce(lives, n);
    return true;
}

static int end_all(struct life *lives, uint32_t n)
{
    int failed = 0;
    for (uint32_t i = 0; i < n; i++)
        life_quit(&lives[i]);
    for (uint32_t i = 0; i < n; i++) {
        int status = life_wait(&lives[i]);
        bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        uint64_t lost = ring_lost(&lives[i].ring);
        if (lost > 0)
            fprintf(stderr, "events lost by n%u: %llu\n", i + 1, (unsigned long long)lost);
        if (status != 0 && !killed) {
            fprintf(stderr, "n%u failed: %s\n", i + 1, life_words(&lives[i]));
            failed = 1;
        }
        life_end(&lives[i]);
    }
    return failed;
}

int main(int argc, char **argv)
{
    struct life lives[NODES_MAX] = {0};
    struct life_plan plan = {.ring_bytes = 16 << 20};
    uint32_t n = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 0;
    if (argc < 5 || argc - 5 >= LIFE_SETTINGS_MAX || n < 1 || n > NODES_MAX ||
        !level_of(argv[3], &plan.level) || strlen(argv[4]) > FOLDER_MAX) {
        fputs("usage: node_server PROTOCOL NODES full|summary|off FOLDER [KEY=VALUE ...]\n",
              stderr);
        return 2;
    }
    plan.protocol = argv[1];
    plan.nodes = n;
    for (int i = 5; i < argc; i++)
        plan.settings[i - 5] = argv[i];
    if (!begin_all(lives, n, &plan, argv[4])) {
        for (uint32_t i = 0; i < n; i++)
            life_end(&lives[i]);
        return 1;
    }
    for (uint32_t i = 0; i < n; i++)
        printf("%u %d\n", lives[i].client_port, (int)lives[i].pid);
    fflush(stdout);
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&p, 1, 5) == 0)
        for (uint32_t i = 0; i < n; i++)
            life_read(&lives[i]);
    return end_all(lives, n);
}
