"""Turns the benchmarks' lines of JSON into a table and, if asked, a file that can be compared."""

import argparse
import datetime
import json
import os
import platform
import sys


def machine():
    model = ""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            model = next((l.split(":", 1)[1].strip() for l in lines if l.startswith("model name")), "")
    except OSError:
        pass
    return {"system": platform.platform(), "processor": model, "cores": os.cpu_count()}


def number(value):
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return str(value)
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--json")
    options = options.parse_args()
    results = []
    for line in sys.stdin:
        try:
            result = json.loads(line)
        except ValueError:
            result = None
        if isinstance(result, dict) and "value" in result and ("what" in result or "name" in result):
            result["what"] = str(result.get("what", result.pop("name", "")))
            results.append(result)
        else:
            print(line.rstrip("\n"))
    rows = [("", "what", "measured", "range", "unit", "aim", "")]
    for r in results:
        met = {True: "met", False: "NOT MET"}.get(r.get("met"), "")
        span = " - ".join(map(number, r.get("range", ())))
        rows.append((str(r.get("bench", "")), r["what"], number(r["value"]), span, str(r.get("unit", "")),
                     str(r.get("aim", "")), met))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [c.rjust(w) if i in (2, 3) else c.ljust(w) for i, (c, w) in enumerate(zip(row, widths))]
        print("  ".join(cells).rstrip())
    if options.json:
        when = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        try:
            with open(options.json, "w", encoding="utf-8") as out:
                json.dump({"when": when, "machine": machine(), "results": results}, out, indent=1)
                out.write("\n")
        except OSError as error:
            print(f"orrery: {options.json} cannot be written: {error.strerror}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
