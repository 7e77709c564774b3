#include "cli/cli.h"
#include "cli/protocols.h"

#include "cluster/command.h"

#include <stdio.h>
#include <string.h>

static void verbs_list(void)
{
    printf("\nOn the running cluster:\n");
    for (size_t i = 0; i < command_verbs(); i++)
        printf("  %-11s %s\n", command_verb(i), command_summary(i));
}

static void print_flags(const struct opt *opts)
{
    for (const struct opt *o = opts; o && o->flag; o++) {
        char flag[60];
        snprintf(flag, sizeof flag, "%s%s%s", o->flag, o->place ? " " : "",
                 o->place ? o->place : "");
        printf("  %-26s %s\n", flag, o->help);
    }
}

void help_all(void)
{
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    const char *group = "";
    printf("orrery: starts real processes, lets you break them, and shows what happens.\n\n"
           "  orrery                 the observer and its page, in the browser\n"
           "  orrery --terminal      a heartbeat cluster, with its timeline on this terminal\n"
           "  orrery kill n2         then, in another terminal: see who notices, and when\n");
    for (size_t i = 0; i < n; i++) {
        if (strcmp(group, commands[i].group) != 0) {
            if (strcmp(group, "Start") == 0)
                verbs_list();
            group = commands[i].group;
            printf("\n%s:\n", group);
        }
        printf("  %-11s %s\n", commands[i].name, commands[i].summary);
    }
    printf("\nFlags of the observer itself:\n");
    print_flags(open_opts);
    printf("\n'orrery COMMAND --help' says more of one. --run NAME picks a run when several are "
           "on.\n");
}

static void print_examples(const char *examples)
{
    if (!examples || !*examples)
        return;
    printf("\nExamples:\n");
    while (*examples) {
        size_t n = strcspn(examples, "\n");
        printf("  orrery %.*s\n", (int)n, examples);
        examples += n + (examples[n] == '\n');
    }
}

void help_command(const struct cli_command *c)
{
    printf("orrery %s%s%s\n\n%s\n", c->name, *c->usage ? " " : "", c->usage, c->summary);
    if (c->opts && c->opts->flag)
        printf("\nFlags:\n");
    print_flags(c->opts);
    print_examples(c->examples);
}

bool help_verb(const char *verb)
{
    struct buf usage = {0};
    for (size_t i = 0; i < command_verbs(); i++) {
        if (strcmp(command_verb(i), verb) != 0)
            continue;
        const char *help, *flag, *example;
        printf("orrery %s %s\n\n%s\n\nFlags:\n", verb, command_usage(i, &usage),
               command_summary(i));
        for (size_t k = 0; (flag = command_flag(i, k, &help)); k++)
            printf("  %-26s %s\n", flag, help);
        printf("  %-26s %s\n", "--run NAME", "which run, when several are on");
        printf("  %-26s %s\n", "--json", "the outcome as JSON");
        printf("\nExamples:\n");
        for (size_t k = 0; (example = command_example(i, k)); k++)
            printf("  orrery %s\n", example);
        buf_free(&usage);
        return true;
    }
    return false;
}

int help_main(const struct cli_command *c, int argc, char **argv)
{
    (void)c;
    if (argc < 2) {
        help_all();
        return EXIT_DONE;
    }
    const struct cli_command *about = cli_find(argv[1]);
    if (about)
        help_command(about);
    else if (!help_verb(argv[1]))
        return cli_fail(EXIT_BAD_USAGE, "there is no command '%.60s'", argv[1]);
    if (about && strcmp(argv[1], "sandbox") == 0) {
        printf("\nProtocols:\n");
        protocols_print(NULL);
    }
    return EXIT_DONE;
}
