/* Rate limiting: gateways, each with its algorithm, and one node that sends the very same requests
 * to all of them. Redis clients may ask a gateway too: CL.THROTTLE, as redis-cell answers it. */
#ifndef ORRERY_LIMITER_LIMITER_H
#define ORRERY_LIMITER_LIMITER_H

#include "core/core.h"

extern const struct core_ops limiter_ops;

#endif
