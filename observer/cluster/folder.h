/* Folders of runs, which come and go. */
#ifndef ORRERY_CLUSTER_FOLDER_H
#define ORRERY_CLUSTER_FOLDER_H

void folder_remove(const char *path); /* With all that is in it; follows no link out of it. */

#endif
