#include "protocols/heartbeat/heartbeat.h"
