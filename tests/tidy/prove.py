"""Proves the checks: each must find exactly the faults of its small bad tree, bad/NAME, that the file
`expect` there lists. What is too large to keep, or must be compiled, is made here."""

import os
import shutil
import subprocess
import sys
import tempfile

import checks

HERE = os.path.dirname(os.path.abspath(__file__))


def make_long(tree):
    os.makedirs(os.path.join(tree, "node"), exist_ok=True)
    with open(os.path.join(tree, "node/long.c"), "w", encoding="utf-8") as out:
        out.write("int long_one(void)\n{\n" + "    ;\n" * 71 + "}\n")
        out.write("int short_one(void)\n{\n" + "    ;\n" * 70 + "}\n")
        out.write("\n" * (703 - 74 - 73))


def make_library(build):
    """A codec that asks for the time and for memory; what C and the house lend is no fault."""
    os.makedirs(os.path.join(build, "node"))
    source = os.path.join(build, "bad.c")
    with open(source, "w", encoding="utf-8") as out:
        out.write("#include <stdlib.h>\n#include <string.h>\n#include <time.h>\n"
                  "int buf_append(void *);\nvoid *bad(const char *s);\n"
                  "void *bad(const char *s)\n{\n"
                  "    buf_append(0);\n"
                  "    return malloc(strlen(s) + (size_t)time(0));\n}\n")
    subprocess.run(["cc", "-O1", "-fno-builtin", "-c", source, "-o", source + ".o"], check=True)
    subprocess.run(["ar", "cr", os.path.join(build, "node/libnode_codec.a"), source + ".o"], check=True)


def make_header(tree):
    os.makedirs(os.path.join(tree, "node/base"))
    os.makedirs(os.path.join(tree, "build/proto"))
    for name, text in (("alone", "#include <stddef.h>\nsize_t a(void);\n"), ("leaning", "size_t b(void);\n")):
        with open(os.path.join(tree, f"node/base/{name}.h"), "w", encoding="utf-8") as out:
            out.write(text)


def compare(name, expected, findings):
    """True when each expectation begins one finding, and no finding is left over."""
    findings = list(findings)
    right = True
    for start in expected:
        hit = next((f for f in findings if f.startswith(start)), None)
        if hit is None:
            print(f"{name}: did not find: {start}")
            right = False
        else:
            findings.remove(hit)
    for extra in findings:
        print(f"{name}: found what is no fault: {extra}")
        right = False
    return right


def prove_sources(name, check, scratch):
    tree = os.path.join(scratch, name)
    shutil.copytree(os.path.join(HERE, "bad", name), tree)
    with open(os.path.join(tree, "expect"), encoding="utf-8") as text:
        expected = text.read().splitlines()
    os.remove(os.path.join(tree, "expect"))
    if name == "lengths":
        make_long(tree)
    if name == "format" and not checks.formatter_fits():
        return True
    return compare(name, expected, check(tree))


def main():
    right = True
    with tempfile.TemporaryDirectory() as scratch:
        for name, check in checks.ON_SOURCES.items():
            right = prove_sources(name, check, scratch) and right
        build = os.path.join(scratch, "symbols")
        make_library(build)
        right = compare("symbols", ["node/codec (bad.c.o): asks the outside world for malloc",
                                    "node/codec (bad.c.o): asks the outside world for time"],
                        checks.check_symbols(scratch, build)) and right
        tree = os.path.join(scratch, "headers")
        make_header(tree)
        right = compare("headers", ["node/base/leaning.h:1: does not compile alone"],
                        checks.check_headers(tree, os.path.join(tree, "build"))) and right
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
