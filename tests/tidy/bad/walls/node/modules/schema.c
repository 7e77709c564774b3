#include "event.pb-c.h"
