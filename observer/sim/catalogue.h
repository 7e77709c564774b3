/* What a sandbox can run: every protocol and every module, with its settings as they usually are.
 */
#ifndef ORRERY_SIM_CATALOGUE_H
#define ORRERY_SIM_CATALOGUE_H

#include "session.pb-c.h"

#include <stdint.h>

/* Free with orrery__protocols__free_unpacked(). */
Orrery__Protocols *catalogue_protocols(void);
/* How many nodes a sandbox of it has when nobody says; 1 for a protocol that nobody knows. */
uint32_t catalogue_usual_nodes(const char *protocol);

#endif
