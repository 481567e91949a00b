// How the page talks to the graph: queries over HTTP, live values over graphql-transport-ws.
import { createClient as createSocket } from 'graphql-ws';
import { cacheExchange, Client, fetchExchange, mapExchange, subscriptionExchange } from 'urql';
import type { CombinedError } from 'urql';
import { graphql } from './gql';
import { tellLiveness } from './live';
import { endSession } from './session';

/** Whatever was answered before: ask the server. */
export const AFRESH = { requestPolicy: 'network-only' } as const;

const REFUSED_CLOSURES = [4401, 4403];
const ViewerQuery = graphql(`
  query StillKnown {
    viewer {
      role
    }
  }
`);

/** Where the graph is: beside this page unless the page's own `meta` says otherwise. */
export const endpoint = new URL(
  document.querySelector<HTMLMetaElement>('meta[name="graphql"]')?.content || '/graphql',
  location.href,
);

export function openClient(token: string): Client {
  const authorization = `Bearer ${token}`;
  const socketUrl = new URL(endpoint);
  socketUrl.protocol = endpoint.protocol === 'https:' ? 'wss:' : 'ws:';
  const socket = createSocket({
    url: socketUrl.href,
    connectionParams: { Authorization: authorization },
    retryAttempts: Infinity,
    shouldRetry: () => true,
    on: {
      connected: () => tellLiveness('live'),
      closed: (event) => {
        tellLiveness('offline');
        // Whether it was the token, the server says over HTTP.
        const { code } = event as CloseEvent;
        if (REFUSED_CLOSURES.includes(code)) void client.query(ViewerQuery, {}, AFRESH).toPromise();
      },
    },
  });
  const client = new Client({
    url: endpoint.href,
    preferGetMethod: false,
    fetchOptions: { headers: { Authorization: authorization }, credentials: 'omit' },
    exchanges: [
      mapExchange({ onError: endWhenUnknown }),
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query: query ?? '', variables }, sink),
          }),
        }),
      }),
    ],
  });
  return client;
}

function endWhenUnknown(error: CombinedError): void {
  if (codeOf(error) === 'UNAUTHENTICATED') endSession();
}

/** The stable code of an answer that failed; none when there was no answer. */
export function codeOf(error: CombinedError): string | undefined {
  return extension(error, 'code');
}

/** What to quote when asking for help. */
export function requestIdOf(error: CombinedError): string | undefined {
  return extension(error, 'requestId');
}

function extension(error: CombinedError, name: string): string | undefined {
  const value = error.graphQLErrors[0]?.extensions[name];
  return typeof value === 'string' ? value : undefined;
}
