/* Commands on the running cluster: kill n2, cut n1/n2 and their like. */
#include "cli/cli.h"
#include "cli/client.h"

#include "cluster/command.h"

#include <stdio.h>
#include <string.h>

struct act_line {
    const char *words[OPT_WORDS_MAX + 32];
    size_t n;
    const char *run;
    bool json;
};

/* --run and --json are ours; the rest is the command's. */
static bool split(int argc, char **argv, struct act_line *line, char *why, size_t why_size)
{
    bool flags = true;
    for (int i = 0; i < argc; i++) {
        flags = flags && strcmp(argv[i], "--") != 0;
        if (flags && strcmp(argv[i], "--json") == 0) {
            line->json = true;
        } else if (flags && strncmp(argv[i], "--run=", 6) == 0) {
            line->run = argv[i] + 6;
        } else if (flags && strcmp(argv[i], "--run") == 0 && i + 1 < argc) {
            line->run = argv[++i];
        } else if (line->n < sizeof line->words / sizeof line->words[0]) {
            line->words[line->n++] = argv[i];
        } else {
            snprintf(why, why_size, "that are too many words");
            return false;
        }
    }
    return true;
}

static bool names_event(const struct act_line *line)
{
    uint64_t ordinal;
    return line->n >= 2 && strcmp(line->words[0], "deliver") == 0 && line->words[1][0] == 'e' &&
           whole_parse(line->words[1] + 1, &ordinal);
}

static int tell_outcome(const Orrery__Tell *tell, bool json)
{
    if (tell->kind_case == ORRERY__TELL__KIND_REFUSED)
        return cli_fail(EXIT_RUN_FAILED, "%s", tell->refused->sentence);
    if (tell->kind_case != ORRERY__TELL__KIND_DONE)
        return cli_fail(EXIT_RUN_FAILED, "the run answered something else");
    const Orrery__Done *done = tell->done;
    if (json)
        printf("{\"done\":true,\"event\":%llu}\n", (unsigned long long)done->ordinal);
    else if (done->ordinal)
        printf("e%llu  %s\n", (unsigned long long)done->ordinal, done->sentence);
    else
        printf("%s\n", done->sentence);
    return EXIT_DONE;
}

static int ask(const struct act_line *line, const Orrery__Command *command, char *text)
{
    struct client client;
    char why[600];
    if (!client_open(&client, line->run, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    Orrery__Act act = ORRERY__ACT__INIT;
    Orrery__Ask question = ORRERY__ASK__INIT;
    act.line = text;
    act.command = (Orrery__Command *)(uintptr_t)command;
    question.kind_case = ORRERY__ASK__KIND_ACT;
    question.act = &act;
    Orrery__Tell *tell = client_ask(&client, &question) ? client_hear(&client) : NULL;
    int code = tell ? tell_outcome(tell, line->json)
                    : cli_fail(EXIT_RUN_FAILED, "%s ended before it answered", client.run);
    if (tell)
        orrery__tell__free_unpacked(tell, NULL);
    client_close(&client);
    return code;
}

int act_main(int argc, char **argv)
{
    struct act_line line = {0};
    char why[600];
    struct buf text = {0};
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            help_verb(argv[0]);
            return EXIT_DONE;
        }
    if (!split(argc, argv, &line, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    Orrery__Command *command = NULL;
    if (!names_event(&line)) {
        command = command_parse(line.words, line.n, why, sizeof why);
        if (!command)
            return cli_fail(EXIT_BAD_USAGE, "%s", why);
    }
    for (size_t i = 0; i < line.n; i++) {
        if (i)
            buf_printf(&text, " ");
        word_quote(line.words[i], &text);
    }
    buf_append(&text, bytes_of("", 1));
    int code = ask(&line, command, (char *)text.base);
    buf_free(&text);
    if (command)
        orrery__command__free_unpacked(command, NULL);
    return code;
}
