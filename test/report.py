"""Reads lit's results; names what was skipped and what failed, and ends with
the line "N passed, N failed". Fails if a test failed or none ran."""
import json
import sys

PASSED = ("PASS", "FLAKYPASS", "XFAIL")
SKIPPED = ("UNSUPPORTED",)


def main(path):
    try:
        with open(path, encoding="utf-8") as file:
            tests = json.load(file)["tests"]
    except (OSError, ValueError, KeyError) as error:
        print(f"lit left no results: {error}")
        tests = []
    tests.sort(key=lambda test: test["name"])
    skipped = [t for t in tests if t["code"] in SKIPPED]
    passed = [t for t in tests if t["code"] in PASSED]
    failed = [t for t in tests if t not in skipped and t not in passed]
    for test in failed:
        print(f"\nFAILED {test['name']} ({test['code']})")
        print(test["output"].strip())
    print(f"\n{len(skipped)} skipped" + (":" if skipped else ""))
    for test in skipped:
        print(f"  {test['name']}: {' '.join(test['output'].split())}")
    slowest = sorted(tests, key=lambda test: -(test["elapsed"] or 0))[:5]
    for test in slowest:
        if (test["elapsed"] or 0) >= 5:
            print(f"slow: {test['name']} {test['elapsed']:.0f} s")
    print(f"{len(passed)} passed, {len(failed)} failed")
    return 0 if passed and not failed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
