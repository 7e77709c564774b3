#include "cli/cli.h"

#include "cluster/command.h"
#include "cluster/units.h"

#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const struct opt no_opts[] = {{NULL, 0, NULL, NULL, NULL}};

static const struct cli_command commands[] = {
    {"labs", "Start", "[--json] | check FILE",
     "the explainers there are; or whether a lab's file is right",
     "labs\nlabs --json\nlabs check labs/heartbeat/lab.yaml", labs_opts, labs_main, false},
    {"run", "Start", "NAME [--headless] [FLAGS]",
     "plays an explainer: its walk, its questions, and what is measured",
     "run heartbeat\nrun wal --sim --seed 7\nrun heartbeat --headless\n"
     "run wal --headless --flaw ack-before-sync",
     run_opts, run_main, false},
    {"sandbox", "Start", "PROTOCOL [--nodes N] [FLAGS]",
     "a cluster with no script, and its timeline on this terminal",
     "sandbox heartbeat --nodes 5\nsandbox kv\n"
     "sandbox heartbeat --nodes 8 --set detector=phi-accrual --pace 0.2\n"
     "sandbox heartbeat --sim --seed 7",
     sandbox_opts, sandbox_main, true},
    {"status", "Look", "", "what runs: nodes, ports, faults, and what nodes hold of each other",
     "status\nstatus --json", status_opts, status_main, false},
    {"timeline", "Look", "[--follow] [FLAGS]", "who told whom what, and when",
     "timeline --follow\ntimeline --follow --json\n"
     "timeline --from 1 --pattern 'heartbeat.Opinion suspected=true'",
     timeline_opts, timeline_main, false},
    {"show", "Look", "EVENT [--causes]", "one event with all its fields, and what led to it",
     "show e1323\nshow e1323 --causes", show_opts, show_main, false},
    {"log", "Look", "NODE [--follow]", "what a node said on its stderr", "log n2\nlog n2 --follow",
     log_opts, log_main, false},
    {"runs", "Look", "", "the runs that are on", "runs\nruns --json", runs_opts, runs_main, false},
    {"end", "Look", "", "ends a run, as Ctrl-C in its terminal does", "end\nend --run calm-otter",
     end_opts, end_main, false},
    {"recordings", "Recordings", "[--json] | add FILE | rename NAME TO | delete NAME",
     "those in the state folder; takes one in, renames or deletes one",
     "recordings\nrecordings --json\nrecordings add ~/Downloads/calm-otter.orr\n"
     "recordings rename calm-otter.orr two-leaders.orr\nrecordings delete two-leaders.orr",
     recordings_opts, recordings_main, false},
    {"replay", "Recordings", "FILE [--page | --rerun NODE [--to EVENT]]",
     "a recording on this terminal; or executes one of its nodes again",
     "replay calm-otter.orr\nreplay calm-otter.orr --page\nreplay calm-otter.orr --rerun n2 --to "
     "e1323",
     replay_opts, replay_main, false},
    {"fork", "Recordings", "FILE|RUN --at EVENT|TIME [--act COMMAND] [FLAGS]",
     "a simulated run once more up to an instant, and from there another future beside it",
     "fork calm-otter.orr --at e1323 --act 'kill n2'\nfork calm-otter --at 2.5s\n"
     "fork calm-otter.orr --at 2.5s --act 'cut n1/n2,n3' --headless --for 5s",
     fork_opts, fork_main, false},
    {"check", "Recordings", "FILE [--consistency NAME] [--json]",
     "judges a recording or a history: exits 0 when proven, 1 when refuted, 3 when unknown",
     "check calm-otter.orr\ncheck history.edn\ncheck calm-otter.orr --consistency sequential",
     check_opts, check_main, true},
    {"export", "Recordings", "FILE --to html|shiviz|perfetto|jepsen -o OUT",
     "a recording as one page that needs no observer, or for other people's viewers and checkers",
     "export calm-otter.orr --to html -o calm-otter.html\n"
     "export calm-otter.orr --to perfetto -o calm-otter.pftrace\n"
     "export calm-otter.orr --to jepsen -o calm-otter.edn\n"
     "export calm-otter.orr --to shiviz -o calm-otter.log --from e1000 --until e2000",
     export_opts, export_main, false},
    {"gallery", "Recordings", "DIR [FILE...] [FLAGS]",
     "pages of every lab's walkthrough, or of recordings, and an index: for any web server",
     "gallery site\ngallery site calm-otter.orr --force", gallery_opts, gallery_main, false},
    {"sim", "Simulate", "PROTOCOL --seeds N | --seed S [FLAGS]",
     "many simulated clusters with faults, each judged; or one of them",
     "sim heartbeat --seeds 500", sim_opts, sim_main, true},
    {"figure", "Simulate", "NAME [--json] [--svg FILE]",
     "measures a figure again, beside what it should be",
     "figure heartbeat\nfigure wal --svg wal.svg", figure_opts, figure_main, true},
    {"agent", "Elsewhere", "--observer HOST:PORT [FLAGS]",
     "on another host or in a container: runs the nodes of an observer that listens for agents",
     "agent --observer 10.0.0.1:7500 --key-file cluster.key\n"
     "run heartbeat --agents 10.0.0.1:7500 --key-file cluster.key",
     agent_opts, agent_main, false},
    {"completion", "More", "bash|zsh|fish", "completion for a shell",
     "completion bash > ~/.local/share/bash-completion/completions/orrery", no_opts,
     completion_main, false},
    {"help", "More", "[COMMAND]", "this, or what a command does", "help kill", no_opts, help_main,
     false},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

const struct cli_command *cli_commands(size_t *n)
{
    *n = COMMANDS;
    return commands;
}

const struct cli_command *cli_find(const char *name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

int cli_fail(int code, const char *format, ...)
{
    char sentence[1500], clean[1500];
    va_list args;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    text_clean(clean, sizeof clean, bytes_str(sentence));
    fflush(stdout);
    fprintf(stderr, "orrery: %s\n", clean);
    return code;
}

int cli_bad_usage(const struct cli_command *c, const char *why)
{
    (void)c;
    return cli_fail(EXIT_BAD_USAGE, "%s", why);
}

bool cli_flush(void)
{
    return fflush(stdout) == 0 && !ferror(stdout);
}

/* The failed write may have been an earlier one, whose errno is long forgotten. */
static bool reader_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO, .events = POLLOUT};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

static int unknown(const char *word)
{
    const char *names[128];
    size_t n = 0;
    for (size_t i = 0; i < COMMANDS; i++)
        names[n++] = commands[i].name;
    for (size_t i = 0; i < command_verbs() && n < 128; i++)
        names[n++] = command_verb(i);
    const char *near = nearest_word(word, names, n);
    if (near)
        return cli_fail(EXIT_BAD_USAGE, "there is no command '%.60s': did you mean %s?", word,
                        near);
    return cli_fail(EXIT_BAD_USAGE,
                    "there is no command '%.60s': 'orrery --help' shows those there are", word);
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    return false;
}

static int dispatch(int argc, char **argv)
{
    const struct cli_command *c = cli_find(argv[0]);
    if (!c)
        return command_is_verb(argv[0]) ? act_main(argc, argv) : unknown(argv[0]);
    if (wants_help(argc, argv) && !c->own_help) {
        help_command(c);
        return EXIT_DONE;
    }
    return c->run(c, argc, argv);
}

int cli_main(int argc, char **argv)
{
    static char orrery[] = "orrery";
    static char *alone[] = {orrery, NULL};
    setlocale(LC_ALL, "");
    setlocale(LC_NUMERIC, "C");
    signal(SIGPIPE, SIG_IGN); /* Whoever stops reading is told of by the write. */
    int code;
    if (argc < 2) {
        code = open_main(1, alone);
    } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help_all();
        code = EXIT_DONE;
    } else if (strcmp(argv[1], "--version") == 0) {
        printf("orrery %s\n", ORRERY_VERSION);
        code = EXIT_DONE;
    } else if (strncmp(argv[1], "--", 2) == 0) {
        argv[0] = orrery;
        code = open_main(argc, argv);
    } else {
        code = dispatch(argc - 1, argv + 1);
    }
    errno = 0;
    if (!cli_flush() && errno != EPIPE && !reader_gone() && code == EXIT_DONE)
        code = cli_fail(EXIT_RUN_FAILED, "cannot write the output: %s", strerror(errno));
    return code;
}
