// Verifies messages with the library of the specification (npm: standardwebhooks) and with the guide's example.

import { expect, load, run, say, told, wait } from '../../../../simulator/tests/clients/talk.mjs';

const { Webhook, WebhookVerificationError } = load('standardwebhooks');

function byLibrary(library, { body, headers }) {
  try {
    library.verify(body, headers);
    return true;
  } catch (error) {
    // It reads the body as JSON once the signature is right.
    if (error instanceof SyntaxError) return true;
    expect(error instanceof WebhookVerificationError, error);
    return false;
  }
}

await run(async () => {
  const library = new Webhook(told.secret);
  say('library', { good: told.cases.map((one) => byLibrary(library, one)) });
  const source = `data:text/javascript,${encodeURIComponent(told.example)}`;
  const { verify } = await import(source);
  const byExample = ({ body, headers }) => verify(told.secret, headers, Buffer.from(body));
  say('example', { good: told.cases.map(byExample) });
  await wait();
});
