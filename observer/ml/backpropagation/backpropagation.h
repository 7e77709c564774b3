/* The module "backpropagation": training, ticked by time or by hand, and told. */
#ifndef ORRERY_ML_BACKPROPAGATION_BACKPROPAGATION_H
#define ORRERY_ML_BACKPROPAGATION_BACKPROPAGATION_H

#include "core/core.h"

extern const struct core_ops backpropagation_ops;

#endif
