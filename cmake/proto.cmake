# From each .proto: C code, and its FileDescriptorSet as bytes, so that programs can say what their
# types look like: schema_NAME() in schema_NAME.h.
find_program(PROTOC_C protoc-c REQUIRED)
find_program(PROTOC protoc REQUIRED)

function(orrery_proto name)
    set(source ${PROJECT_SOURCE_DIR}/proto/${name}.proto)
    set(out ${PROJECT_BINARY_DIR}/proto)
    file(GLOB all ${PROJECT_SOURCE_DIR}/proto/*.proto)
    add_custom_command(
        OUTPUT ${out}/${name}.pb-c.c ${out}/${name}.pb-c.h
        COMMAND ${PROTOC_C} -I${PROJECT_SOURCE_DIR}/proto --c_out=${out} ${source}
        DEPENDS ${all} VERBATIM)
    add_custom_command(
        OUTPUT ${out}/schema_${name}.c ${out}/schema_${name}.h
        COMMAND ${PROTOC} -I${PROJECT_SOURCE_DIR}/proto --include_imports
                --descriptor_set_out=${out}/${name}.desc ${source}
        COMMAND ${CMAKE_COMMAND} -DNAME=${name} -DOUT=${out}
                -P ${PROJECT_SOURCE_DIR}/cmake/embed_schema.cmake
        DEPENDS ${all} ${PROJECT_SOURCE_DIR}/cmake/embed_schema.cmake VERBATIM)
    target_sources(proto PRIVATE ${out}/${name}.pb-c.c ${out}/schema_${name}.c)
endfunction()
