/* orrery labs: the explainers there are; labs check FILE: whether one is right. */
#include "cli/cli.h"

#include "lab/groups.h"
#include "lab/lint.h"
#include "lab/shelf.h"
#include "timeline/text.h"

#include <stdio.h>
#include <string.h>

enum { NAME_COLUMN = 24 }; /* The longest name of a lab, and a space. */

static bool json;

const struct opt labs_opts[] = {{"--json", OPT_FLAG, &json, NULL, "as JSON"},
                                {NULL, 0, NULL, NULL, NULL}};

static void put_json(const char *key, const char *text, bool first)
{
    printf("%s\"%s\":", first ? "" : ",", key);
    text_json_print(text);
}

static void print_json(const Orrery__Lab *lab, bool first)
{
    fputs(first ? "{" : ",{", stdout);
    put_json("name", lab->name, true);
    put_json("title", lab->title, false);
    put_json("group", lab->group, false);
    put_json("promise", lab->promise, false);
    printf(",\"seconds\":%u,\"nodes\":%u,\"beats\":%zu,\"exercises\":%zu,\"goals\":%zu,\"flaws\":[",
           lab->seconds, lab_nodes(lab), lab->n_beats, lab->n_exercises, lab->n_goals);
    for (size_t i = 0; i < lab->n_flaws; i++)
        printf("%s\"%s\"", i ? "," : "", lab->flaws[i]->flaw);
    fputs("]}", stdout);
}

static int list(void)
{
    struct shelf shelf;
    struct lab_file file;
    char why[1600];
    int code = EXIT_DONE;
    if (!shelf_open(&shelf, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    if (json)
        putchar('[');
    for (size_t i = 0, shown = 0; i < shelf.n; i++) {
        bool read = shelf_read(&shelf, shelf.names[i], &file, why, sizeof why);
        if (!read)
            code = cli_fail(EXIT_RUN_FAILED, "%s", why);
        else if (file.n_faults)
            code =
                cli_fail(EXIT_RUN_FAILED, "%s cannot be played: 'orrery labs check %s/%s/lab.yaml'",
                         shelf.names[i], shelf.folder, shelf.names[i]);
        else if (json)
            print_json(file.lab, shown++ == 0);
        else
            printf("%-*s %s\n%*s %s\n", NAME_COLUMN, file.lab->name, file.lab->title, NAME_COLUMN,
                   "", file.lab->promise);
        lab_file_free(&file);
    }
    if (json)
        fputs("]\n", stdout);
    else if (code == EXIT_DONE)
        printf("\n'orrery run NAME' plays one.\n");
    return code;
}

static int check(const char *path)
{
    struct lab_file file;
    char why[1600];
    if (!lab_file_load(path, &file, why, sizeof why))
        return cli_fail(EXIT_BAD_USAGE, "%s", why);
    uint32_t faults = file.n_faults;
    if (faults)
        fprintf(stderr, "%.*s", (int)file.faults.len, (const char *)file.faults.base);
    else
        printf("%s is right: %zu beats, %zu exercises, %zu flaws\n", file.shown, file.lab->n_beats,
               file.lab->n_exercises, file.lab->n_flaws);
    lab_file_free(&file);
    return faults ? EXIT_RUN_FAILED : EXIT_DONE;
}

int labs_main(const struct cli_command *c, int argc, char **argv)
{
    struct opt_words words;
    char why[400];
    if (!options_parse(labs_opts, argc, argv, 2, &words, why, sizeof why))
        return cli_bad_usage(c, why);
    if (words.n == 0)
        return list();
    if (strcmp(words.words[0], "check") != 0)
        return cli_bad_usage(c, "labs takes nothing, or check FILE");
    if (words.n < 2)
        return cli_bad_usage(c, "labs check needs a file: for example labs/heartbeat/lab.yaml");
    return check(words.words[1]);
}
