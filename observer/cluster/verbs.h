/* The table of commands: each verb with its places (by position) and flags, every one a field of
 * the verb's message in command.proto. */
#ifndef ORRERY_CLUSTER_VERBS_H
#define ORRERY_CLUSTER_VERBS_H

#include <stdbool.h>

enum unit_kind {
    UNIT_NODES = 1, /* n1,n3-n5 or all */
    UNIT_NODE,      /* n2 or all */
    UNIT_SIDES,     /* n1,n2/n3: fields a and b */
    UNIT_DURATION,
    UNIT_SHARE, /* 10% */
    UNIT_RATE,  /* 100kB */
    UNIT_WHOLE,
    UNIT_FACTOR,
    UNIT_PPM,
    UNIT_FLAG, /* Stands alone, or as --no-NAME where that has a meaning. */
    UNIT_ENUM,
    UNIT_TEXT,
    UNIT_WORDS, /* All that is left. */
};

struct slot {
    const char *flag; /* "--delay"; NULL: by position. */
    const char *field;
    enum unit_kind unit;
    bool required;     /* By position only. */
    bool no;           /* UNIT_FLAG: --no-NAME is possible. */
    const char *place; /* What stands for it in usage: "DURATION" */
    const char *help;
};

enum { SLOTS_MAX = 10, EXAMPLES_MAX = 3 };

struct verb {
    const char *name; /* Also the field of Command. */
    const char *summary;
    struct slot slots[SLOTS_MAX];
    bool wants_flag; /* Says nothing without one of its flags. */
    const char *examples[EXAMPLES_MAX + 1];
};

extern const struct verb verbs[];
extern const unsigned verbs_n;

#endif
