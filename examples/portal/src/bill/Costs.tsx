// Each day's cost, as a chart or as the same numbers in a table.
import { lazy, Suspense, useEffect, useMemo, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { AFRESH } from '../client';
import { graphql } from '../gql';
import { Card } from '../parts/Card';
import { Choice } from '../parts/Choice';
import { Failure } from '../parts/Failure';
import { Skeleton } from '../parts/Skeleton';
import type { Subscription } from '../types';
import { shape } from './costs';
import { CostTable } from './CostTable';
import type { Preview } from './preview';

const CostChart = lazy(() => import('./CostChart'));
const FOLLOW_SECONDS = 2;
const VIEWS = { daily: 'Per day', cumulative: 'In total', table: 'Table' } as const;

export const CostSeriesQuery = graphql(`
  query CostSeries($subscription: ID!) {
    planSubscription(id: $subscription) {
      id
      costSeries {
        period {
          start
          end
        }
        amount {
          ...Amount
        }
        cumulativeAmount {
          ...Amount
        }
        lines {
          kind
          component {
            id
            displayName
          }
          metric {
            id
            displayName
          }
          amount {
            ...Amount
          }
        }
      }
    }
  }
`);

interface Props {
  subscription: Subscription;
  preview: Preview;
}

export function Costs({ subscription, preview }: Props) {
  const [view, setView] = useState<keyof typeof VIEWS>('daily');
  const [{ data, error }, ask] = useQuery({
    query: CostSeriesQuery,
    variables: { subscription: subscription.id },
    requestPolicy: 'cache-and-network',
  });
  useFollowing(preview.subtotal.amount, () => ask(AFRESH));
  const points = data?.planSubscription?.costSeries;
  const costs = useMemo(() => points && shape(points, preview.asOf), [points, preview.asOf]);
  const isEmpty = costs?.series.length === 0;
  const { timezone } = subscription;
  return (
    <Card
      title="Cost by day"
      note="Coming days are paler: fees and last levels as they stand now; the rest is still to come."
      tools={<Choice legend="Show the cost" options={VIEWS} value={view} onChange={setView} />}
    >
      {!costs && (error ? <Failure error={error} retry={ask} /> : <Skeleton lines={6} />)}
      {isEmpty && <p className="empty">Nothing costs anything in this period so far.</p>}
      {costs && !isEmpty && view === 'table' && <CostTable costs={costs} timezone={timezone} />}
      {costs && !isEmpty && view !== 'table' && (
        <Suspense fallback={<Skeleton lines={6} />}>
          <CostChart costs={costs} timezone={timezone} isCumulative={view === 'cumulative'} />
        </Suspense>
      )}
    </Card>
  );
}

/** Ask again soon after the value changed, at most every few seconds however often it does. */
function useFollowing(value: string, ask: () => void) {
  const seen = useRef(value);
  const waiting = useRef<number>(undefined);
  const latest = useRef(ask);
  useEffect(() => {
    latest.current = ask;
  });
  useEffect(() => {
    if (value === seen.current) return;
    seen.current = value;
    waiting.current ??= window.setTimeout(() => {
      waiting.current = undefined;
      latest.current();
    }, FOLLOW_SECONDS * 1_000);
  }, [value]);
  useEffect(() => () => clearTimeout(waiting.current), []);
}
