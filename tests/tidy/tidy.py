"""Checks a tree: python3 tests/tidy/tidy.py [--build FOLDER] ROOT. Exit 1 with findings."""

import argparse
import os
import sys

import checks


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--build", help="a build of ROOT, for the checks that look at libraries")
    options.add_argument("--only", help="one check by name", choices=[*checks.ON_SOURCES, *checks.ON_BUILDS])
    options.add_argument("root")
    options = options.parse_args()
    found = 0
    for name, check in {**checks.ON_SOURCES, **checks.ON_BUILDS}.items():
        if options.only not in (None, name):
            continue
        if name in checks.ON_BUILDS:
            if not options.build or not os.path.isdir(options.build):
                print(f"{name}: not checked, as there is no build", file=sys.stderr)
                continue
            findings = check(options.root, options.build)
        else:
            findings = check(options.root)
        for finding in findings:
            print(f"{name}: {finding}")
            found += 1
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
