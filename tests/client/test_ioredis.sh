# The key-value store under ioredis, which the page's build has fetched with its other packages.
# shellcheck source=tests/client/cluster.sh
source "${ORRERY_ROOT:?}/tests/client/cluster.sh"
page=${ORRERY_BUILD:?}/page
[ -d "$page/node_modules/ioredis" ] || {
    echo "skip ioredis: $page/node_modules has none, since this build is without a page"
    exit 0
}

begin_store
timeout 200 node "$ORRERY_ROOT/tests/client/ioredis.mjs" "$page" "$port" || echo "not ok ioredis: it ended with $?"
