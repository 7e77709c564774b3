/* Lists of structs become messages of columns: an array for each field. */
#ifndef ORRERY_TIMELINE_COLUMN_H
#define ORRERY_TIMELINE_COLUMN_H

#include "base/must.h"

/* Field `name` of the message: of every element, this; on the heap as its message frees it. */
#define COLUMN(message, name, elements, count, value)                                              \
    do {                                                                                           \
        (message)->n_##name = (count);                                                             \
        (message)->name = must_alloc((count), sizeof *(message)->name);                            \
        for (size_t at = 0; at < (count); at++)                                                    \
            (message)->name[at] = (elements)[at].value;                                            \
    } while (0)

#endif
