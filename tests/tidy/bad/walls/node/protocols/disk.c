#include "store/log.h"
#include "modules/phi.h"
