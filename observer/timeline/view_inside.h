/* What the parts of a view share. Only for view*.c. */
#ifndef ORRERY_TIMELINE_VIEW_INSIDE_H
#define ORRERY_TIMELINE_VIEW_INSIDE_H

#include "timeline/landmarks.h"
#include "timeline/view.h"

struct timeline_view {
    struct timeline *timeline;
    const struct landmarks *marks; /* The timeline's. */
};

#endif
