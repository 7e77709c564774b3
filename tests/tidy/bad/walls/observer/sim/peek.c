#include "protocols/heartbeat/heartbeat.h"
#include "core/host.h"
