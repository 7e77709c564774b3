# The page of the observer: built by npm in a copy of observer/ui, so that nothing is written among
# the sources, and embedded into the program as one C file.
option(ORRERY_PAGE "Build the browser page into the observer (needs node 18 and npm)" ON)
# Build folders of one source folder may share this: most of what it holds are npm's packages.
set(ORRERY_PAGE_DIR ${PROJECT_BINARY_DIR}/page CACHE PATH "Where the page is built")

set(page_c ${PROJECT_BINARY_DIR}/observer/assets_data.c)
if(ORRERY_PAGE)
    find_program(NPM npm)
    find_program(NODE NAMES node nodejs)
    find_program(PROTOC protoc)
    if(NOT NPM OR NOT NODE)
        message(FATAL_ERROR "The page needs node (18 or newer) and npm. On Debian and Ubuntu: "
                            "apt-get install nodejs npm. Without a page: -DORRERY_PAGE=OFF")
    endif()
    set(ui ${PROJECT_SOURCE_DIR}/observer/ui)
    file(GLOB_RECURSE page_sources CONFIGURE_DEPENDS ${ui}/src/*.ts ${ui}/src/*.svelte
         ${ui}/src/*.css ${ui}/src/*.woff2 ${ui}/src/*.svg)
    list(FILTER page_sources EXCLUDE REGEX "/src/wire/gen/")
    file(GLOB page_schema CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/proto/*.proto)
    list(APPEND page_sources ${page_schema} ${ui}/index.html ${ui}/vite.config.ts
         ${ui}/svelte.config.js ${ui}/tsconfig.json ${ui}/scripts/wire.mjs ${ui}/scripts/embed.mjs
         ${ui}/scripts/single.mjs ${ui}/scripts/gallery.mjs)
    add_custom_command(
        OUTPUT ${page_c}
        COMMAND ${CMAKE_COMMAND} -DUI=${ui} -DPROTO=${PROJECT_SOURCE_DIR}/proto
                -DDIR=${ORRERY_PAGE_DIR} -DOUT=${page_c} -DNPM=${NPM} -DNODE=${NODE}
                -DPROTOC=${PROTOC} -P ${PROJECT_SOURCE_DIR}/cmake/build_page.cmake
        DEPENDS ${page_sources} ${ui}/package.json ${ui}/package-lock.json
                ${PROJECT_SOURCE_DIR}/cmake/build_page.cmake
        COMMENT "Building the page"
        VERBATIM)
else()
    file(GENERATE OUTPUT ${page_c} CONTENT [=[
#include "web/assets.h"

static const uint8_t none[] = "This observer was built without its page (ORRERY_PAGE=OFF).\n";
const struct asset assets[] = {
    {"/index.html", "text/plain; charset=utf-8", {none, sizeof none - 1}, false},
};
const size_t assets_n = 1;
const struct bytes single_page = {0};
const struct bytes gallery_page = {0};
]=])
endif()
add_library(observer_page STATIC ${page_c})
target_include_directories(observer_page PUBLIC ${PROJECT_SOURCE_DIR}/observer
                                                ${PROJECT_SOURCE_DIR}/node)
