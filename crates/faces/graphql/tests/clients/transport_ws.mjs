// Speaks graphql-transport-ws with npm: graphql-ws.

import { expect, load, run, say, told, wait } from '../../../../simulator/tests/clients/talk.mjs';

const { createClient } = load('graphql-ws');
const WebSocket = load('ws');

const CHAT = `subscription($communityId: Int!, $since: ID) {
  chatMessage(communityId: $communityId, since: $since) { id username text }
}`;

/// A WebSocket of somebody who may be signed in: the package `ws` has a place for headers, browsers send cookies.
function signedIn(cookie) {
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols, { headers: cookie ? { cookie } : {} });
    }
  };
}

await run(async () => {
  let left;
  const closed = new Promise((resolve) => {
    left = resolve;
  });
  const client = createClient({
    url: told.ws,
    webSocketImpl: signedIn(told.cookie),
    retryAttempts: 0,
    on: { closed: (event) => left(event.code) },
  });
  for await (const answer of client.iterate({ query: '{ me { displayName } }' })) {
    say('me', answer.data.me);
  }

  try {
    for await (const event of client.iterate({ query: CHAT, variables: { communityId: 123456 } })) {
      expect(false, `an event: ${JSON.stringify(event)}`);
    }
    expect(false, 'a community that is not there completes');
  } catch (errors) {
    expect(Array.isArray(errors), `not refused but broken: ${errors}`);
    say('error', { code: errors[0].extensions.code });
  }

  // Its own client, so that breaking its connection is no goodbye of the other.
  let since = '0';
  let follower = createClient({ url: told.ws, webSocketImpl: signedIn(told.cookie), retryAttempts: 0 });
  const follow = () => follower.iterate({ query: CHAT, variables: { communityId: told.communityId, since } });
  let chat = follow();
  for (let seen = 0; seen < 2; seen += 1) {
    const { value } = await chat.next();
    since = value.data.chatMessage.id;
    say('chat', value.data.chatMessage);
  }
  const broken = chat.next().then(
    () => expect(false, 'a broken connection goes on'),
    () => say('broken'),
  );
  follower.terminate();
  await broken;
  await wait();
  follower = createClient({ url: told.ws, webSocketImpl: signedIn(told.cookie), retryAttempts: 0 });
  chat = follow();
  say('chat', (await chat.next()).value.data.chatMessage);
  await chat.return();
  await follower.dispose();

  const refused = await new Promise((resolve) => {
    const Stranger = signedIn('');
    const socket = new Stranger(told.ws, ['graphql-transport-ws']);
    socket.on('unexpected-response', (_, response) => resolve(response.statusCode));
    socket.on('open', () => resolve(101));
  });
  say('stranger', { status: refused });

  await client.dispose();
  say('left', { code: await closed });
});
