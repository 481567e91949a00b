// What the same usage would cost on each plan that is on offer.
import { useCallback, useEffect, useState } from 'react';
import { type Client, useClient, useQuery } from 'urql';
import type { CombinedError } from 'urql';
import { Lines } from '../bill/Lines';
import { isInTrial } from '../bill/trial';
import { AFRESH } from '../client';
import { compare, coordinate, isZero, minus } from '../exact';
import { money, span } from '../format';
import { graphql } from '../gql';
import type { BillLinesFragment, PlansQuery as PlansQueryResult } from '../gql/graphql';
import { Card } from '../parts/Card';
import { Failure } from '../parts/Failure';
import { Fold } from '../parts/Fold';
import { Skeleton } from '../parts/Skeleton';
import type { Subscription } from '../types';

const PlansQuery = graphql(`
  query Plans {
    plans(first: 100, filter: { isActive: true }) {
      nodes {
        id
        key
        name
        version
        description
        currency
        billingFrequency
      }
    }
  }
`);

const WhatIfQuery = graphql(`
  query WhatIf($subscription: ID!, $plan: ID!) {
    planSubscription(id: $subscription) {
      id
      whatIf(plan: { id: $plan }) {
        ...BillLines
      }
    }
  }
`);

type Plan = PlansQueryResult['plans']['nodes'][number];
type Offer = Pick<Plan, 'id' | 'key' | 'name' | 'billingFrequency'> & {
  description?: string | null;
  isRated?: boolean;
  bill?: BillLinesFragment;
  error?: CombinedError;
};

const RHYTHMS: Record<Plan['billingFrequency'], string> = {
  DAILY: 'billed by the day',
  WEEKLY: 'billed by the week',
  MONTHLY: 'billed by the month',
  QUARTERLY: 'billed by the quarter',
  SEMIANNUAL: 'billed by the half year',
  YEARLY: 'billed by the year',
};

export function Plans({ subscription }: { subscription: Subscription }) {
  const [{ data, error }, ask] = useQuery({ query: PlansQuery });
  const { plan, currentPeriod, timezone } = subscription;
  if (!currentPeriod) {
    return <p className="card empty">Plans can be compared while a period of yours is running.</p>;
  }
  if (isInTrial(subscription, currentPeriod)) {
    return <p className="card empty">A trial costs nothing on any plan. Compare them when yours is over.</p>;
  }
  return (
    <Card
      title="Compare plans"
      note={`What you used so far, ${span(currentPeriod, timezone)}, rated by the prices of each plan. Before credits.`}
    >
      {!data && (error ? <Failure error={error} retry={ask} /> : <Skeleton lines={6} />)}
      {data && <Comparison subscription={subscription} plans={offered(data.plans.nodes, plan)} />}
    </Card>
  );
}

/** Those of one's own currency, and first the version that one is on, on offer or not. */
function offered(plans: Plan[], own: Subscription['plan']): Offer[] {
  const mine = plans.find(({ id }) => id === own.id) ?? own;
  const others = plans.filter(({ id, currency }) => id !== own.id && currency === own.currency);
  return [mine, ...others];
}

function Comparison({ subscription, plans }: { subscription: Subscription; plans: Offer[] }) {
  const { offers, isDone } = useOffers(subscription.id, plans);
  const own = offers.find(({ id }) => id === subscription.plan.id);
  const sizes = offers.map(({ bill }) => Math.abs(coordinate(bill?.subtotal.amount ?? '0')));
  const largest = Math.max(...sizes) || 1;
  return (
    <table className="lines offers" aria-busy={!isDone}>
      <caption className="visually-hidden">The same usage on each plan</caption>
      <thead>
        <tr>
          <th scope="col">Plan</th>
          <th scope="col" className="wide-only">
            <span className="visually-hidden">Beside the dearest</span>
          </th>
          <th scope="col" className="number">
            Would cost
          </th>
          <th scope="col" className="number">
            Difference
          </th>
        </tr>
      </thead>
      {offers.map((offer) => (
        <OfferRow key={offer.id} {...{ offer, own, largest, subscription }} />
      ))}
    </table>
  );
}

interface RowProps {
  offer: Offer;
  own: Offer | undefined;
  largest: number;
  subscription: Subscription;
}

