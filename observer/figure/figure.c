#include "figure/figure.h"

#include "figure/inner.h"

#include <stdio.h>
#include <string.h>

static const struct figure figures[] = {
    {"backpropagation", "loss against steps, beside that of PyTorch", figure_backpropagation},
    {"heartbeat", "detection time against mistaken suspicions, for three detectors",
     figure_heartbeat},
    {"wal", "commits a second against group size, beside the disk's own syncs", figure_wal},
    {"rate-limiting", "what five limiters let pass in the worst window, as a share of the limit",
     figure_rate_limiting},
};

enum { FIGURES = sizeof figures / sizeof figures[0] };

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
                "  --simulated  leaves out what needs real processes\n\n"
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
