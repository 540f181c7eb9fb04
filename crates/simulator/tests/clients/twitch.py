"""twitchAPI: tokens, Helix, EventSub over WebSocket."""

import asyncio
import sys
from datetime import datetime, timedelta, timezone

from twitchAPI.eventsub.websocket import EventSubWebsocket
from twitchAPI.helper import first
from twitchAPI.twitch import Twitch
from twitchAPI.type import AuthScope, AuthType, TwitchAPIException

from talk import expect, say, told, wait

SCOPES = [
    AuthScope.USER_READ_CHAT,
    AuthScope.USER_WRITE_CHAT,
    AuthScope.USER_BOT,
    AuthScope.CHANNEL_BOT,
    AuthScope.MODERATOR_READ_FOLLOWERS,
    AuthScope.CHANNEL_READ_SUBSCRIPTIONS,
    AuthScope.BITS_READ,
    AuthScope.CHANNEL_MANAGE_SCHEDULE,
    AuthScope.MODERATOR_MANAGE_ANNOUNCEMENTS,
    AuthScope.MODERATOR_MANAGE_CHAT_MESSAGES,
    AuthScope.MODERATOR_READ_CHATTERS,
    AuthScope.MODERATION_READ,
    AuthScope.USER_MANAGE_WHISPERS,
]


async def go():
    await asyncio.get_running_loop().run_in_executor(None, wait)


async def main():
    twitch = await Twitch(
        told["client_id"],
        told["client_secret"],
        base_url=told["api"] + "/",
        auth_base_url=told["id"] + "/",
    )
    user = await first(twitch.get_users(logins=[told["login"]]))
    expect(user is not None and user.id == told["broadcaster"], f"users says {user and user.to_dict()}")
    say("app token")

    await twitch.set_user_authentication(told["access"], SCOPES, told["refresh"])
    me = await first(twitch.get_users())
    expect(me.id == told["broadcaster"], f"the token's user is {me.to_dict()}")
    sent = await twitch.send_chat_message(me.id, me.id, "quack")
    expect(sent.is_sent and sent.message_id, f"chat/messages says {sent.to_dict()}")
    await twitch.send_chat_announcement(me.id, me.id, "hear, hear")
    loud = await twitch.send_chat_message(me.id, me.id, "too loud")
    await twitch.delete_chat_message(me.id, me.id, loud.message_id)
    await twitch.send_whisper(me.id, told["ann"], "psst")
    try:
        await twitch.send_chat_message(me.id, me.id, "quack", reply_parent_message_id="nothing")
        expect(False, "an answer to nothing was taken")
    except TwitchAPIException as error:
        say("refused", error=str(error))
    say("sent", id=sent.message_id)

    about = await twitch.get_channel_information(me.id)
    expect(about[0].broadcaster_login == told["login"], f"channels says {about[0].to_dict()}")
    chatters = await twitch.get_chatters(me.id, me.id)
    expect(chatters.total >= 0, f"chat/chatters says {chatters.to_dict()}")
    expect([it async for it in twitch.get_moderators(me.id)] == [], "there are moderators")
    expect([it async for it in twitch.get_streams(user_id=[me.id])] == [], "a stream is live")
    say("channel")

    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    made = await twitch.create_channel_stream_schedule_segment(
        me.id, tomorrow, "Europe/Berlin", False, duration="60", title="Duck race"
    )
    segment = made.segments[0]
    expect(segment.title == "Duck race", f"the segment is {segment.to_dict()}")
    changed = await twitch.update_channel_stream_schedule_segment(me.id, segment.id, title="Goose race")
    expect(changed.segments[0].title == "Goose race", f"the segment is {changed.segments[0].to_dict()}")
    plan = await twitch.get_channel_stream_schedule(me.id)
    expect([it.title for it in plan.segments] == ["Goose race"], f"the schedule is {plan.to_dict()}")
    await twitch.delete_channel_stream_schedule_segment(me.id, segment.id)
    say("schedule")

    say("ready for an expired token")
    await go()
    me = await first(twitch.get_users())
    expect(me.id == told["broadcaster"], "the refreshed token is somebody else's")
    expect(twitch.get_user_auth_token() != told["access"], "the token was not refreshed")
    say("refreshed")

    async def on_message(event):
        say(
            "message",
            id=event.event.message_id,
            user=event.event.chatter_user_id,
            text=event.event.message.text,
        )

    async def on_follow(event):
        say("follow", user=event.event.user_id, at=event.event.followed_at.isoformat())

    async def on_cheer(event):
        say("cheer", bits=event.event.bits)

    async def on_subscribe(event):
        say("subscribe", tier=event.event.tier)

    async def on_raid(event):
        say("raid", viewers=event.event.viewers)

    async def on_online(event):
        say("online", type=event.event.type)

    events = EventSubWebsocket(
        twitch,
        connection_url=told["eventsub"],
        subscription_url=told["api"] + "/",
    )
    events.start()
    await events.listen_channel_chat_message(me.id, me.id, on_message)
    await events.listen_channel_follow_v2(me.id, me.id, on_follow)
    await events.listen_channel_cheer(me.id, on_cheer)
    await events.listen_channel_subscribe(me.id, on_subscribe)
    await events.listen_channel_raid(on_raid, to_broadcaster_user_id=me.id)
    await events.listen_stream_online(me.id, on_online)
    theirs = await twitch.get_eventsub_subscriptions(target_token=AuthType.USER)
    expect(theirs.total == 6, f"eventsub/subscriptions says {theirs.total}")
    say("listening")
    await go()
    # Since the cut they have other ids; the answer to the last may be on its way.
    while len(events._active_subscriptions) < 6:
        await asyncio.sleep(0.01)
    for topic in list(events._active_subscriptions):
        expect(await events.unsubscribe_topic(topic), f"{topic} is not there")
    say("unsubscribed")
    await events.stop()
    await twitch.close()
    say("closed")


try:
    asyncio.run(main())
except BaseException as error:
    if isinstance(error, SystemExit):
        raise
    import traceback

    traceback.print_exc()
    sys.exit(1)
