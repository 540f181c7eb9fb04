"""What every script needs: its orders, a way to say what it saw, and an end at the first surprise."""

import json
import sys

told = json.loads(sys.argv[1])


def say(saw, **more):
    print(json.dumps({"saw": saw, **more}), flush=True)


def wait():
    """Until the test says to go on."""
    if not sys.stdin.readline():
        sys.exit("surprise: the test is gone")


def expect(is_so, what):
    if not is_so:
        sys.exit(f"surprise: {what}")
