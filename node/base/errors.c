#include "base/errors.h"

const char *error_name(int error)
{
    switch (error) {
    case ERROR_NONE:
        return "NONE";
#define X(name, text)                                                                              \
    case ERROR_##name:                                                                             \
        return #name;
        ERRORS(X)
#undef X
    default:
        return "UNKNOWN";
    }
}

const char *error_text(int error)
{
    switch (error) {
    case ERROR_NONE:
        return "no error";
#define X(name, text)                                                                              \
    case ERROR_##name:                                                                             \
        return text;
        ERRORS(X)
#undef X
    default:
        return "an unknown error";
    }
}
