file(READ ${OUT}/${NAME}.desc hex HEX)
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
file(WRITE ${OUT}/schema_${NAME}.h
"#ifndef ORRERY_SCHEMA_${NAME}_H
#define ORRERY_SCHEMA_${NAME}_H
#include \"base/bytes.h\"
struct bytes schema_${NAME}(void); /* The FileDescriptorSet of ${NAME}.proto and its imports. */
#endif
")
file(WRITE ${OUT}/schema_${NAME}.c
"#include \"schema_${NAME}.h\"
static const uint8_t set[] = {${bytes}};
struct bytes schema_${NAME}(void)
{
    return bytes_of(set, sizeof set);
}
")
