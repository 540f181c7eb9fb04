// @slack/socket-mode.

import { load, run, say, told, wait } from './talk.mjs';

const { LogLevel, SocketModeClient } = load('@slack/socket-mode');

const { WebClient } = load('@slack/web-api');

const options = { slackApiUrl: `${told.api}/` };
const client = new SocketModeClient({
  appToken: told.app_token,
  logLevel: LogLevel.ERROR,
  clientOptions: options,
});

await run(async () => {
  client.on('slack_event', async ({ ack, body, type }) => {
    await ack(type === 'slash_commands' ? { text: 'pong' } : undefined);
    say(type, { payload: body });
  });
  await client.start();
  const button = { type: 'button', text: { type: 'plain_text', text: 'Go' }, action_id: 'go', value: '1' };
  const sent = await new WebClient(told.token, options).chat.postMessage({
    channel: told.channel,
    text: 'press',
    blocks: [{ type: 'actions', elements: [button] }],
  });
  say('connected', { ts: sent.ts });
  await wait();
  await client.disconnect();
  say('closed');
});
