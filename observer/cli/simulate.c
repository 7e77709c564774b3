/* The commands of other rooms, which read their flags themselves; here they are named for help and
 * completion. */
#include "check/check.h"
#include "cli/cli.h"
#include "figure/figure.h"
#include "sim/sim.h"

const struct opt sim_opts[] = {
    {"--seeds", OPT_WHOLE, NULL, "N", "so many seeds"},
    {"--from", OPT_WHOLE, NULL, "S", "the first of them (1)"},
    {"--seed", OPT_WHOLE, NULL, "S", "this one alone; prints the hash of its events"},
    {"--nodes", OPT_WHOLE, NULL, "N", "nodes of the cluster (drawn)"},
    {"--set", OPT_LIST, NULL, "KEY=VALUE", "a setting of the protocol (drawn)"},
    {"--flaw", OPT_LIST, NULL, "FLAW", "switches a flaw on"},
    {"--record", OPT_TEXT, NULL, "FILE", "records the one seed, or the first that fails"},
    {"--shrink", OPT_FLAG, NULL, NULL, "takes faults out of a failing seed while it still fails"},
    {"--jobs", OPT_WHOLE, NULL, "N", "processes"},
    {"--verbose", OPT_FLAG, NULL, NULL, "what was drawn, and what the checkers say"},
    {"--json", OPT_FLAG, NULL, NULL, "the result as JSON"},
    {NULL, 0, NULL, NULL, NULL}};

const struct opt check_opts[] = {
    {"--consistency", OPT_TEXT, NULL, "NAME", "linearizable, sequential, read-your-writes ..."},
    {"--model", OPT_TEXT, NULL, "NAME", "register, cas, kv or queue: what a history must be of"},
    {"--seconds", OPT_DECIMAL, NULL, "N", "how long each search may take (60)"},
    {"--json", OPT_FLAG, NULL, NULL, "the findings as JSON"},
    {NULL, 0, NULL, NULL, NULL}};

const struct opt figure_opts[] = {
    {"--svg", OPT_TEXT, NULL, "FILE", "draws it"},
    {"--json", OPT_FLAG, NULL, NULL, "the table as JSON"},
    {"--simulated", OPT_FLAG, NULL, NULL, "leaves out what needs real processes"},
    {NULL, 0, NULL, NULL, NULL}};

int sim_main(const struct cli_command *c, int argc, char **argv)
{
    (void)c;
    return sim_command(argc, argv);
}

int check_main(const struct cli_command *c, int argc, char **argv)
{
    (void)c;
    return check_command(argc, argv);
}

int figure_main(const struct cli_command *c, int argc, char **argv)
{
    (void)c;
    return figure_command(argc, argv);
}
