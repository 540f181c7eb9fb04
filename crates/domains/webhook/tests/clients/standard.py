"""Verifies messages with the library of the specification (PyPI: standardwebhooks) and with the guide's example."""

import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[4] / "simulator/tests/clients"))

from standardwebhooks import Webhook, WebhookVerificationError
from talk import say, told, wait

library = Webhook(told["secret"])
example = {}
exec(told["example"], example)


def by_library(case):
    try:
        library.verify(case["body"], case["headers"], json_parse=False)
        return True
    except WebhookVerificationError:
        return False


def by_example(case):
    return example["verify"](told["secret"], case["headers"], case["body"].encode())


say("library", good=[by_library(case) for case in told["cases"]])
say("example", good=[by_example(case) for case in told["cases"]])
wait()
