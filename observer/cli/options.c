#include "cli/options.h"

#include "base/check.h"
#include "cluster/units.h"

#include <stdio.h>
#include <string.h>

struct parse {
    const struct opt *opts;
    const char *command;
    char *why;
    size_t size;
};

static bool unknown(const struct parse *p, const char *flag)
{
    const char *flags[64];
    size_t n = 0;
    for (const struct opt *o = p->opts; o->flag && n < 64; o++)
        flags[n++] = o->flag;
    const char *near = nearest_word(flag, flags, n);
    if (near)
        snprintf(p->why, p->size, "%s has no flag %s: did you mean %s?", p->command, flag, near);
    else
        snprintf(p->why, p->size, "%s has no flag %s: 'orrery %s --help' shows those it has",
                 p->command, flag, p->command);
    return false;
}

static bool no_good(const struct parse *p, const struct opt *o, const char *text, const char *what)
{
    char clean[80];
    text_clean(clean, sizeof clean, bytes_str(text));
    snprintf(p->why, p->size, "'%s' is no %s for %s", clean, what, o->flag);
    return false;
}

static bool take(const struct parse *p, const struct opt *o, const char *text)
{
    switch (o->kind) {
    case OPT_FLAG:
        *(bool *)o->into = true;
        return true;
    case OPT_TEXT:
        *(const char **)o->into = text;
        return true;
    case OPT_WHOLE:
        return whole_parse(text, o->into) || no_good(p, o, text, "whole number");
    case OPT_DECIMAL:
        return decimal_parse(text, o->into) || no_good(p, o, text, "number");
    case OPT_TIME:
        return duration_parse(text, o->into) || no_good(p, o, text, "duration (5s, 200ms)");
    case OPT_NODES:
        return node_list_parse(text, o->into) || no_good(p, o, text, "list of nodes (n1,n3)");
    case OPT_LIST: {
        struct opt_list *list = o->into;
        if (list->n == OPT_LIST_MAX) {
            snprintf(p->why, p->size, "%s is given too often", o->flag);
            return false;
        }
        list->items[list->n++] = text;
        return true;
    }
    }
    return false;
}

static const struct opt *find(const struct opt *opts, const char *flag, size_t length)
{
    for (const struct opt *o = opts; o->flag; o++)
        if (strlen(o->flag) == length && memcmp(o->flag, flag, length) == 0)
            return o;
    return NULL;
}

bool options_parse(const struct opt *opts, int argc, char **argv, size_t words_max,
                   struct opt_words *words, char *why, size_t why_size)
{
    const struct parse p = {opts, argv[0], why, why_size};
    bool flags = true;
    CHECK(words_max <= OPT_WORDS_MAX);
    words->n = 0;
    for (int i = 1; i < argc; i++) {
        if (flags && strcmp(argv[i], "--") == 0) {
            flags = false;
            continue;
        }
        bool one_letter = argv[i][0] == '-' && strlen(argv[i]) == 2 && find(opts, argv[i], 2);
        if (!flags || (strncmp(argv[i], "--", 2) != 0 && !one_letter)) {
            if (words->n == words_max) {
                snprintf(why, why_size, "%s does not know what to do with '%s'", argv[0], argv[i]);
                return false;
            }
            words->words[words->n++] = argv[i];
            continue;
        }
        const char *equals = strchr(argv[i], '=');
        size_t length = equals ? (size_t)(equals - argv[i]) : strlen(argv[i]);
        const struct opt *o = find(opts, argv[i], length);
        if (!o)
            return unknown(&p, argv[i]);
        if (o->kind == OPT_FLAG && equals) {
            snprintf(why, why_size, "%s stands alone", o->flag);
            return false;
        }
        if (o->kind != OPT_FLAG && !equals && i + 1 == argc) {
            snprintf(why, why_size, "%s needs %s behind it", o->flag, o->place);
            return false;
        }
        const char *value = o->kind == OPT_FLAG ? "" : equals ? equals + 1 : argv[++i];
        if (!take(&p, o, value))
            return false;
    }
    return true;
}
