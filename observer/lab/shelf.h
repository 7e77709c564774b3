/* Where labs are: ORRERY_LABS, or labs/ of the source tree that the program was built in, or the
 * folder that they were installed to. */
#ifndef ORRERY_LAB_SHELF_H
#define ORRERY_LAB_SHELF_H

#include "lab/read.h"

#include <stdbool.h>

enum { SHELF_LABS_MAX = 64, LAB_NAME_MAX = 40 };

struct shelf {
    char folder[1024];
    char names[SHELF_LABS_MAX][LAB_NAME_MAX]; /* Of folders with a lab.yaml, sorted. */
    size_t n;
};

/* False and a sentence when there is no such folder. */
bool shelf_open(struct shelf *s, char *why, size_t why_size);
bool shelf_has(const struct shelf *s, const char *name);
/* Reads and lints one. False and a sentence when the file cannot be read at all; faults are in
 * `file`. lab_file_free() it in any case. */
bool shelf_read(const struct shelf *s, const char *name, struct lab_file *file, char *why,
                size_t why_size);
/* The same of any file. */
bool lab_file_load(const char *path, struct lab_file *file, char *why, size_t why_size);

#endif
