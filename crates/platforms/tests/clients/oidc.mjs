// An OpenID Connect provider that others wrote (npm: oauth2-mock-server). At every «go» it does the next thing it is
// told: be honest, or lie in one way.

import { expect, load, run, say, told, wait } from '../../../simulator/tests/clients/talk.mjs';

const { OAuth2Server } = load('oauth2-mock-server');

const lies = {
  honest: () => {},
  'other nonce': (token) => {
    token.payload.nonce = 'of another sign-in';
  },
  'other audience': (token) => {
    token.payload.aud = 'somebody-else';
  },
  'other issuer': (token) => {
    token.payload.iss = 'https://elsewhere.example.org';
  },
  ended: (token) => {
    token.payload.exp = Math.floor(Date.now() / 1000) - 3600;
  },
  unchecked: (token) => {
    token.payload.email_verified = false;
  },
};

await run(async () => {
  const server = new OAuth2Server();
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  server.issuer.url = `http://127.0.0.1:${server.address().port}`;
  let lie = lies.honest;
  server.service.on('beforeTokenSigning', (token) => {
    token.payload.sub = 'ada-1';
    token.payload.preferred_username = 'ada';
    token.payload.name = 'Ada L.';
    token.payload.email = 'ada@example.org';
    token.payload.email_verified = true;
    lie(token);
  });
  let asked = [];
  server.service.on('beforeResponse', (_, request) => asked.push(request.body.grant_type));
  let revoked = 0;
  server.service.on('beforeRevoke', () => {
    revoked += 1;
  });
  say('ready', { issuer: server.issuer.url });
  for (const what of told.then) {
    await wait();
    if (what === 'new keys') {
      // The old one is gone: what is signed from now on fits no key that anybody knows.
      const old = server.issuer.keys.toJSON().map((key) => key.kid);
      await server.issuer.keys.generate('RS256');
      const fresh = server.issuer.keys.toJSON().find((key) => !old.includes(key.kid));
      const get = server.issuer.keys.get.bind(server.issuer.keys);
      server.issuer.keys.get = (kid) => get(kid ?? fresh.kid);
      server.issuer.keys.toJSON = () => [fresh];
      lie = lies.honest;
    } else {
      expect(what in lies, `${what} is no lie`);
      lie = lies[what];
    }
    say(what);
  }
  await wait();
  say('end', { asked, revoked });
  await server.stop();
});
