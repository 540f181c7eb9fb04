// @slack/socket-mode.

import { load, run, say, told, wait } from './talk.mjs';

const { LogLevel, SocketModeClient } = load('@slack/socket-mode');

const client = new SocketModeClient({
  appToken: told.app_token,
  logLevel: LogLevel.ERROR,
  clientOptions: { slackApiUrl: `${told.api}/` },
});

await run(async () => {
  client.on('slack_event', async ({ ack, body, type }) => {
    await ack(type === 'slash_commands' ? { text: 'pong' } : undefined);
    say(type, { payload: body });
  });
  await client.start();
  say('connected');
  await wait();
  await client.disconnect();
  say('closed');
});
