/* Flags of a command, from a table: one table parses, helps and completes. */
#ifndef ORRERY_CLI_OPTIONS_H
#define ORRERY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum opt_kind {
    OPT_FLAG = 1, /* bool */
    OPT_TEXT,     /* const char * */
    OPT_WHOLE,    /* uint64_t */
    OPT_DECIMAL,  /* double */
    OPT_NODES,    /* struct node_list */
    OPT_TIME,     /* double, ns */
    OPT_LIST,     /* struct opt_list: may be given several times */
};

enum { OPT_LIST_MAX = 64, OPT_WORDS_MAX = 32 };

struct opt_list {
    const char *items[OPT_LIST_MAX];
    size_t n;
};

struct opt {
    const char *flag; /* "--seed"; NULL ends the table. */
    enum opt_kind kind;
    void *into;
    const char *place; /* "NUMBER" */
    const char *help;
};

struct opt_words {
    const char *words[OPT_WORDS_MAX];
    size_t n;
};

/* argv[0] is the command's name. False and a sentence. */
bool options_parse(const struct opt *opts, int argc, char **argv, size_t words_max,
                   struct opt_words *words, char *why, size_t why_size);

#endif
