// The next invoice as it stands: asked for once, then pushed by the server whenever it changes.
import { useEffect } from 'react';
import { useQuery, useSubscription } from 'urql';
import { AFRESH } from '../client';
import { graphql } from '../gql';
import type { PreviewFragment } from '../gql/graphql';
import { useLiveness } from '../live';

const POLL_SECONDS = 30;

export const PreviewQuery = graphql(`
  query Preview($subscription: ID!) {
    planSubscription(id: $subscription) {
      id
      invoicePreview {
        ...Preview
      }
    }
  }
  fragment Preview on InvoicePreview {
    asOf
    ...BillLines
  }
`);

export const LivePreview = graphql(`
  subscription LivePreview($subscription: ID!) {
    invoicePreview(subscriptionId: $subscription) {
      ...Preview
    }
  }
`);

export type Preview = PreviewFragment;

/** Where the server cannot push, it is asked again every half minute. */
export function usePreview(subscription: string) {
  const variables = { subscription };
  const [asked, ask] = useQuery({
    query: PreviewQuery,
    variables,
    requestPolicy: 'cache-and-network',
  });
  const [pushed] = useSubscription({ query: LivePreview, variables });
  const socket = useLiveness();
  const liveness = pushed.error ? 'offline' : socket;
  useEffect(() => {
    if (liveness !== 'offline') return undefined;
    const timer = setInterval(() => ask(AFRESH), POLL_SECONDS * 1_000);
    return () => clearInterval(timer);
  }, [liveness, ask]);
  const preview = newer(asked.data?.planSubscription?.invoicePreview, pushed.data?.invoicePreview);
  return { preview, liveness, error: asked.error, again: ask };
}

function newer(one?: Preview | null, other?: Preview | null): Preview | undefined {
  if (!one || !other) return one ?? other ?? undefined;
  return Date.parse(one.asOf) > Date.parse(other.asOf) ? one : other;
}
