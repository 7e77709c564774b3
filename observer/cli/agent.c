/* orrery agent: on another host or in a container, runs the nodes of an observer. */
#include "agent/init.h"
#include "agent/station.h"
#include "cli/agents.h"
#include "cli/cli.h"
#include "session/paths.h"

#include <stdio.h>
#include <string.h>

static struct {
    const char *observer, *disk, *address;
    struct agents_given agents;
} given;

const struct opt agent_opts[] = {
    {"--observer", OPT_TEXT, &given.observer, "HOST:PORT", "where the observer listens for agents"},
    KEY_OPT(given.agents),
    {"--disk", OPT_TEXT, &given.disk, "FOLDER",
     "for its nodes' disks; the same folder is the same agent (in the state folder)"},
    {"--address", OPT_TEXT, &given.address, "ADDRESS",
     "at which its nodes listen (that by which it reaches the observer)"},
    {NULL, 0, NULL, NULL, NULL},
};

static bool choose_disk(char *into, size_t size, char *why, size_t why_size)
{
    struct paths paths;
    if (!given.disk && !paths_make(&paths, why, why_size))
        return false;
    int n = given.disk ? snprintf(into, size, "%s", given.disk)
                       : snprintf(into, size, "%s/agent", paths.state);
    if (n > 0 && (size_t)n < size)
        return true;
    snprintf(why, why_size, "the path of the disks is too long");
    return false;
}

int agent_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    struct station_options options = {.address = NULL};
    char why[600], disk[3500];
    if (!options_parse(agent_opts, argc, argv, 0, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (!given.observer)
        return cli_bad_usage(c, "agent needs an observer: 'orrery agent --observer HOST:PORT'");
    if (!endpoint_read(given.observer, AGENT_PORT, &options.observer))
        return cli_fail(EXIT_BAD_USAGE, "--observer takes HOST:PORT, not '%.60s'", given.observer);
    init_if_first();
    if (!choose_disk(disk, sizeof disk, why, sizeof why) ||
        !agents_key(given.agents.key_file, &options.key, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    options.directory = disk;
    options.address = given.address;
    int error = station_run(&options, why, sizeof why);
    return error < 0 ? cli_fail(EXIT_BAD_USAGE, "%s", why) : EXIT_DONE;
}
