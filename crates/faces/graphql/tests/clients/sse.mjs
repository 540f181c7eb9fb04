// Speaks graphql-sse, an operation on a connection of its own, with npm: graphql-sse.

import { expect, load, run, say, told } from '../../../../simulator/tests/clients/talk.mjs';

const { createClient } = load('graphql-sse');

const CHAT = `subscription($communityId: Int!) {
  chatMessage(communityId: $communityId, since: "0") { id username text }
}`;

await run(async () => {
  const client = createClient({ url: told.http, headers: { cookie: told.cookie }, retryAttempts: 0 });
  const answers = async (request) => {
    const all = [];
    for await (const answer of client.iterate(request)) all.push(answer);
    return all;
  };
  const [me, ...more] = await answers({ query: '{ me { displayName } }' });
  expect(more.length === 0, 'a query has several answers');
  say('me', me.data.me);
  const [refused] = await answers({ query: '{ nothing }' });
  say('refused', { code: refused.errors[0].extensions.code });
  const [missing] = await answers({ query: CHAT, variables: { communityId: 123456 } });
  say('not found', { code: missing.errors[0].extensions.code });

  const chat = client.iterate({ query: CHAT, variables: { communityId: told.communityId } });
  for (let seen = 0; seen < 2; seen += 1) {
    say('chat', (await chat.next()).value.data.chatMessage);
  }
  await chat.return();
  client.dispose();

  const stranger = createClient({ url: told.http, retryAttempts: 0 });
  const chatOfStranger = stranger.iterate({ query: CHAT, variables: { communityId: told.communityId } });
  const status = await chatOfStranger.next().then(
    (event) => expect(false, `an event for a stranger: ${JSON.stringify(event)}`),
    (error) => error.response.status,
  );
  say('stranger', { status });
  stranger.dispose();
});
