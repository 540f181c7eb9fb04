"""slack_sdk's WebClient."""

import time

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from talk import expect, say, told, wait

client = WebClient(token=told["token"], base_url=told["api"] + "/")
client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=2))
channel = told["channel"]


def refused(call, **arguments):
    """The error of a call that must not succeed."""
    try:
        answer = call(**arguments)
    except SlackApiError as error:
        return error.response["error"]
    expect(False, f"{call.__name__} was answered {answer.data}")


who = client.auth_test()
expect(who["team_id"] == told["team"], f"auth.test says {who.data}")
expect(who["user_id"] == told["bot_user"], f"auth.test says {who.data}")
say("auth")

sent = client.chat_postMessage(
    channel=channel,
    text="quack",
    blocks=[
        {"type": "section", "text": {"type": "mrkdwn", "text": "*quack*"}},
        {
            "type": "actions",
            "elements": [
                {
                    "type": "button",
                    "text": {"type": "plain_text", "text": "Go"},
                    "action_id": "go",
                    "value": "1",
                }
            ],
        },
    ],
    unfurl_links=False,
)
expect(sent["message"]["text"] == "quack", f"chat.postMessage says {sent.data}")
expect(sent["message"]["ts"] == sent["ts"], f"chat.postMessage says {sent.data}")
reply = client.chat_postMessage(channel=channel, text="in a thread", thread_ts=sent["ts"])
expect(reply["message"]["thread_ts"] == sent["ts"], f"a reply says {reply.data}")
changed = client.chat_update(channel=channel, ts=sent["ts"], text="quack quack")
expect(changed["ts"] == sent["ts"] and changed["text"] == "quack quack", f"chat.update says {changed.data}")
gone = client.chat_delete(channel=channel, ts=reply["ts"])
expect(gone["ts"] == reply["ts"], f"chat.delete says {gone.data}")
say("messages", ts=sent["ts"], deleted=reply["ts"])

names = []
n_pages = 0
for page in client.conversations_list(limit=1):
    n_pages += 1
    names += [one["name"] for one in page["channels"]]
expect(sorted(names) == sorted(told["channels"]), f"conversations.list names {names}")
expect(n_pages >= len(names), f"{len(names)} channels came on {n_pages} pages of one")
say("pages", n=n_pages)

about = client.users_info(user=told["user"])
expect(about["user"]["id"] == told["user"], f"users.info says {about.data}")
direct = client.conversations_open(users=told["user"])
client.chat_postMessage(channel=direct["channel"]["id"], text="psst")
later = client.chat_scheduleMessage(channel=channel, text="later", post_at=int(time.time()) + 3600)
client.chat_deleteScheduledMessage(channel=channel, scheduled_message_id=later["scheduled_message_id"])
client.chat_scheduledMessages_list(channel=channel)
client.chat_postEphemeral(channel=channel, user=told["user"], text="only for you")
client.conversations_info(channel=channel)
client.conversations_members(channel=channel)
client.conversations_join(channel=channel)
client.reactions_add(channel=channel, timestamp=sent["ts"], name="duck")
people = client.users_list()
expect(told["user"] in [one["id"] for one in people["members"]], f"users.list says {people.data}")
say("others")

expect(refused(client.chat_postMessage, channel="C0NOTHERE0", text="quack") == "channel_not_found", "a channel that is not there")
expect(refused(client.chat_delete, channel=channel, ts=reply["ts"]) == "message_not_found", "a message that is gone")
expect(refused(client.users_info, user="U0NOTHERE0") == "user_not_found", "a user who is not there")
stranger = WebClient(token="xoxb-wrong", base_url=told["api"] + "/")
expect(refused(stranger.auth_test) == "invalid_auth", "a wrong token")
say("refusals")

say("ready for a limit")
wait()
before = time.monotonic()
client.chat_postMessage(channel=channel, text="after the limit")
took = time.monotonic() - before
expect(took >= 1.0, f"Retry-After of a second was over after {took:.3f} s")
say("limit")
