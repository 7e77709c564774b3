/* Any bytes as a lab's file: reading and linting name faults, and never fall. */
#include "lab/lint.h"
#include "lab/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lab_file file;
    lab_read(&file, "fuzz.yaml", bytes_of(data, size));
    if (file.n_faults == 0)
        lab_lint(&file);
    lab_file_free(&file);
    return 0;
}
