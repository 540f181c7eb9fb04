// Speaks the subprotocol that is called graphql-ws on the wire, with npm: subscriptions-transport-ws.

import { expect, load, run, say, told } from '../../../../simulator/tests/clients/talk.mjs';

const { SubscriptionClient } = load('subscriptions-transport-ws');
const WebSocket = load('ws');

const CHAT = `subscription($communityId: Int!) {
  chatMessage(communityId: $communityId, since: "0") { id username text }
}`;

class SignedIn extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { headers: { cookie: told.cookie } });
  }
}

await run(async () => {
  const client = new SubscriptionClient(told.ws, { reconnect: false }, SignedIn);
  const ask = (query) =>
    new Promise((resolve, reject) => {
      let answer;
      client.request({ query }).subscribe({
        next: (value) => {
          answer = value;
        },
        error: reject,
        complete: () => resolve(answer),
      });
    });
  const { data } = await ask('{ me { displayName } }');
  say('me', data.me);
  const refusal = await ask('{ nothing }').then(
    (answer) => expect(false, `an answer: ${JSON.stringify(answer)}`),
    (errors) => errors,
  );
  const [first] = [refusal].flat();
  say('refused', { code: first.extensions?.code ?? first.originalError?.extensions?.code });

  await new Promise((resolve, reject) => {
    let n = 0;
    const variables = { communityId: told.communityId };
    const subscription = client.request({ query: CHAT, variables }).subscribe({
      next: (event) => {
        say('chat', event.data.chatMessage);
        n += 1;
        if (n === 2) {
          subscription.unsubscribe();
          resolve();
        }
      },
      error: reject,
    });
  });
  // The socket is still good after a `stop`.
  say('again', (await ask('{ me { displayName } }')).data.me);
  client.close();
});
