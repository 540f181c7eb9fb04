"""What `cargo xtask bench graphql` is compared with: the stack that the roadmap names (strawberry-graphql, FastAPI,
uvicorn) over the same SQLite file, with a DataLoader for every relation. It answers one query of the bench, the way its
documentation shows, and leaves out what would slow it down further: signing in, rights, limits, caching. The bench compares
its answer with WaddleBot's before it measures.

Usage: beside.py FILE PORT
"""

import sqlite3
import sys
from collections import defaultdict
from datetime import datetime, timezone
from enum import Enum
from typing import Optional

import strawberry
import uvicorn
from fastapi import FastAPI
from strawberry.dataloader import DataLoader
from strawberry.fastapi import GraphQLRouter

PLATFORMS = {1: "DISCORD", 2: "TWITCH", 3: "SLACK", 4: "IRC", 5: "IMPORT"}
ROLES = {0: "BANNED", 10: "MEMBER", 20: "VIP", 30: "MODERATOR", 40: "ADMIN", 50: "OWNER"}
TIERS = [(800, "Exceptional"), (740, "Very good"), (670, "Good"), (580, "Fair"), (0, "Poor")]

database = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, check_same_thread=False)


def rows(text, *values):
    return database.execute(text, values).fetchall()


def marks(keys):
    return ",".join("?" * len(keys))


def instant(micros):
    text = datetime.fromtimestamp(micros / 1e6, timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class Loaders:
    """One set for each request, each of which asks once for all members of a list."""

    def __init__(self):
        self.roles = DataLoader(load_fn=self.load_roles)
        self.accounts = DataLoader(load_fn=self.load_accounts)
        self.scores = DataLoader(load_fn=self.load_scores)

    @staticmethod
    async def load_roles(keys):
        found = dict(
            rows(
                f"SELECT user_id, role FROM membership WHERE community_id = ? AND user_id IN ({marks(keys)})",
                keys[0][0],
                *(user for _, user in keys),
            )
        )
        return [found.get(user) for _, user in keys]

    @staticmethod
    async def load_accounts(keys):
        found = defaultdict(list)
        for user, platform, username, is_bot in rows(
            f"SELECT user_id, platform, username, is_bot FROM platform_account WHERE user_id IN ({marks(keys)}) "
            "ORDER BY platform, id",
            *keys,
        ):
            found[user].append(Account(platform=PLATFORMS[platform], username=username, is_bot=bool(is_bot)))
        return [found[user] for user in keys]

    @staticmethod
    async def load_scores(keys):
        found = dict(
            rows(
                "SELECT a.user_id, SUM(r.change) FROM platform_account a JOIN reputation r ON r.account_id = a.id "
                f"AND r.community_id = ? WHERE a.user_id IN ({marks(keys)}) GROUP BY a.user_id",
                keys[0][0],
                *(user for _, user in keys),
            )
        )
        return [found.get(user, 0) for _, user in keys]


@strawberry.type
class Account:
    platform: str
    username: str
    is_bot: bool


@strawberry.enum
class MemberSort(Enum):
    MESSAGES = "messages"


@strawberry.type
class Reputation:
    score: int
    rank: str


@strawberry.type
class Member:
    community: strawberry.Private[int]
    user_id: int
    name: str
    message_count: int
    active_days: int
    last_seen_at: str

    @strawberry.field
    async def role(self, info: strawberry.Info) -> Optional[str]:
        code = await info.context["loaders"].roles.load((self.community, self.user_id))
        return None if code is None else ROLES[code]

    @strawberry.field
    async def reputation(self, info: strawberry.Info) -> Reputation:
        change = await info.context["loaders"].scores.load((self.community, self.user_id))
        score = min(850_000, max(300_000, 600_000 + change)) // 1_000
        rank = next(name for least, name in TIERS if score >= least)
        return Reputation(score=score, rank=rank)

    @strawberry.field
    async def accounts(self, info: strawberry.Info) -> list[Account]:
        return await info.context["loaders"].accounts.load(self.user_id)


@strawberry.type
class Members:
    nodes: list[Member]


@strawberry.type
class Community:
    id: int
    name: str
    slug: str

    @strawberry.field
    async def members(self, first: int = 25, sort: MemberSort = MemberSort.MESSAGES) -> Members:
        found = rows(
            "SELECT user_id, name, messages, active_days, last_at FROM member WHERE community_id = ? "
            f"ORDER BY {sort.value} DESC, user_id DESC LIMIT ?",
            self.id,
            first,
        )
        return Members(
            nodes=[
                Member(
                    community=self.id,
                    user_id=user,
                    name=name,
                    message_count=n,
                    active_days=days,
                    last_seen_at=instant(at),
                )
                for user, name, n, days, at in found
            ]
        )


@strawberry.type
class Query:
    @strawberry.field
    async def community(self, community_id: int) -> Optional[Community]:
        found = rows("SELECT id, name, slug FROM community WHERE id = ?", community_id)
        return Community(id=found[0][0], name=found[0][1], slug=found[0][2]) if found else None


async def context():
    return {"loaders": Loaders()}


app = FastAPI()
app.include_router(GraphQLRouter(strawberry.Schema(Query), context_getter=context), prefix="/graphql")

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning", access_log=False)
