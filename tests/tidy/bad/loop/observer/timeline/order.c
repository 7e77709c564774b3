#include "timeline/timeline.h"
#include "uv.h"
