"""What keeps the house in order. A check takes the root of a tree and yields findings: sentences that
begin with path:line. prove.py holds each against a small tree that it must find fault with."""

import os
import re
import shutil
import subprocess

FILE_LINES_MAX = 700
FUNCTION_LINES_MAX = 70
FORMATTER_VERSION = 14  # Debian 12's

# Whom each layer of node/ may include; generated headers of proto/ are open to all but base, modules
# and codec, which know no schema.
NODE_WALLS = {
    "base": {"base"},
    "modules": {"base", "modules"},
    "codec": {"base", "codec"},
    "core": {"base", "core"},
    "store": {"base", "codec", "core", "store"},
    "machine": {"base", "codec", "core", "machine"},
    "protocols": {"base", "codec", "modules", "core", "machine", "protocols"},
    "clients": {"base", "codec", "core", "clients"},
    "seal": {"base", "seal"},
    "runtime": {"base", "codec", "core", "store", "clients", "seal", "runtime"},
    "main.c": {"base", "core", "store", "clients", "runtime"},
}
NO_SCHEMA = {"base", "modules", "codec", "seal"}
# Of node's code the observer knows base; the simulator also core and the stores, the agent how to
# seal; the modules of ml are step functions, and know core's interface.
NODE_IN_OBSERVER = {"sim": {"base", "core", "store"}, "agent": {"base", "seal"}, "ml": {"base", "core"}}
# The registry is where core and protocols meet.
WALL_DOORS = {("node/core/registry.c", "protocols")}
# Patterns mean the same to a node's breakpoints and to who looks at the timeline.
OBSERVER_DOORS = {("observer/session/filter.c", "core/pattern.h")}
UV_ALLOWED = re.compile(
    r"^(node/(runtime/|main\.c$)|observer/((agent|cluster|session|cli|web)/|main\.c$|timeline/record))")

# What protocols, modules and codecs may ask of others: no clock, no random, no socket, no heap.
SYMBOLS_ALLOWED = re.compile(
    r"^("
    r"mem(cpy|move|set|cmp|chr|rchr|mem)|str(len|nlen|cmp|ncmp|casecmp|ncasecmp|chr|rchr|str|spn|cspn)"
    r"|v?snprintf|__(mem|str|v?sn)\w+_chk|__stack_chk_fail|_GLOBAL_OFFSET_TABLE_|__ctype_\w+_loc|tolower|toupper"
    r"|bsearch|qsort|strto(d|l|ll|ul|ull)|__isoc23_strto\w+"
    r"|f?(abs|max|min)|floor|ceil|round|l?lround|trunc|sqrt|exp|exp2|expm1|log|log2|log10|log1p|pow|erfc?|fmod|ldexp"
    r"|__(float|fix)\w+|__u?(div|mod)ti3"
    r"|protobuf_c_\w+|[a-z]\w*__\w+|schema_\w+"
    r"|bytes_\w+|buf_\w+|memory_\w+|arena_\w+|crc32c|error_\w+|check_failed"
    r"|out_\w+|fsm_\w+|history_\w+"
    r")$")
PURE = ("modules", "codec", "machine", "protocols")

WORDS = [
    (re.compile(r"\b(TODO|FIXME|XXX)\b"), "unfinished work is not committed"),
    (re.compile(r"(?<![\w.$}])/(home|root|Users|work)/\w"), "a path of somebody's machine"),
]
WAITS = [
    (re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep|uv_sleep)\s*\("), {".c", ".h"}),
    (re.compile(r"^\s*(?:.*[;&|]\s*)?sleep\s+[\d$.]"), {".sh"}),
    (re.compile(r"\btime\.sleep\s*\("), {".py"}),
]
WAIT_EXCUSE = re.compile(r"(/\*|#).*\bpolls\b")

SKIP = {".git", "node_modules", "bad", "__pycache__"}


def files(root, *extensions, under=""):
    """Tracked-looking files below root/under, as (path relative to root, lines)."""
    for folder, names, found in os.walk(os.path.join(root, under)):
        names[:] = sorted(n for n in names if n not in SKIP and not n.startswith("build"))
        for name in sorted(set(found) - SKIP):
            if extensions and not name.endswith(extensions):
                continue
            path = os.path.join(folder, name)
            try:
                with open(path, encoding="utf-8") as text:
                    yield os.path.relpath(path, root), text.read().split("\n")
            except (UnicodeDecodeError, OSError):
                continue


INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)')


