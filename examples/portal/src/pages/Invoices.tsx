// What was invoiced, the newest first: its state, its lines, and itself as a PDF.
import { useEffect, useState } from 'react';
import { type UseQueryExecute, useQuery, useSubscription } from 'urql';
import { Lines } from '../bill/Lines';
import { AFRESH } from '../client';
import { sum } from '../exact';
import { day, money, span } from '../format';
import { graphql } from '../gql';
import type { InvoiceRowFragment, InvoiceStatus } from '../gql/graphql';
import { Card } from '../parts/Card';
import { Failure } from '../parts/Failure';
import { Fold } from '../parts/Fold';
import { PdfButton } from '../parts/PdfButton';
import { Skeleton } from '../parts/Skeleton';
import type { Customer } from '../types';

const InvoicesQuery = graphql(`
  query Invoices($customer: ID!, $after: String) {
    customer(id: $customer) {
      id
      invoices(first: 12, after: $after, filter: { statuses: [PENDING, FAILED, PAID, VOID] }) {
        nodes {
          ...InvoiceRow
        }
        pageInfo {
          hasNextPage
          endCursor
        }
      }
    }
  }
  fragment InvoiceRow on Invoice {
    id
    number
    status
    isOverdue
    issuedAt
    dueAt
    paidAt
    failureReason
    pdfUrl
    period {
      start
      end
    }
    total {
      ...Amount
    }
    amountDue {
      ...Amount
    }
  }
`);

const OpenQuery = graphql(`
  query OpenInvoices($customer: ID!) {
    customer(id: $customer) {
      id
      invoices(last: 100, filter: { statuses: [PENDING, FAILED] }) {
        nodes {
          id
          dueAt
          isOverdue
          amountDue {
            ...Amount
          }
        }
      }
    }
  }
`);

const LiveInvoices = graphql(`
  subscription LiveInvoices($customer: ID!) {
    invoiceChanged(customer: { id: $customer }) {
      id
      status
    }
  }
`);

const InvoiceLinesQuery = graphql(`
  query InvoiceLines($invoice: ID!) {
    invoice(id: $invoice) {
      id
      ...BillLines
    }
  }
`);

const STATES: Record<InvoiceStatus, string> = {
  DRAFT: 'Draft',
  PENDING: 'To pay',
  PAID: 'Paid',
  FAILED: 'Payment failed',
  VOID: 'Void',
};

export function Invoices({ customer }: { customer: Customer }) {
  const [cursors, setCursors] = useState<(string | null)[]>([null]);
  const more = (cursor: string) => setCursors((before) => [...before, cursor]);
  const variables = { customer: customer.id };
  const [{ data: changed }] = useSubscription({ query: LiveInvoices, variables });
  return (
    <div className="stack">
      <Open customer={customer} changed={changed} />
      <Card title="Invoices">
        {cursors.map((after, place) => (
          <InvoicePage
            key={after}
            after={after}
            customer={customer}
            changed={changed}
            more={place === cursors.length - 1 ? more : undefined}
          />
        ))}
      </Card>
    </div>
  );
}

/** Ask again whenever one of the customer's invoices is made, paid, or otherwise changes. */
function useFresh(changed: unknown, ask: UseQueryExecute): void {
  useEffect(() => {
    if (changed) ask(AFRESH);
  }, [changed, ask]);
}

function Open({ customer, changed }: { customer: Customer; changed: unknown }) {
  const variables = { customer: customer.id };
  const policy = { requestPolicy: 'cache-and-network' } as const;
  const [{ data }, ask] = useQuery({ query: OpenQuery, variables, ...policy });
  useFresh(changed, ask);
  const open = data?.customer?.invoices.nodes ?? [];
  const due = open.flatMap(({ dueAt }) => dueAt ?? []).sort()[0];
  if (open.length === 0 || !due) return null;
  const amount = sum(open.map(({ amountDue }) => amountDue.amount));
  const total = money({ amount, currency: customer.currency });
  const isOverdue = open.some((invoice) => invoice.isOverdue);
  return (
    <p className={isOverdue ? 'notice warning' : 'notice'}>
      <strong>{total} to pay</strong>{' '}
      {open.length === 1 ? 'on one invoice' : `on ${open.length} invoices`},{' '}
      {isOverdue ? 'overdue since' : 'due by'} {day(due, customer.timezone)}.
    </p>
  );
}

