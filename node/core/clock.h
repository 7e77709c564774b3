/* Moved to base, since the observer needs it too. */
#include "base/clock.h"
