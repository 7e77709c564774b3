#include "check/condition.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum compare { LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, EQUAL, NOT_EQUAL };

/* One comparison; the position behind it, or NULL. */
static const char *read_comparison(const char *at, enum compare *compare, double *number)
{
    static const struct {
        const char *sign;
        enum compare compare;
    } signs[] = {{"<=", LESS_EQUAL}, {">=", GREATER_EQUAL}, {"!=", NOT_EQUAL},
                 {"<", LESS},        {">", GREATER},        {"=", EQUAL}};
    static const struct {
        const char *name;
        double ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"us", 0.001}, {"%", 1}};
    size_t i = 0, u = 0;
    while (i < 6 && strncmp(at, signs[i].sign, strlen(signs[i].sign)) != 0)
        i++;
    if (i == 6)
        return NULL;
    *compare = signs[i].compare;
    at += strlen(signs[i].sign);
    char *end;
    *number = strtod(at, &end);
    if (end == at || !isfinite(*number))
        return NULL;
    at = end + strspn(end, " ");
    while (u < 4 && (strncmp(at, units[u].name, strlen(units[u].name)) != 0 ||
                     strspn(at, "abcdefghijklmnopqrstuvwxyz%") != strlen(units[u].name)))
        u++;
    if (u < 4) {
        *number *= units[u].ms;
        at += strlen(units[u].name);
    }
    return at + strspn(at, " ");
}

static bool compares(enum compare compare, double value, double number)
{
    switch (compare) {
    case LESS:
        return value < number;
    case LESS_EQUAL:
        return value <= number;
    case GREATER:
        return value > number;
    case GREATER_EQUAL:
        return value >= number;
    case EQUAL:
        return !(value < number) && !(value > number);
    case NOT_EQUAL:
    default:
        return value < number || value > number;
    }
}

/* Whether all of it can be read, and (when it can) holds. */
static bool condition(const char *text, double value, bool *holds)
{
    enum compare compare;
    double number;
    const char *at = text + strspn(text, " ");
    *holds = true;
    for (;;) {
        at = read_comparison(at, &compare, &number);
        if (!at)
            return false;
        *holds = *holds && compares(compare, value, number);
        if (!*at)
            return true;
        if (strncmp(at, "and ", 4) != 0)
            return false;
        at += 4;
    }
}

bool condition_read(const char *text, char *why, size_t why_size)
{
    bool holds;
    if (condition(text, 0, &holds))
        return true;
    snprintf(why, why_size, "'%.60s' is no condition: expected \"< 200 ms\", \">= 1 and < 3\"",
             text);
    return false;
}

bool condition_holds(const char *text, double value)
{
    bool holds;
    return condition(text, value, &holds) && holds;
}
