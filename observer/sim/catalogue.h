/* What a sandbox can run: every protocol and every module, with its settings as they usually are.
 */
#ifndef ORRERY_SIM_CATALOGUE_H
#define ORRERY_SIM_CATALOGUE_H

#include "session.pb-c.h"

/* Free with orrery__protocols__free_unpacked(). */
Orrery__Protocols *catalogue_protocols(void);

#endif
