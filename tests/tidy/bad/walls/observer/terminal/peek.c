#include "core/host.h"
#include "timeline/timeline.h"
#include "base/bytes.h"
