#include "core/listing.h"
#include "runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { EXIT_USAGE = 2 };

enum {
    OPTION_CONTROL = 256,
    OPTION_RING,
    OPTION_LEDGER,
    OPTION_PARENT,
    OPTION_LIST,
    OPTION_HELP,
    OPTION_VERSION
};

static const struct option long_options[] = {
    {"control", required_argument, NULL, OPTION_CONTROL},
    {"ring", required_argument, NULL, OPTION_RING},
    {"ledger", required_argument, NULL, OPTION_LEDGER},
    {"parent", required_argument, NULL, OPTION_PARENT},
    {"list", no_argument, NULL, OPTION_LIST},
    {"help", no_argument, NULL, OPTION_HELP},
    {"version", no_argument, NULL, OPTION_VERSION},
    {0},
};

static const char about[] =
    "orrery-node is one process of a cluster, and is started by orrery: try \"orrery sandbox "
    "heartbeat\".\n";

static const char usage[] =
    "\n"
    "By hand:\n"
    "  orrery-node --list         the protocols that it can run\n"
    "  orrery-node --list NAME    settings of one, with their defaults, and its flaws\n"
    "  orrery-node --version\n"
    "\n"
    "By its agent, with descriptors that it inherits:\n"
    "  --control FD   stream socket to the agent\n"
    "  --ring FD      shared memory for its events\n"
    "  --ledger FD    shared memory for what it has written and not yet synced\n"
    "  --parent PID   the agent; the node ends when the agent does\n";

struct arguments {
    struct runtime_options runtime;
    long parent;
};

/* A number from 0 up, or -1. */
static long number_of(const char *text)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    return errno == 0 && *text && !*end && number >= 0 ? number : -1;
}

static int descriptor_of(const char *text)
{
    long number = number_of(text);
    int fd = number >= 0 && number < 1 << 20 ? (int)number : -1;
    return fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 ? fd : -1;
}

static int list(const char *name)
{
    if (!name) {
        listing_protocols(stdout);
        return 0;
    }
    if (listing_protocol(stdout, name))
        return 0;
    fprintf(stderr, "There is no protocol \"%s\"; orrery-node --list shows those there are.\n",
            name);
    return EXIT_USAGE;
}

static int refuse(const char *sentence)
{
    fprintf(stderr, "%sSee orrery-node --help.\n", sentence);
    return EXIT_USAGE;
}

/* The kernel kills us when the agent ends, however it ends; unless it already has. */
static bool die_with_parent(long parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == (pid_t)parent;
}

static int run(const struct arguments *a)
{
    if (a->runtime.control_fd < 0 || a->runtime.ring_fd < 0 || a->runtime.ledger_fd < 0 ||
        a->parent < 0)
        return refuse(about);
    if (!die_with_parent(a->parent))
        return refuse("The agent that started this node is gone.\n");
    return runtime_run(&a->runtime);
}

int main(int argc, char **argv)
{
    struct arguments a = {{-1, -1, -1}, -1};
    bool listing = false;
    int option;
    while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        switch (option) {
        case OPTION_CONTROL:
            a.runtime.control_fd = descriptor_of(optarg);
            break;
        case OPTION_RING:
            a.runtime.ring_fd = descriptor_of(optarg);
            break;
        case OPTION_LEDGER:
            a.runtime.ledger_fd = descriptor_of(optarg);
            break;
        case OPTION_PARENT:
            a.parent = number_of(optarg);
            break;
        case OPTION_LIST:
            listing = true;
            break;
        case OPTION_HELP:
            printf("%s%s", about, usage);
            return 0;
        case OPTION_VERSION:
            printf("orrery-node %s\n", ORRERY_VERSION);
            return 0;
        default:
            return refuse("");
        }
    }
    if (listing)
        return list(argv[optind]);
    return run(&a); /* A word besides is the node's name, to be seen in `ps`. */
}
