/* The errors of the house: 0 is success, these are negative, each has a sentence for the user. */
#ifndef ORRERY_BASE_ERRORS_H
#define ORRERY_BASE_ERRORS_H

#define ERRORS(X)                                                                                  \
    X(MALFORMED, "the bytes are not what they should be")                                          \
    X(TRUNCATED, "the bytes end too early")                                                        \
    X(TOO_LARGE, "larger than is allowed")                                                         \
    X(NO_MEMORY, "the memory limit is reached")                                                    \
    X(NOT_FOUND, "there is no such thing")                                                         \
    X(DAMAGED, "the file is damaged before its end")                                               \
    X(DISK_FULL, "the disk is full")                                                               \
    X(DISK_IO, "the disk reports an error")                                                        \
    X(IN_USE, "it is in use by somebody else")                                                     \
    X(REFUSED, "it was refused")                                                                   \
    X(UNSUPPORTED, "this version does not know it")

enum error {
    ERROR_NONE = 0,
    ERROR_FIRST_ = -100,
#define X(name, text) ERROR_##name,
    ERRORS(X)
#undef X
};

const char *error_name(int error); /* "DISK_FULL" */
const char *error_text(int error); /* "the disk is full" */

#endif
