#include "lab/shelf.h"

#include "cluster/units.h"
#include "lab/lint.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool name_ok(const char *name)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n > 0 && n < LAB_NAME_MAX && name[n] == 0 && name[0] != '-';
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Beside the program where it is installed, else where it was built from. */
static bool find_folder(struct shelf *s)
{
    char self[512];
    const char *told = getenv("ORRERY_LABS");
    if (told && *told) {
        snprintf(s->folder, sizeof s->folder, "%s", told);
        return is_folder(s->folder);
    }
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return false;
    self[n] = 0;
    *strrchr(self, '/') = 0;
    snprintf(s->folder, sizeof s->folder, "%s/../share/orrery/labs", self);
    if (is_folder(s->folder))
        return true;
    snprintf(s->folder, sizeof s->folder, "%s", ORRERY_LABS_SOURCE);
    return is_folder(s->folder);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

bool shelf_open(struct shelf *s, char *why, size_t why_size)
{
    *s = (struct shelf){0};
    if (!find_folder(s)) {
        snprintf(why, why_size,
                 "there is no folder of labs: set ORRERY_LABS to the one that holds "
                 "them (a folder each, with its lab.yaml)");
        return false;
    }
    DIR *all = opendir(s->folder);
    if (!all) {
        snprintf(why, why_size, "cannot open %.400s: %s", s->folder, strerror(errno));
        return false;
    }
    struct dirent *d;
    while ((d = readdir(all)) && s->n < SHELF_LABS_MAX) {
        char path[1400];
        snprintf(path, sizeof path, "%s/%s/lab.yaml", s->folder, d->d_name);
        if (name_ok(d->d_name) && access(path, R_OK) == 0)
            memcpy(s->names[s->n++], d->d_name, strlen(d->d_name) + 1);
    }
    closedir(all);
    qsort(s->names, s->n, LAB_NAME_MAX, by_name);
    return true;
}

bool shelf_has(const struct shelf *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0)
            return true;
    return false;
}

static bool read_all(const char *path, struct buf *text, char *why, size_t why_size)
{
    struct stat st;
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        snprintf(why, why_size, "cannot read %.400s: %s", path,
                 fd < 0 ? strerror(errno) : "it is no file");
        if (fd >= 0)
            close(fd);
        return false;
    }
    do {
        n = read(fd, buf_extend(text, 65536), 65536);
        text->len -= 65536 - (size_t)(n > 0 ? n : 0);
    } while (n > 0 && text->len <= LAB_FILE_MAX);
    if (n < 0)
        snprintf(why, why_size, "cannot read %.400s: %s", path, strerror(errno));
    close(fd);
    return n >= 0;
}

static bool load(const char *path, const char *shown, struct lab_file *file, char *why,
                 size_t why_size)
{
    struct buf text = {0};
    *file = (struct lab_file){0};
    bool read = read_all(path, &text, why, why_size);
    if (read) {
        lab_read(file, shown, buf_bytes(&text));
        if (file->n_faults == 0)
            lab_lint(file);
    }
    buf_free(&text);
    return read;
}

bool lab_file_load(const char *path, struct lab_file *file, char *why, size_t why_size)
{
    return load(path, path, file, why, why_size);
}

bool shelf_read(const struct shelf *s, const char *name, struct lab_file *file, char *why,
                size_t why_size)
{
    char path[1400], shown[200];
    *file = (struct lab_file){0};
    if (!shelf_has(s, name)) {
        const char *names[SHELF_LABS_MAX];
        for (size_t i = 0; i < s->n; i++)
            names[i] = s->names[i];
        const char *near = nearest_word(name, names, s->n);
        snprintf(why, why_size, "there is no lab '%.60s': %s%s%s", name,
                 near ? "did you mean " : "'orrery labs' lists those there are", near ? near : "",
                 near ? "?" : "");
        return false;
    }
    snprintf(path, sizeof path, "%s/%s/lab.yaml", s->folder, name);
    snprintf(shown, sizeof shown, "labs/%s/lab.yaml", name);
    if (!load(path, shown, file, why, why_size))
        return false;
    if (strcmp(file->lab->name, name) != 0 && file->n_faults == 0)
        lab_fault(file, file->lab->name, "name is '%.40s': expected %s, as its folder",
                  file->lab->name, name);
    return true;
}
