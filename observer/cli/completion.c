/* Completion for shells, printed from the same tables that parse and help. */
#include "cli/cli.h"

#include "cluster/command.h"

#include <stdio.h>
#include <string.h>

static void print_words(const char *between)
{
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    for (size_t i = 0; i < n; i++)
        printf("%s%s", i ? between : "", commands[i].name);
    for (size_t i = 0; i < command_verbs(); i++)
        printf("%s%s", between, command_verb(i));
}

static void print_open_flags(void)
{
    for (const struct opt *o = open_opts; o->flag; o++)
        printf(" %s", o->flag);
    printf(" --help");
}

static void bash_case(const char *name, const struct opt *opts, size_t verb)
{
    const char *flag, *help;
    printf("        %s) words=\"", name);
    for (const struct opt *o = opts; o && o->flag; o++)
        printf("%s ", o->flag);
    for (size_t k = 0; !opts && (flag = command_flag(verb, k, &help)); k++)
        printf("%s ", flag);
    printf(opts ? "--help\" ;;\n" : "--run --json --help\" ;;\n");
}

static void bash(void)
{
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    printf("_orrery() {\n    local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
           "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n        words=\"");
    print_words(" ");
    print_open_flags();
    printf("\"\n    else\n        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < n; i++)
        bash_case(commands[i].name, commands[i].opts, 0);
    for (size_t i = 0; i < command_verbs(); i++)
        bash_case(command_verb(i), NULL, i);
    printf("        esac\n    fi\n    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
           "    [ \"${#COMPREPLY[@]}\" -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
           "complete -o filenames -F _orrery orrery\n");
}

static void zsh_line(const char *name, const char *summary)
{
    printf("        '%s:", name);
    for (; *summary; summary++)
        if (*summary == '\'')
            printf("'\\''");
        else
            putchar(*summary);
    printf("'\n");
}

static void zsh(void)
{
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    printf("#compdef orrery\n_orrery() {\n    local -a commands flags\n    commands=(\n");
    for (size_t i = 0; i < n; i++)
        zsh_line(commands[i].name, commands[i].summary);
    for (size_t i = 0; i < command_verbs(); i++)
        zsh_line(command_verb(i), command_summary(i));
    printf("    )\n    if (( CURRENT == 2 )); then\n        _describe command commands\n"
           "        compadd --");
    print_open_flags();
    printf("\n        return\n    fi\n    case $words[2] in\n");
    for (size_t i = 0; i < n; i++) {
        printf("        %s) flags=(", commands[i].name);
        for (const struct opt *o = commands[i].opts; o && o->flag; o++)
            printf("%s ", o->flag);
        printf("--help) ;;\n");
    }
    for (size_t i = 0; i < command_verbs(); i++) {
        const char *flag, *help;
        printf("        %s) flags=(", command_verb(i));
        for (size_t k = 0; (flag = command_flag(i, k, &help)); k++)
            printf("%s ", flag);
        printf("--run --json --help) ;;\n");
    }
    printf("    esac\n    compadd -- $flags\n    _files\n}\n_orrery \"$@\"\n");
}

static void fish_text(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void fish_flag(const char *when, const char *command, const char *flag, const char *help)
{
    bool letter = flag[1] != '-';
    printf("complete -c orrery -n '%s%s' -%c %s -d ", when, command, letter ? 's' : 'l',
           flag + (letter ? 1 : 2));
    fish_text(help);
    putchar('\n');
}

static void fish(void)
{
    static const char with[] = "__fish_seen_subcommand_from ";
    size_t n;
    const struct cli_command *commands = cli_commands(&n);
    for (size_t i = 0; i < n + command_verbs(); i++) {
        bool verb = i >= n;
        printf("complete -c orrery -f -n __fish_use_subcommand -a %s -d ",
               verb ? command_verb(i - n) : commands[i].name);
        fish_text(verb ? command_summary(i - n) : commands[i].summary);
        putchar('\n');
    }
    for (const struct opt *o = open_opts; o->flag; o++)
        fish_flag("__fish_use_subcommand", "", o->flag, o->help);
    for (size_t i = 0; i < n; i++)
        for (const struct opt *o = commands[i].opts; o && o->flag; o++)
            fish_flag(with, commands[i].name, o->flag, o->help);
    for (size_t i = 0; i < command_verbs(); i++) {
        const char *flag, *help;
        for (size_t k = 0; (flag = command_flag(i, k, &help)); k++)
            fish_flag(with, command_verb(i), flag, help ? help : "");
        fish_flag(with, command_verb(i), "--run", "which run, when several are on");
    }
}

int completion_main(const struct cli_command *c, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "bash") == 0)
        bash();
    else if (argc == 2 && strcmp(argv[1], "zsh") == 0)
        zsh();
    else if (argc == 2 && strcmp(argv[1], "fish") == 0)
        fish();
    else
        return cli_bad_usage(c, "completion needs the shell: bash, zsh or fish");
    return EXIT_DONE;
}
