// Starts GraphiQL against this server's own endpoint: queries over POST, subscriptions over
// graphql-transport-ws. Loads nothing from anywhere else.
"use strict";
(() => {
  // The one style GraphiQL writes itself (no scrolling behind a dialog) carries this nonce.
  window.__webpack_nonce__ = document.querySelector("meta[name=style-nonce]").content;
  const socket = new URL("/graphql", window.location.href);
  socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
  const fetcher = window.GraphiQL.createFetcher({
    url: "/graphql",
    subscriptionUrl: socket.href,
  });
  const defaultQuery = `# Ctrl-Enter runs the query; Ctrl-Space completes.
query Start {
  me { displayName }
  communities(limit: 5) {
    id
    name
    memberCount
    activity(period: LAST_30_DAYS) { messages { value previous } dau { value } }
  }
}
`;
  window.ReactDOM.createRoot(document.getElementById("graphiql")).render(
    window.React.createElement(window.GraphiQL, {
      fetcher,
      defaultQuery,
      shouldPersistHeaders: false,
      isHeadersEditorEnabled: false,
    }),
  );
})();
