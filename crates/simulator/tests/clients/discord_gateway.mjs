// @discordjs/ws: identify, heartbeat, resume.

import { expect, load, run, say, told, wait } from './talk.mjs';

const { REST } = load('@discordjs/rest');
const { Routes } = load('discord-api-types/v10');
const { WebSocketManager, WebSocketShardEvents } = load('@discordjs/ws');

const rest = new REST({ version: '10', api: told.api }).setToken(told.token);
const manager = new WebSocketManager({ token: told.token, intents: told.intents, rest });

await run(async () => {
  manager.on(WebSocketShardEvents.Ready, (data) => say('ready', { data }));
  manager.on(WebSocketShardEvents.Resumed, () => say('resumed'));
  manager.on(WebSocketShardEvents.HeartbeatComplete, ({ latency }) => say('heartbeat', { latency }));
  manager.on(WebSocketShardEvents.Closed, (code) => say('closed', { code }));
  manager.on(WebSocketShardEvents.Dispatch, (payload) => say(payload.t, { data: payload.d, sequence: payload.s }));
  manager.on(WebSocketShardEvents.Dispatch, async ({ t, d }) => {
    if (t !== 'INTERACTION_CREATE') return;
    // Slowly: "thinking", then the answer, then another.
    await rest.post(Routes.interactionCallback(d.id, d.token), { body: { type: 5 }, auth: false });
    await rest.patch(Routes.webhookMessage(d.application_id, d.token), { body: { content: 'pong' }, auth: false });
    await rest.post(Routes.webhook(d.application_id, d.token), { body: { content: 'and pong', flags: 64 }, auth: false });
    say('answered');
  });
  manager.on(WebSocketShardEvents.Error, (error) => expect(false, error));
  await manager.connect();
  say('connected');
  await wait();
  await manager.destroy();
});
