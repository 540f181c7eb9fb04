// The audits of GraphQL over HTTP (npm: graphql-http): MUST, SHOULD and MAY.

import { load, run, say, told } from '../../../../simulator/tests/clients/talk.mjs';

const { auditServer } = load('graphql-http');

await run(async () => {
  const results = await auditServer({ url: told.http });
  say('audits', {
    results: results.map(({ id, name, status, reason }) => ({ id, name, status, reason })),
  });
});