def includes(lines):
    for number, line in enumerate(lines, 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) or found.group(2), found.group(1) is not None


def rooms_of_observer(root):
    """Which rooms each room may include: what CMake links, and what that links."""
    direct = {}
    try:
        with open(os.path.join(root, "observer/CMakeLists.txt"), encoding="utf-8") as text:
            for found in re.finditer(r"^observer_room\((\w+)([^)]*)\)", text.read(), re.M):
                words = re.findall(r"observer_(\w+)", found.group(2))
                direct[found.group(1)] = set(words)
    except OSError:
        pass
    closed = {}
    for room in direct:
        seen, todo = {room}, [room]
        while todo:
            for other in direct.get(todo.pop(), ()):
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        closed[room] = seen
    return closed


def schema_header(name):
    return name.endswith(".pb-c.h") or name.startswith("schema_")


def check_walls(root):
    for path, lines in files(root, ".c", ".h", under="node"):
        layer = path.split("/")[1]
        for number, name, quoted in includes(lines):
            if layer in NO_SCHEMA and (schema_header(name) or "protobuf-c" in name):
                if (layer, name) != ("base", "protobuf-c/protobuf-c.h"):
                    yield f"{path}:{number}: {layer} knows no schema, and includes {name}"
            other = name.split("/")[0] if quoted and "/" in name else None
            if other and other not in NODE_WALLS.get(layer, set()):
                if (path, other) not in WALL_DOORS:
                    yield f"{path}:{number}: {layer} may not include {other}: {name}"
    rooms = rooms_of_observer(root)
    node_layers = set(NODE_WALLS) - {"main.c"}
    for path, lines in files(root, ".c", ".h", under="observer"):
        room = path.split("/")[1]
        if room == "main.c":
            continue
        for number, name, quoted in includes(lines):
            other = name.split("/")[0] if quoted and "/" in name else None
            if (path, name) in OBSERVER_DOORS:
                continue
            if other in node_layers and other not in rooms:
                if other not in NODE_IN_OBSERVER.get(room, {"base"}):
                    yield f"{path}:{number}: of node's code {room} may not know {other}: {name}"
            elif other and other not in rooms.get(room, set()) and other != "google":
                yield f"{path}:{number}: {room} may not include {other}: {name}"


def check_loop(root):
    for top in ("node", "observer"):
        for path, lines in files(root, ".c", ".h", under=top):
            for number, name, _ in includes(lines):
                if name == "uv.h" and not UV_ALLOWED.match(path):
                    yield f"{path}:{number}: no event loop here: uv.h"


def undefined_symbols(library):
    nm = subprocess.run(["nm", "-A", library], capture_output=True, text=True, check=True)
    undefined, defined = {}, set()
    for line in nm.stdout.split("\n"):
        found = re.match(r"^(?:.*:)?([^:\s]+):\s*(?:[0-9a-f]+)?\s+([A-Za-z])\s+(\S+)$", line)
        if not found:
            continue
        if found.group(2) in "Uw":
            undefined.setdefault(found.group(3), found.group(1))
        else:
            defined.add(found.group(3))
    return undefined, defined


def check_symbols(root, build):
    """Of the built libraries; with no build there is nothing to check."""
    undefined, defined = {}, set()
    for name in PURE:
        library = os.path.join(build, f"node/libnode_{name}.a")
        if os.path.exists(library):
            wants, has = undefined_symbols(library)
            defined |= has
            undefined.update({symbol: f"node/{name} ({unit})" for symbol, unit in wants.items()})
    for symbol, where in sorted(undefined.items()):
        if symbol not in defined and not SYMBOLS_ALLOWED.match(symbol):
            yield f"{where}: asks the outside world for {symbol}"


