// What was granted, what is left of it, and every entry that made it so.
import { useState } from 'react';
import { useQuery } from 'urql';
import { coordinate } from '../exact';
import { day, lastDay, money } from '../format';
import { graphql } from '../gql';
import type { CreditStatus, CreditType, GrantFragment } from '../gql/graphql';
import { Card } from '../parts/Card';
import { Failure } from '../parts/Failure';
import { Fold } from '../parts/Fold';
import { Skeleton } from '../parts/Skeleton';
import type { Customer } from '../types';

const BalanceQuery = graphql(`
  query CreditBalance($customer: ID!) {
    customer(id: $customer) {
      id
      creditBalance {
        ...Amount
      }
    }
  }
`);

const GrantsQuery = graphql(`
  query CreditGrants($customer: ID!, $before: String) {
    customer(id: $customer) {
      id
      creditGrants(last: 12, before: $before) {
        nodes {
          ...Grant
        }
        pageInfo {
          hasPreviousPage
          startCursor
        }
      }
    }
  }
  fragment Grant on CreditGrant {
    id
    type
    status
    description
    effectiveAt
    expiresAt
    amount {
      ...Amount
    }
    remaining {
      ...Amount
    }
  }
`);

const LedgerQuery = graphql(`
  query Ledger($grant: ID!) {
    node(id: $grant) {
      __typename
      id
      ... on CreditGrant {
        transactions {
          id
          description
          createdAt
          amount {
            ...Amount
          }
          balance {
            ...Amount
          }
        }
      }
    }
  }
`);

const TYPES: Record<CreditType, string> = {
  PREPAID: 'Prepaid',
  REFUND: 'Refund',
  PROMOTIONAL: 'Gift',
  ADJUSTMENT: 'Adjustment',
};
const STATES: Record<CreditStatus, [title: string, tone: string]> = {
  ACTIVE: ['Active', 'good'],
  EXPIRED: ['Expired', ''],
  CONSUMED: ['Used up', ''],
  CANCELLED: ['Cancelled', ''],
};

export function Credits({ customer }: { customer: Customer }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const more = (cursor: string) => setCursors((known) => [...known, cursor]);
  return (
    <div className="stack">
      <Balance customer={customer} />
      <Card title="Grants" note="Open one to see what was paid from it.">
        {cursors.map((before, place) => (
          <GrantPage
            key={before}
            before={before}
            customer={customer}
            more={place === cursors.length - 1 ? more : undefined}
          />
        ))}
      </Card>
    </div>
  );
}

function Balance({ customer }: { customer: Customer }) {
  const [{ data, error }, ask] = useQuery({
    query: BalanceQuery,
    variables: { customer: customer.id },
    requestPolicy: 'cache-and-network',
  });
  const balance = data?.customer?.creditBalance;
  return (
    <section className="card hero" aria-labelledby="balance">
      <h2 id="balance">Credit to spend</h2>
      {balance && <p className="amount">{money(balance)}</p>}
      {!balance && (error ? <Failure error={error} retry={ask} /> : <Skeleton lines={1} />)}
      <p className="muted small">It pays your invoices when they are issued.</p>
    </section>
  );
}

interface PageProps {
  customer: Customer;
  before: string | null;
  more: ((cursor: string) => void) | undefined;
}

function GrantPage({ customer, before, more }: PageProps) {
  const [{ data, error }, ask] = useQuery({
    query: GrantsQuery,
    variables: { customer: customer.id, before },
    requestPolicy: 'cache-and-network',
  });
  const grants = data?.customer?.creditGrants;
  if (!grants) return error ? <Failure error={error} retry={ask} /> : <Skeleton lines={4} />;
  if (grants.nodes.length === 0) return <p className="empty">You were granted no credit so far.</p>;
  const { hasPreviousPage, startCursor } = grants.pageInfo;
  return (
    <>
      <table className="lines grants">
        <caption className="visually-hidden">Grants of credit{before && ', continued'}</caption>
        <thead className={before ? 'visually-hidden' : undefined}>
          <tr>
            <th scope="col">Grant</th>
            <th scope="col" className="wide-only">
              State
            </th>
            <th scope="col" className="number wide-only">
              Granted
            </th>
            <th scope="col" className="number">
              Left
            </th>
          </tr>
        </thead>
        {grants.nodes.toReversed().map((grant) => (
          <GrantRow key={grant.id} grant={grant} timezone={customer.timezone} />
        ))}
      </table>
      {more && hasPreviousPage && startCursor && (
        <button type="button" className="button more" onClick={() => more(startCursor)}>
          Show older grants
        </button>
      )}
    </>
  );
}

function GrantRow({ grant, timezone }: { grant: GrantFragment; timezone: string }) {
  const { description, type, amount, remaining, expiresAt, effectiveAt } = grant;
  const [state, tone] = STATES[grant.status];
  const share = coordinate(remaining.amount) / (coordinate(amount.amount) || 1);
  const life = expiresAt
    ? `${day(effectiveAt, timezone)} to ${lastDay(expiresAt, timezone)}`
    : `since ${day(effectiveAt, timezone)}`;
  return (
    <Fold
      title={description ?? TYPES[type]}
      aside={
        <>
          <span>
            {TYPES[type]}, {life}
          </span>
          <span className="narrow-only">
            <span className={`badge ${tone}`}>{state}</span> of {money(amount)}
          </span>
        </>
      }
      columns={4}
      cells={
        <>
          <td className="wide-only">
            <span className={`badge ${tone}`}>{state}</span>
          </td>
          <td className="number wide-only">{money(amount)}</td>
          <td className="number">
            {money(remaining)}
            <div className="meter" aria-hidden="true">
              <div style={{ width: `${share * 100}%` }} />
            </div>
          </td>
        </>
      }
    >
      {() => <Ledger grant={grant} timezone={timezone} />}
    </Fold>
  );
}

function Ledger({ grant, timezone }: { grant: GrantFragment; timezone: string }) {
  const [{ data, error }, ask] = useQuery({ query: LedgerQuery, variables: { grant: grant.id } });
  const node = data?.node;
  if (!node) return error ? <Failure error={error} retry={ask} /> : <Skeleton lines={2} />;
  const entries = node.__typename === 'CreditGrant' ? node.transactions : [];
  return (
    <table className="steps">
      <caption className="visually-hidden">Entries of {grant.description ?? TYPES[grant.type]}</caption>
      <thead>
        <tr>
          <th scope="col">Entry</th>
          <th scope="col" className="number">
            Amount
          </th>
          <th scope="col" className="number">
            Left
          </th>
        </tr>
      </thead>
      <tbody>
        {entries.map((entry) => (
          <tr key={entry.id}>
            <th scope="row">
              {entry.description}
              <span className="aside">
                {day(entry.createdAt, timezone)}
              </span>
            </th>
            <td className="number">{money(entry.amount, 'exceptZero')}</td>
            <td className="number">{money(entry.balance)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
