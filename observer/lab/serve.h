/* Labs for the guests of a house: its table of calls, filled in. */
#ifndef ORRERY_LAB_SERVE_H
#define ORRERY_LAB_SERVE_H

#include "session/house.h"

void lab_serve(struct house *h);

#endif
