# Schemathesis (PyPI) makes requests from the OpenAPI document and holds the answers against it.
import json
import subprocess
import sys
import tempfile
import threading
import time

told = json.loads(sys.argv[1])


def say(saw, **more):
    print(json.dumps({"saw": saw, **more}), flush=True)


def heart():
    # Whoever waits for a line knows that this goes on.
    while True:
        time.sleep(10)
        say("beat")


threading.Thread(target=heart, daemon=True).start()

command = [sys.executable, "-m", "schemathesis.cli", "run", told["document"]]
# What the document cannot say is checked by our own tests: who may what, and what a request must be beyond its form.
command += ["--checks", ",".join(told["checks"])]
command += ["--phases", told["phases"], "--max-examples", str(told["examples"])]
command += ["--seed", "7", "--continue-on-failure", "--no-color", "--request-timeout", "20"]
command += ["--suppress-health-check", "all", "--warnings", "off", "--exclude-deprecated"]
# Ours are the only credentials.
command += ["--generation-with-security-parameters", "false"]
for path in told["leftOut"]:
    command += ["--exclude-path", path]
for name, value in told["headers"].items():
    command += ["--header", f"{name}: {value}"]

with tempfile.TemporaryDirectory() as home:
    done = subprocess.run(command, cwd=home, capture_output=True, text=True, check=False)
say("fuzzed", code=done.returncode, report=(done.stdout + done.stderr)[-20000:])
