"""An OpenID Connect provider that others wrote (PyPI: oidc-provider-mock)."""

import logging
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "simulator/tests/clients"))

import oidc_provider_mock
from talk import say, told, wait

logging.disable(logging.INFO)
users = [oidc_provider_mock.User(**user) for user in told["users"]]
with oidc_provider_mock.run_server_in_thread(user_claims=users) as server:
    say("ready", issuer=f"http://localhost:{server.server_port}")
    wait()
