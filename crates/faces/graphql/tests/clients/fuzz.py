# Schemathesis (PyPI) makes operations from the schema; every answer is held against the schema again.
import json
import sys
import threading
import time

import graphql
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis.graphql import nodes

told = json.loads(sys.argv[1])


def say(saw, **more):
    print(json.dumps({"saw": saw, **more}), flush=True)


def heart():
    # Whoever waits for a line knows that this goes on.
    while True:
        time.sleep(10)
        say("beat")


threading.Thread(target=heart, daemon=True).start()

DAYS = ["2026-06-01", "2026-02-30", "yesterday", ""]
INSTANTS = ["2026-06-01T00:00:00Z", "2026-06-01T00:00:00.250Z", "1970-01-01", ""]
schemathesis.graphql.scalar("Date", strategies.sampled_from(DAYS).map(nodes.String))
schemathesis.graphql.scalar("DateTime", strategies.sampled_from(INSTANTS).map(nodes.String))

session = requests.Session()
session.headers.update(told["headers"])
source = schemathesis.graphql.from_url(told["http"], headers=told["headers"])
schema = source.client_schema
found, asked, answered = [], 0, 0


def is_leaf(kind, value):
    if isinstance(kind, graphql.GraphQLEnumType):
        return value in kind.values
    if kind.name == "Int":
        return isinstance(value, int) and not isinstance(value, bool) and -(2**31) <= value < 2**31
    if kind.name == "Float":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind.name == "Boolean":
        return isinstance(value, bool)
    if kind.name == "JSON":
        # Any value is one.
        return True
    return isinstance(value, str)


def wrong(kind, selections, value, path, failed):
    """What of an answer is not as the schema says: where, in words."""
    if isinstance(kind, graphql.GraphQLNonNull):
        if value is None:
            return [] if failed else [f"{path} is null"]
        return wrong(kind.of_type, selections, value, path, failed)
    if value is None:
        return []
    if isinstance(kind, graphql.GraphQLList):
        if not isinstance(value, list):
            return [f"{path} is no list"]
        rows = enumerate(value)
        return [w for n, item in rows for w in wrong(kind.of_type, selections, item, f"{path}.{n}", failed)]
    if graphql.is_leaf_type(kind):
        return [] if is_leaf(kind, value) else [f"{path} is no {kind.name}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{path} is no object"]
    if not isinstance(kind, graphql.GraphQLObjectType):
        return []
    all = []
    for field in selections:
        if not isinstance(field, graphql.FieldNode) or field.name.value == "__typename":
            continue
        name = field.alias.value if field.alias else field.name.value
        if name not in value:
            all.append(f"{path}.{name} is missing")
            continue
        inner = field.selection_set.selections if field.selection_set else ()
        of = kind.fields[field.name.value].type
        all += wrong(of, inner, value[name], f"{path}.{name}", failed)
    return all


def look(root, query):
    global asked, answered
    response = session.post(told["http"], json={"query": query}, timeout=20)
    asked += 1
    if response.status_code >= 500:
        return [f"status {response.status_code}"]
    if not response.headers["content-type"].startswith("application/"):
        return [f"content type {response.headers['content-type']}"]
    answer = response.json()
    if set(answer) - {"data", "errors", "extensions"} or not set(answer) & {"data", "errors"}:
        return [f"has {sorted(answer)}"]
    codes = {error.get("extensions", {}).get("code") for error in answer.get("errors", [])}
    bad = [f"the code {code}" for code in codes if code not in told["codes"]]
    data = answer.get("data")
    if data is None:
        return bad
    answered += 1
    [operation] = graphql.parse(query).definitions
    return bad + wrong(root, operation.selection_set.selections, data, root.name, bool(codes))


for operation in source.get_all_operations():
    operation = operation.ok()
    if operation.label in told["leftOut"]:
        continue
    root = operation.definition.type_

    @settings(
        max_examples=told["examples"],
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def every_answer_is_as_the_schema_says(case):
        for what in look(root, case.body):
            found.append(f"{operation.label}: {what}: {case.body}"[:2000])

    every_answer_is_as_the_schema_says()

say("fuzzed", found=found[:20], n=len(found), asked=asked, answered=answered)
