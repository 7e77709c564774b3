#include "figure/figure.h"

#include "figure/inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct figure figures[] = {
    {"backpropagation", "loss against steps, beside that of PyTorch", figure_backpropagation},
    {"heartbeat", "detection time against mistaken suspicions, for three detectors",
     figure_heartbeat},
    {"raft", "how long a crashed leader is missed, over the spread of election time-outs",
     figure_raft},
    {"wal", "commits a second against group size, beside the disk's own syncs", figure_wal},
    {"rate-limiting", "what five limiters let pass in the worst window, as a share of the limit",
     figure_rate_limiting},
};

enum { FIGURES = sizeof figures / sizeof figures[0], TRIALS_MAX = 1000 };

static void usage(FILE *to)
{
    (void)fputs(
        "usage: orrery figure NAME [--json] [--svg FILE]\n\n"
        "Measures a figure again, beside what it should be. Exit code 0: within tolerance; 1:\n"
        "outside; 2: it could not be measured.\n\n",
        to);
    for (int i = 0; i < FIGURES; i++)
        (void)fprintf(to, "  %-15s %s\n", figures[i].name, figures[i].summary);
    (void)fputs("\n  --svg FILE   draws it\n  --json       the table as JSON\n"
                "  --simulated  leaves out what needs real processes\n"
                "  --trials N   fewer than it wants, where it is made of trials (raft)\n\n"
                "example:\n  orrery figure heartbeat --svg heartbeat.svg\n",
                to);
}

int figure_command(int argc, char **argv)
{
    struct figure_options options = {0};
    const char *name = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0) {
            options.json = true;
        } else if (strcmp(argv[i], "--simulated") == 0) {
            options.simulated = true;
        } else if (strcmp(argv[i], "--trials") == 0 && i + 1 < argc) {
            char *end;
            unsigned long n = strtoul(argv[++i], &end, 10);
            if (*end || n < 1 || n > TRIALS_MAX) {
                (void)fprintf(stderr, "orrery: --trials wants a number from 1 to %d\n", TRIALS_MAX);
                return 2;
            }
            options.trials = (uint32_t)n;
        } else if (strcmp(argv[i], "--svg") == 0 && i + 1 < argc) {
            options.svg = argv[++i];
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            usage(stdout);
            return 0;
        } else if (argv[i][0] == '-' || name) {
            usage(stderr);
            return 2;
        } else {
            name = argv[i];
        }
    }
    for (int i = 0; name && i < FIGURES; i++)
        if (strcmp(figures[i].name, name) == 0)
            return figures[i].run(&options);
    if (name)
        (void)fprintf(stderr, "orrery: there is no figure called %s\n", name);
    usage(stderr);
    return 2;
}