interface PageProps {
  customer: Customer;
  changed: unknown;
  after: string | null;
  more: ((cursor: string) => void) | undefined;
}

function InvoicePage({ customer, changed, after, more }: PageProps) {
  const [{ data, error }, ask] = useQuery({
    query: InvoicesQuery,
    variables: { customer: customer.id, after },
    requestPolicy: 'cache-and-network',
  });
  useFresh(changed, ask);
  const invoices = data?.customer?.invoices;
  if (!invoices) return error ? <Failure error={error} retry={ask} /> : <Skeleton lines={5} />;
  if (invoices.nodes.length === 0) {
    return <p className="empty">There are no invoices yet. The first comes when a period ends.</p>;
  }
  const { hasNextPage, endCursor } = invoices.pageInfo;
  return (
    <>
      <table className="lines invoices">
        <caption className="visually-hidden">Invoices{after && ', continued'}</caption>
        <thead className={after ? 'visually-hidden' : undefined}>
          <tr>
            <th scope="col">Invoice</th>
            <th scope="col" className="wide-only">
              Issued
            </th>
            <th scope="col" className="wide-only">
              State
            </th>
            <th scope="col" className="number">
              Total
            </th>
            <th scope="col" className="tight">
              <span className="visually-hidden">PDF</span>
            </th>
          </tr>
        </thead>
        {invoices.nodes.map((invoice) => (
          <InvoiceRow key={invoice.id} invoice={invoice} timezone={customer.timezone} />
        ))}
      </table>
      {more && hasNextPage && endCursor && (
        <button type="button" className="button more" onClick={() => more(endCursor)}>
          Show older invoices
        </button>
      )}
    </>
  );
}

function InvoiceRow({ invoice, timezone }: { invoice: InvoiceRowFragment; timezone: string }) {
  const { number, issuedAt, total, pdfUrl } = invoice;
  return (
    <Fold
      title={number}
      aside={
        <>
          <span>{span(invoice.period, timezone)}</span>
          <span className="narrow-only">
            <State invoice={invoice} timezone={timezone} />
          </span>
        </>
      }
      columns={5}
      cells={
        <>
          <td className="wide-only">{issuedAt && day(issuedAt, timezone)}</td>
          <td className="wide-only">
            <State invoice={invoice} timezone={timezone} />
          </td>
          <td className="number">{money(total)}</td>
          <td className="tight">{pdfUrl && number && <PdfButton path={pdfUrl} number={number} />}</td>
        </>
      }
    >
      {() => <InvoiceLines invoice={invoice} timezone={timezone} />}
    </Fold>
  );
}

function State({ invoice, timezone }: { invoice: InvoiceRowFragment; timezone: string }) {
  const { status, isOverdue, dueAt, paidAt } = invoice;
  const tone = { PAID: 'good', FAILED: 'bad', PENDING: isOverdue ? 'bad' : 'open' }[String(status)];
  const when =
    status === 'PAID' && paidAt
      ? day(paidAt, timezone)
      : status === 'PENDING' && dueAt
        ? `by ${day(dueAt, timezone)}`
        : null;
  return (
    <>
      <span className={`badge ${tone ?? ''}`}>{isOverdue ? 'Overdue' : STATES[status]}</span>
      {when && <span className="muted small nowrap"> {when}</span>}
    </>
  );
}

function InvoiceLines({ invoice, timezone }: { invoice: InvoiceRowFragment; timezone: string }) {
  const variables = { invoice: invoice.id };
  const [{ data, error }, ask] = useQuery({ query: InvoiceLinesQuery, variables });
  const bill = data?.invoice;
  if (!bill) return error ? <Failure error={error} retry={ask} /> : <Skeleton lines={3} />;
  return (
    <>
      {invoice.failureReason && <p className="muted small">{invoice.failureReason}</p>}
      <Lines bill={bill} timezone={timezone} caption={`Lines of ${invoice.number}`} />
    </>
  );
}
