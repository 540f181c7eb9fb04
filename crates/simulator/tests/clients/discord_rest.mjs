// @discordjs/rest: its own limiter reads the headers, and so says whether they are right.

import { expect, load, run, say, told, wait } from './talk.mjs';

const { DiscordAPIError, REST } = load('@discordjs/rest');
const { Routes } = load('discord-api-types/v10');

const rest = new REST({ version: '10', api: told.api, retries: 3 }).setToken(told.token);
const messages = Routes.channelMessages(told.channel);

const inHours = (hours) => new Date(Date.now() + hours * 3_600_000).toISOString();

/// The error of a call that must not succeed.
async function refused(call) {
  try {
    const answer = await call;
    expect(false, `was answered ${JSON.stringify(answer)}`);
  } catch (error) {
    expect(error instanceof DiscordAPIError, `no error of the API: ${error}`);
    return error;
  }
}

await run(async () => {
  const me = await rest.get(Routes.user());
  expect(me.id === told.application && me.bot, `the bot is ${JSON.stringify(me)}`);

  const sent = await rest.post(messages, {
    body: {
      content: 'quack',
      nonce: '1',
      enforce_nonce: true,
      allowed_mentions: { parse: [] },
      embeds: [{ title: 'Pond', color: 1, fields: [{ name: 'ducks', value: '3', inline: true }] }],
      components: [{ type: 1, components: [{ type: 2, style: 1, label: 'Go', custom_id: 'go' }] }],
    },
  });
  expect(sent.content === 'quack' && sent.embeds.length === 1, `the message is ${JSON.stringify(sent)}`);
  const changed = await rest.patch(Routes.channelMessage(told.channel, sent.id), { body: { content: 'quack quack' } });
  expect(changed.content === 'quack quack' && changed.edited_timestamp, `the change is ${JSON.stringify(changed)}`);
  const doomed = await rest.post(messages, { body: { content: 'gone', message_reference: { message_id: sent.id } } });
  await rest.delete(Routes.channelMessage(told.channel, doomed.id), { reason: 'too loud' });
  say('messages', { id: sent.id, deleted: doomed.id });

  const gone = await refused(rest.patch(Routes.channelMessage(told.channel, doomed.id), { body: { content: '?' } }));
  expect(gone.status === 404 && gone.code === 10008, `a message that is gone: ${gone.status} ${gone.code}`);
  const nowhere = await refused(rest.post(Routes.channelMessages('1'), { body: { content: '?' } }));
  expect(nowhere.status === 404 && nowhere.code === 10003, `a channel that is not there: ${nowhere.code}`);
  const empty = await refused(rest.post(messages, { body: {} }));
  expect(empty.status === 400 && empty.code === 50006, `an empty message: ${empty.status} ${empty.code}`);
  say('refusals');

  const guild = await rest.get(Routes.guild(told.guild));
  expect(guild.id === told.guild, `the guild is ${JSON.stringify(guild)}`);
  const channels = await rest.get(Routes.guildChannels(told.guild));
  expect(channels.some(({ id }) => id === told.channel), `the channels are ${JSON.stringify(channels)}`);
  await rest.get(Routes.channel(told.channel));
  await rest.get(Routes.channelMessages(told.channel), { query: new URLSearchParams({ limit: '10' }) });
  await rest.get(Routes.channelMessage(told.channel, sent.id));
  await rest.get(Routes.guildRoles(told.guild));
  const member = Routes.guildMember(told.guild, told.ann);
  await rest.put(Routes.guildMemberRole(told.guild, told.ann, told.role));
  const ann = await rest.get(member);
  expect(ann.roles.includes(told.role), `the member is ${JSON.stringify(ann)}`);
  await rest.delete(Routes.guildMemberRole(told.guild, told.ann, told.role));
  const loud = Routes.guildMember(told.guild, told.ben);
  const silenced = await rest.patch(loud, { body: { communication_disabled_until: inHours(1) }, reason: 'loud' });
  expect(silenced.communication_disabled_until, `the member is ${JSON.stringify(silenced)}`);
  await rest.put(Routes.guildBan(told.guild, told.ben), { body: { delete_message_seconds: 60 } });
  await rest.delete(Routes.guildBan(told.guild, told.ben));
  const direct = await rest.post(Routes.userChannels(), { body: { recipient_id: told.ann } });
  await rest.post(Routes.channelMessages(direct.id), { body: { content: 'psst' } });
  const commands = [{ name: 'ping', description: 'Says pong', type: 1 }];
  const made = await rest.put(Routes.applicationCommands(told.application), { body: commands });
  expect(made.length === 1 && made[0].name === 'ping', `the commands are ${JSON.stringify(made)}`);
  await rest.put(Routes.applicationGuildCommands(told.application, told.guild), { body: commands });
  await rest.get(Routes.applicationCommands(told.application));
  await rest.get(Routes.gatewayBot());
  await rest.get(Routes.currentApplication());
  say('guild');

  const planned = await rest.post(Routes.guildScheduledEvents(told.guild), {
    body: {
      name: 'Duck race',
      privacy_level: 2,
      entity_type: 3,
      scheduled_start_time: inHours(1),
      scheduled_end_time: inHours(2),
      entity_metadata: { location: 'the pond' },
    },
  });
  expect(planned.name === 'Duck race' && planned.status === 1, `the event is ${JSON.stringify(planned)}`);
  const event = Routes.guildScheduledEvent(told.guild, planned.id);
  const renamed = await rest.patch(event, { body: { name: 'Goose race' } });
  expect(renamed.name === 'Goose race', `the event is ${JSON.stringify(renamed)}`);
  say('planned', { id: planned.id });
  await wait();
  const all = await rest.get(Routes.guildScheduledEvents(told.guild), {
    query: new URLSearchParams({ with_user_count: 'true' }),
  });
  expect(all.length === 1 && all[0].user_count === 3, `the events are ${JSON.stringify(all)}`);
  const users = [];
  for (;;) {
    const query = new URLSearchParams({ limit: '2', ...(users.length ? { after: users.at(-1).user.id } : {}) });
    const page = await rest.get(Routes.guildScheduledEventUsers(told.guild, planned.id), { query });
    users.push(...page);
    if (page.length < 2) break;
  }
  expect(users.length === 3, `the users are ${JSON.stringify(users)}`);
  await rest.delete(event);
  say('events');

  // More than a bucket holds, at once: the limiter must learn from the headers and never meet a 429.
  const limits = [];
  rest.on('rateLimited', (data) => limits.push(data));
  await Promise.all(Array.from({ length: 12 }, (_, n) => rest.post(messages, { body: { content: `burst ${n}` } })));
  expect(limits.length > 0, 'the limiter never waited: it learnt nothing from the headers');
  say('burst', { n_waits: limits.length });

  for (const kind of ['user', 'global']) {
    say('ready for a limit', { kind });
    await wait();
    const before = performance.now();
    await rest.post(messages, { body: { content: `after a ${kind} limit` } });
    const took = performance.now() - before;
    expect(took >= 700, `retry_after of 700 ms was over after ${took} ms`);
  }
  say('limits');
});
