/* Embedded text, as it was before the build compressed it. */
#ifndef ORRERY_WEB_UNZIP_H
#define ORRERY_WEB_UNZIP_H

#include "base/bytes.h"

void unzip(struct bytes gzip, struct buf *into); /* Appends. */

#endif
