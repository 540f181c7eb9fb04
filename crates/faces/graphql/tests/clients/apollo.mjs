// Apollo Client (npm: @apollo/client).

import { expect, load, run, say, told } from '../../../../simulator/tests/clients/talk.mjs';

const { ApolloClient, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } = load('@apollo/client');
const { createHash } = await import('node:crypto');
const { PersistedQueryLink } = load('@apollo/client/link/persisted-queries');
const { BatchHttpLink } = load('@apollo/client/link/batch-http');
const { GraphQLWsLink } = load('@apollo/client/link/subscriptions');
const { relayStylePagination } = load('@apollo/client/utilities');
const { createClient } = load('graphql-ws');
const WebSocket = load('ws');

/// How often something was posted.
let posts = 0;
const headers = { cookie: told.cookie };
const fetchCounting = (url, options) => {
  posts += 1;
  return fetch(url, options);
};

const cache = () =>
  new InMemoryCache({
    typePolicies: { Community: { fields: { members: relayStylePagination(['sort']) } } },
  });
const over = (link) => new ApolloClient({ link, cache: cache() });
const options = { uri: told.http, headers, fetch: fetchCounting };

await run(async () => {
  const client = over(new HttpLink(options));
  const me = await client.query({ query: gql`{ me { displayName } }` });
  say('me', me.data.me);
  const variables = { communityId: told.communityId };
  const forbidden = await client
    .query({
      query: gql`query ($communityId: Int!) { community(communityId: $communityId) { id connections { name } } }`,
      variables,
    })
    .catch((error) => error);
  expect(CombinedGraphQLErrors.is(forbidden), `no error of GraphQL: ${forbidden}`);
  say('error', { code: forbidden.errors[0].extensions.code });

  const batching = over(new BatchHttpLink({ ...options, batchMax: 5, batchInterval: 20 }));
  posts = 0;
  const answers = await Promise.all([
    batching.query({ query: gql`{ me { displayName } }` }),
    batching.query({
      query: gql`query ($communityId: Int!) { community(communityId: $communityId) { id name } }`,
      variables,
    }),
    batching.query({ query: gql`{ kind: __typename }` }),
  ]);
  const [{ data: first }, { data: second }, { data: third }] = answers;
  say('batch', { posts, names: [first.me.displayName, second.community.name, third.kind] });

  // Twice by its hash: the first time the server does not know it and is told, the second time it does.
  const sha256 = (text) => createHash('sha256').update(text).digest('hex');
  const named = gql`query Named($communityId: Int!) { community(communityId: $communityId) { id slug } }`;
  const rounds = [];
  for (let round = 0; round < 2; round += 1) {
    const hashing = over(new PersistedQueryLink({ sha256 }).concat(new HttpLink(options)));
    posts = 0;
    const { data } = await hashing.query({ query: named, variables });
    rounds.push({ posts, slug: data.community.slug });
  }
  say('hashed', { rounds });

  posts = 0;
  const query = gql`
    query ($communityId: Int!, $after: String) {
      community(communityId: $communityId) {
        id
        members(first: 2, after: $after, sort: NAME) {
          edges { cursor node { userId name } }
          pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }
    }
  `;
  const paging = client.watchQuery({ query, variables });
  await new Promise((resolve, reject) => {
    paging.subscribe({ next: ({ dataState }) => dataState === 'complete' && resolve(), error: reject });
  });
  // What the cache has put together of the pages so far.
  const members = () => client.readQuery({ query, variables }).community.members;
  while (members().pageInfo.hasNextPage) {
    expect(posts < 10, 'pages do not end');
    await paging.fetchMore({ variables: { after: members().pageInfo.endCursor } });
  }
  say('pages', { posts, names: members().edges.map((edge) => edge.node.name) });

  const socket = createClient({
    url: told.ws,
    webSocketImpl: class extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, { headers });
      }
    },
  });
  const following = over(new GraphQLWsLink(socket)).subscribe({
    query: gql`
      subscription ($communityId: Int!) {
        chatMessage(communityId: $communityId, since: "0") { id username text }
      }
    `,
    variables,
  });
  await new Promise((resolve, reject) => {
    let n = 0;
    const subscription = following.subscribe({
      next: ({ data }) => {
        n += 1;
        if (n === 4) say('chat', data.chatMessage);
        if (n === 5) {
          say('live', data.chatMessage);
          subscription.unsubscribe();
          resolve();
        }
      },
      error: reject,
    });
  });
  await socket.dispose();
});
