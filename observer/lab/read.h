/* labs/NAME/lab.yaml into the lab's message, through its descriptor: keys are the names of
 * proto/lab.proto, a list may stand as a single text. Every fault is named with its line and
 * column, and reading goes on behind it.
 *
 * The file is hostile until read: its size, the number and depth of its nodes and all texts are
 * bounded; anchors, aliases, tags and control characters are refused. What the texts mean is judged
 * by lab/lint.h. */
#ifndef ORRERY_LAB_READ_H
#define ORRERY_LAB_READ_H

#include "base/bytes.h"
#include "lab.pb-c.h"

enum {
    LAB_FILE_MAX = 256 << 10, /* Bytes. */
    LAB_TEXT_MAX = 2000,      /* Bytes of a text in it. */
    LAB_LIST_MAX = 64,        /* Elements of a list. */
    LAB_FAULTS_MAX = 50,      /* Then no more are told. */
};

struct lab_place {    /* Where something in the lab came from. */
    const void *what; /* A message, a text, or the field of a message. */
    uint32_t line;    /* Both from 1. */
    uint32_t column;
};

struct lab_file {
    char shown[256]; /* What faults call the file. */
    Orrery__Lab *lab;
    struct lab_place *places; /* In the order of the file. */
    size_t n_places;
    struct buf faults; /* "labs/x/lab.yaml:12:5: sentence\n" each; not terminated. */
    uint32_t n_faults;
};

/* The lab is there in any case, with what could be read. */
void lab_read(struct lab_file *f, const char *shown, struct bytes text);
void lab_file_free(struct lab_file *f);

/* A fault at the place of `what`; of the file as a whole where that has none. */
void lab_fault(struct lab_file *f, const void *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
