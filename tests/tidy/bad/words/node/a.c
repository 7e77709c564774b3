/* TODO: everything */
static const char *where = "/home/ann/orrery";
static const char *fine = "/var/lib/home/orrery";
