"""slack_sdk's SocketModeClient."""

from slack_sdk import WebClient
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

from talk import say, told, wait

client = SocketModeClient(
    app_token=told["app_token"],
    web_client=WebClient(token=told["token"], base_url=told["api"] + "/"),
    ping_interval=1,
)


def heard(client, request):
    answer = {"text": "pong"} if request.type == "slash_commands" else None
    response = SocketModeResponse(envelope_id=request.envelope_id, payload=answer)
    client.send_socket_mode_response(response)
    say(request.type, payload=request.payload)


client.socket_mode_request_listeners.append(heard)
client.connect()
button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "action_id": "go", "value": "1"}
sent = client.web_client.chat_postMessage(
    channel=told["channel"], text="press", blocks=[{"type": "actions", "elements": [button]}]
)
say("connected", ts=sent["ts"])
wait()
client.close()
say("closed")
