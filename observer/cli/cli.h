/* The command line: one table of commands, one of verbs (cluster/command.h). */
#ifndef ORRERY_CLI_CLI_H
#define ORRERY_CLI_CLI_H

#include "cli/options.h"

enum { EXIT_DONE = 0, EXIT_RUN_FAILED = 1, EXIT_BAD_USAGE = 2, EXIT_UNKNOWN = 3 };

struct cli_command {
    const char *name;
    const char *group; /* Heading in `orrery --help`. */
    const char *usage; /* What follows the name. */
    const char *summary;
    const char *examples; /* Lines. */
    const struct opt *opts;
    int (*run)(const struct cli_command *c, int argc, char **argv);
    bool own_help; /* Reads --help itself. */
};

const struct cli_command *cli_commands(size_t *n);
const struct cli_command *cli_find(const char *name); /* NULL when there is none. */
int cli_main(int argc, char **argv);

/* Says it on stderr, "orrery: ...", and returns the code. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
int cli_bad_usage(const struct cli_command *c, const char *why);
/* What is no file here may be one of the state folder's: its path, or the word as it is. */
const char *cli_recording(const char *word);
bool cli_flush(void); /* False when nobody reads our output any more. */

/* help.c */
void help_all(void);
void help_command(const struct cli_command *c);
bool help_verb(const char *verb);

/* act.c */
int act_main(int argc, char **argv); /* kill n2 and its like */

/* open.c */
int open_main(int argc, char **argv); /* orrery [FLAGS], with no command */
extern const struct opt open_opts[];

/* The entries of the table. */
extern const struct opt agent_opts[];
extern const struct opt labs_opts[], run_opts[];
extern const struct opt sandbox_opts[], status_opts[], show_opts[], timeline_opts[], log_opts[],
    runs_opts[], replay_opts[], fork_opts[], recordings_opts[], export_opts[], gallery_opts[],
    end_opts[], no_opts[], sim_opts[], check_opts[], figure_opts[];
int agent_main(const struct cli_command *c, int argc, char **argv);
int labs_main(const struct cli_command *c, int argc, char **argv);
int run_main(const struct cli_command *c, int argc, char **argv);
int sandbox_main(const struct cli_command *c, int argc, char **argv);
int status_main(const struct cli_command *c, int argc, char **argv);
int show_main(const struct cli_command *c, int argc, char **argv);
int timeline_main(const struct cli_command *c, int argc, char **argv);
int log_main(const struct cli_command *c, int argc, char **argv);
int runs_main(const struct cli_command *c, int argc, char **argv);
int recordings_main(const struct cli_command *c, int argc, char **argv);
int replay_main(const struct cli_command *c, int argc, char **argv);
int fork_main(const struct cli_command *c, int argc, char **argv);
int export_main(const struct cli_command *c, int argc, char **argv);
int gallery_main(const struct cli_command *c, int argc, char **argv);
int sim_main(const struct cli_command *c, int argc, char **argv);
int check_main(const struct cli_command *c, int argc, char **argv);
int figure_main(const struct cli_command *c, int argc, char **argv);
int end_main(const struct cli_command *c, int argc, char **argv);
int completion_main(const struct cli_command *c, int argc, char **argv);
int help_main(const struct cli_command *c, int argc, char **argv);

#endif
