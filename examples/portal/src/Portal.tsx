// A customer's portal: who it is, which subscription is looked at, and one page at a time.
import { useEffect, useRef, useState } from 'react';
import { useQuery } from 'urql';
import { graphql } from './gql';
import { Failure } from './parts/Failure';
import { Header } from './parts/Header';
import { Skeleton } from './parts/Skeleton';
import { Credits } from './pages/Credits';
import { Invoices } from './pages/Invoices';
import { Overview } from './pages/Overview';
import { Plans } from './pages/Plans';
import { Usage } from './pages/Usage';
import { PAGES, type PageName, usePage } from './route';
import type { Customer, Subscription } from './types';

export const PortalQuery = graphql(`
  query Portal {
    viewer {
      customer {
        id
        name
        companyName
        currency
        timezone
        subscriptions(first: 100) {
          nodes {
            ...PortalSubscription
          }
        }
      }
    }
  }
  fragment PortalSubscription on PlanSubscription {
    id
    status
    startAt
    endAt
    trialEndAt
    timezone
    currentPeriod {
      start
      end
    }
    plan {
      id
      key
      name
      version
      currency
      billingFrequency
    }
    scheduledChange {
      effectiveAt
      plan {
        id
        name
      }
    }
    commitments {
      id
      committedQuantity
      rate
      overageRate
      startAt
      endAt
      metric {
        id
        displayName
        unit
      }
    }
  }
`);

export function Portal() {
  const [{ data, fetching, error }, again] = useQuery({ query: PortalQuery });
  const customer = data?.viewer.customer;
  const [chosen, choose] = useState<string>();
  if (!customer) {
    return (
      <main className="page" aria-busy={fetching}>
        {error ? <Failure error={error} retry={again} /> : <Skeleton lines={8} />}
        {!error && !fetching && <p>This session is not a customer’s.</p>}
      </main>
    );
  }
  const subscriptions = customer.subscriptions.nodes;
  const subscription = subscriptions.find(({ id }) => id === chosen) ?? first(subscriptions);
  return <Pages {...{ customer, subscriptions, subscription, choose }} />;
}

interface PagesProps {
  customer: Customer;
  subscriptions: Subscription[];
  subscription: Subscription | undefined;
  choose: (id: string) => void;
}

function Pages({ customer, subscriptions, subscription, choose }: PagesProps) {
  const page = usePage();
  const main = useRef<HTMLElement>(null);
  useNewPage(page, customer.name, main);
  return (
    <>
      <a className="skip" href={`#${page}`} onClick={() => main.current?.focus()}>
        Skip to content
      </a>
      <Header {...{ customer, subscriptions, subscription, choose, page }} />
      <main className="page" ref={main} tabIndex={-1}>
        <h1 className="visually-hidden">{PAGES[page]}</h1>
        <Page name={page} customer={customer} subscription={subscription} />
      </main>
    </>
  );
}

interface PageProps {
  name: PageName;
  customer: Customer;
  subscription: Subscription | undefined;
}

function Page({ name, customer, subscription }: PageProps) {
  if (name === 'invoices') return <Invoices customer={customer} />;
  if (name === 'credits') return <Credits customer={customer} />;
  if (!subscription) {
    return <p className="empty card">You have no subscription yet.</p>;
  }
  if (name === 'usage') return <Usage key={subscription.id} subscription={subscription} />;
  if (name === 'plans') return <Plans key={subscription.id} subscription={subscription} />;
  return <Overview key={subscription.id} subscription={subscription} />;
}

/** The one that runs and began first; else the last one. */
function first(subscriptions: Subscription[]): Subscription | undefined {
  return subscriptions.find((one) => one.currentPeriod) ?? subscriptions.at(-1);
}

/** A new page begins at its top, is told by the title, and is where the keyboard goes on. */
function useNewPage(page: PageName, name: string, main: React.RefObject<HTMLElement | null>) {
  const shown = useRef(page);
  useEffect(() => {
    document.title = `${PAGES[page]} · ${name}`;
    if (shown.current === page) return;
    shown.current = page;
    scrollTo(0, 0);
    main.current?.focus({ preventScroll: true });
  }, [page, name, main]);
}