function OfferRow({ offer, own, largest, subscription }: RowProps) {
  const { bill } = offer;
  const isOwn = offer.id === subscription.plan.id;
  const isNewer = !isOwn && offer.key === subscription.plan.key;
  const missing = uncovered(bill, own?.bill);
  return (
    <Fold
      title={
        <>
          {offer.name} {isOwn && <span className="badge accent">Your plan</span>}
          {isNewer && <span className="badge">Newer version of yours</span>}
        </>
      }
      aside={
        <>
          <span className="wide-only">{offer.description ?? RHYTHMS[offer.billingFrequency]}</span>
          {missing.length > 0 && <em>{notCovered(missing)}</em>}
        </>
      }
      columns={4}
      cells={
        <>
          <td className="wide-only bar-cell">
            {bill && (
              <div
                className={isOwn ? 'bar accent' : 'bar'}
                style={{ width: `${(coordinate(bill.subtotal.amount) / largest) * 100}%` }}
              />
            )}
          </td>
          <td className="number">{bill ? money(bill.subtotal) : <Pending offer={offer} />}</td>
          <td className="number">
            {bill && own?.bill && !isOwn && (
              <Difference bill={bill} own={own.bill} isFair={missing.length === 0} />
            )}
          </td>
        </>
      }
    >
      {() => <Inside offer={offer} missing={missing} timezone={subscription.timezone} />}
    </Fold>
  );
}

interface InsideProps {
  offer: Offer;
  missing: string[];
  timezone: string;
}

function Inside({ offer, missing, timezone }: InsideProps) {
  if (offer.error) return <Failure error={offer.error} />;
  if (!offer.isRated) return <Skeleton lines={3} />;
  if (!offer.bill) return <p className="muted small">This plan has no result for your usage.</p>;
  return (
    <>
      <p className="muted small">
        {offer.name} is {RHYTHMS[offer.billingFrequency]}
        {missing.length > 0 && ` and has no price for ${missing.join(', ')}`}.
      </p>
      <Lines bill={offer.bill} timezone={timezone} caption={`The bill on ${offer.name}`} />
    </>
  );
}

function Pending({ offer }: { offer: Offer }) {
  if (offer.isRated) return <span className="muted">no result</span>;
  return <span className="visually-hidden">Loading</span>;
}

interface DifferenceProps {
  bill: BillLinesFragment;
  own: BillLinesFragment;
  isFair: boolean;
}

function Difference({ bill, own, isFair }: DifferenceProps) {
  const amount = minus(bill.subtotal.amount, own.subtotal.amount);
  if (isZero(amount)) return <span className="muted">the same</span>;
  const isLess = compare(amount, '0') < 0;
  return (
    <span className={!isFair ? 'muted' : isLess ? 'less' : undefined}>
      {money({ amount, currency: bill.currency }, 'exceptZero')}
    </span>
  );
}

/** What one uses and pays for now, and this plan would not measure: less is not cheaper then. */
function uncovered(bill?: BillLinesFragment, own?: BillLinesFragment): string[] {
  if (!bill || !own) return [];
  const priced = new Set(bill.lines.map(({ metric }) => metric?.id));
  const used = own.lines.filter(
    ({ metric, quantity }) => metric && !isZero(quantity) && !priced.has(metric.id),
  );
  return [...new Set(used.map(({ metric }) => metric?.displayName ?? ''))];
}

function notCovered({ length }: string[]): string {
  return `No price for ${length === 1 ? 'one metric' : `${length} metrics`} of yours`;
}

/** Each plan's bill, asked for beside the others; the cheapest first once all are known. */
function useOffers(subscription: string, plans: Offer[]) {
  const client = useClient();
  const [answers, setAnswers] = useState<ReadonlyMap<string, Offer>>(new Map());
  const ids = plans.map(({ id }) => id).join();
  const ask = useCallback(
    (isWanted: () => boolean) => {
      for (const plan of plans) {
        void rated(client, subscription, plan).then((offer) => {
          if (isWanted()) setAnswers((before) => new Map(before).set(offer.id, offer));
        });
      }
    },
    // The plans are the same while their ids are.
    [client, subscription, ids],
  );
  useEffect(() => {
    let isWanted = true;
    ask(() => isWanted);
    return () => {
      isWanted = false;
    };
  }, [ask]);
  const offers = plans.map((plan) => answers.get(plan.id) ?? plan);
  const isDone = offers.every(({ isRated }) => isRated);
  return { offers: isDone ? offers.sort(byCost) : offers, isDone };
}

async function rated(client: Client, subscription: string, plan: Offer): Promise<Offer> {
  const answer = await client
    .query(WhatIfQuery, { subscription, plan: plan.id }, AFRESH)
    .toPromise();
  const bill = answer.data?.planSubscription?.whatIf ?? undefined;
  return { ...plan, isRated: true, bill, error: answer.error };
}

function byCost(one: Offer, other: Offer): number {
  if (!one.bill || !other.bill) return Number(!one.bill) - Number(!other.bill);
  return compare(one.bill.subtotal.amount, other.bill.subtotal.amount);
}
