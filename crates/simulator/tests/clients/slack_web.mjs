// @slack/web-api.

import { expect, load, run, say, told, wait } from './talk.mjs';

const { LogLevel, WebClient, WebClientEvent } = load('@slack/web-api');

const options = { slackApiUrl: `${told.api}/`, logLevel: LogLevel.ERROR };
const client = new WebClient(told.token, options);
const { channel } = told;

/// The error of a call that must not succeed.
async function refused(call) {
  try {
    const answer = await call;
    expect(false, `was answered ${JSON.stringify(answer)}`);
  } catch (error) {
    return error.data?.error;
  }
}

await run(async () => {
  const who = await client.auth.test();
  expect(who.team_id === told.team && who.user_id === told.bot_user, `auth.test says ${JSON.stringify(who)}`);
  say('auth');

  const sent = await client.chat.postMessage({
    channel,
    text: 'quack',
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: '*quack*' } },
      {
        type: 'actions',
        elements: [{ type: 'button', text: { type: 'plain_text', text: 'Go' }, action_id: 'go', value: '1' }],
      },
    ],
    unfurl_links: false,
  });
  expect(sent.message.text === 'quack' && sent.message.ts === sent.ts, `chat.postMessage says ${JSON.stringify(sent)}`);
  expect(sent.message.blocks?.length === 2, `chat.postMessage says ${JSON.stringify(sent)}`);
  const reply = await client.chat.postMessage({ channel, text: 'in a thread', thread_ts: sent.ts });
  expect(reply.message.thread_ts === sent.ts, `a reply says ${JSON.stringify(reply)}`);
  const changed = await client.chat.update({ channel, ts: sent.ts, text: 'quack quack' });
  expect(changed.ts === sent.ts && changed.text === 'quack quack', `chat.update says ${JSON.stringify(changed)}`);
  const gone = await client.chat.delete({ channel, ts: reply.ts });
  expect(gone.ts === reply.ts, `chat.delete says ${JSON.stringify(gone)}`);
  say('messages', { ts: sent.ts, deleted: reply.ts });

  const names = [];
  let n = 0;
  for await (const page of client.paginate('conversations.list', { limit: 1 })) {
    n += 1;
    names.push(...page.channels.map((one) => one.name));
  }
  expect(names.sort().join() === told.channels.sort().join(), `conversations.list names ${names}`);
  expect(n >= names.length, `${names.length} channels came on ${n} pages of one`);
  say('pages', { n });

  const about = await client.users.info({ user: told.user });
  expect(about.user.id === told.user, `users.info says ${JSON.stringify(about)}`);
  const direct = await client.conversations.open({ users: told.user });
  await client.chat.postMessage({ channel: direct.channel.id, text: 'psst' });
  const later = await client.chat.scheduleMessage({
    channel,
    text: 'later',
    post_at: Math.floor(Date.now() / 1000) + 3600,
  });
  await client.chat.deleteScheduledMessage({ channel, scheduled_message_id: later.scheduled_message_id });
  await client.chat.scheduledMessages.list({ channel });
  await client.chat.postEphemeral({ channel, user: told.user, text: 'only for you' });
  await client.conversations.info({ channel });
  await client.conversations.members({ channel });
  await client.conversations.join({ channel });
  await client.reactions.add({ channel, timestamp: sent.ts, name: 'duck' });
  const people = await client.users.list({});
  expect(people.members.some((one) => one.id === told.user), `users.list says ${JSON.stringify(people)}`);
  say('others');

  const nowhere = await refused(client.chat.postMessage({ channel: 'C0NOTHERE0', text: 'quack' }));
  expect(nowhere === 'channel_not_found', `a channel that is not there is ${nowhere}`);
  const twice = await refused(client.chat.delete({ channel, ts: reply.ts }));
  expect(twice === 'message_not_found', `a message that is gone is ${twice}`);
  const stranger = await refused(new WebClient('xoxb-wrong', options).auth.test());
  expect(stranger === 'invalid_auth', `a wrong token is ${stranger}`);
  say('refusals');

  let limited;
  client.on(WebClientEvent.RATE_LIMITED, (seconds) => {
    limited = seconds;
  });
  say('ready for a limit');
  await wait();
  const before = performance.now();
  await client.chat.postMessage({ channel, text: 'after the limit' });
  const took = performance.now() - before;
  expect(limited === 1, `Retry-After is ${limited}`);
  expect(took >= 1000, `Retry-After of a second was over after ${took} ms`);
  say('limit');
});
