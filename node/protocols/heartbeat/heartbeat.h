/* Failure detection by heartbeats: every node tells others at an even pace that it lives, and
 * judges by their silence whether they do. */
#ifndef ORRERY_HEARTBEAT_HEARTBEAT_H
#define ORRERY_HEARTBEAT_HEARTBEAT_H

#include "core/core.h"

extern const struct core_ops heartbeat_ops;

#endif