def check_words(root):
    for path, lines in files(root):
        if path.startswith("tests/tidy/") or path == "LICENSE":
            continue
        for number, line in enumerate(lines, 1):
            for pattern, why in WORDS:
                if pattern.search(line):
                    yield f"{path}:{number}: {why}: {line.strip()[:80]}"


def check_lengths(root):
    for path, lines in files(root, ".c", ".h", ".py", ".sh", ".proto"):
        if len(lines) - 1 > FILE_LINES_MAX:
            yield f"{path}:{len(lines) - 1}: longer than {FILE_LINES_MAX} lines"
        if not path.endswith((".c", ".h")):
            continue
        begin = None
        for number, line in enumerate(lines, 1):
            if line == "{":
                begin = number
            elif line == "}" and begin:
                if number - begin - 1 > FUNCTION_LINES_MAX:
                    yield f"{path}:{begin}: a function of {number - begin - 1} lines, more than {FUNCTION_LINES_MAX}"
                begin = None


def check_waits(root):
    for path, lines in files(root, under="tests"):
        if path.startswith("tests/tidy/"):
            continue
        for number, line in enumerate(lines, 1):
            for pattern, extensions in WAITS:
                if os.path.splitext(path)[1] in extensions and pattern.search(line):
                    if not WAIT_EXCUSE.search(line):
                        yield (f"{path}:{number}: waits a fixed time; a loop that looks for something until a "
                               f"deadline says so with 'polls' in a comment: {line.strip()[:60]}")


def formatter_fits():
    """Versions of clang-format differ in details; the tree keeps to one."""
    if not shutil.which("clang-format"):
        return False
    told = subprocess.run(["clang-format", "--version"], capture_output=True, text=True, check=False)
    return re.search(rf"version {FORMATTER_VERSION}\.", told.stdout) is not None


def check_format(root):
    if not formatter_fits():
        return
    paths = [path for path, _ in files(root, ".c", ".h")]
    for at in range(0, len(paths), 50):
        done = subprocess.run(["clang-format", "--dry-run", "--Werror", *paths[at:at + 50]],
                              cwd=root, capture_output=True, text=True, check=False)
        seen = set()
        for line in done.stderr.split("\n"):
            found = re.match(r"^([^:]+):(\d+):\d+: error: ", line)
            if found and found.group(1) not in seen:
                seen.add(found.group(1))
                yield f"{found.group(1)}:{found.group(2)}: not as clang-format writes it: run clang-format -i {found.group(1)}"


def check_protos(root):
    for path, lines in files(root, ".proto", under="proto"):
        if not lines or not lines[0].startswith("// "):
            yield f"{path}:1: begins with a comment that says what it is for"


def check_headers(root, build=None):
    """Every header compiles alone."""
    generated = os.path.join(build, "proto") if build else None
    if not shutil.which("cc") or (generated and not os.path.isdir(generated)):
        return
    flags = ["-std=c11", "-D_GNU_SOURCE", "-fsyntax-only", "-x", "c", "-Inode", "-Iobserver"]
    flags += [f"-I{generated}"] if generated else []
    pkg = subprocess.run(["pkg-config", "--cflags", "libuv", "libprotobuf-c", "libsodium", "ncursesw"],
                         capture_output=True, text=True, check=False)
    flags += pkg.stdout.split()
    for top in ("node", "observer"):
        for path, _ in files(root, ".h", under=top):
            done = subprocess.run(["cc", *flags, path], cwd=root, capture_output=True, text=True, check=False)
            if done.returncode:
                first = next((l for l in done.stderr.split("\n") if "error" in l), "")
                yield f"{path}:1: does not compile alone: {first.strip()[:120]}"


ON_SOURCES = {
    "walls": check_walls,
    "loop": check_loop,
    "words": check_words,
    "lengths": check_lengths,
    "waits": check_waits,
    "format": check_format,
    "protos": check_protos,
}
ON_BUILDS = {
    "symbols": check_symbols,
    "headers": check_headers,
}
