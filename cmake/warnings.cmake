# For our own code; generated code is built without them.
add_library(warnings INTERFACE)
target_compile_options(warnings INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
    -Wimplicit-fallthrough -Wcast-align -Wformat=2 -Wvla)
if(ORRERY_WERROR)
    target_compile_options(warnings INTERFACE -Werror)
endif()
