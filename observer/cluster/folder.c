#include "cluster/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void remove_in(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    const struct dirent *file;
    if (!folder) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((file = readdir(folder))) {
        if (strcmp(file->d_name, ".") == 0 || strcmp(file->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(folder), file->d_name, 0) < 0 && depth < 8)
            remove_in(dirfd(folder), file->d_name, depth + 1);
    }
    closedir(folder);
    unlinkat(parent, name, AT_REMOVEDIR);
}

void folder_remove(const char *path)
{
    remove_in(AT_FDCWD, path, 0);
}
