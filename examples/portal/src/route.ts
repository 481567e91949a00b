// Which page is shown: what follows # in the address, so that any static host serves the portal.
import { useSyncExternalStore } from 'react';

export const PAGES = {
  overview: 'Overview',
  usage: 'Usage',
  plans: 'Plans',
  invoices: 'Invoices',
  credits: 'Credits',
} as const;

export type PageName = keyof typeof PAGES;

export function usePage(): PageName {
  return useSyncExternalStore(subscribe, current);
}

function subscribe(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

function current(): PageName {
  const name = location.hash.slice(1);
  return name in PAGES ? (name as PageName) : 'overview';
}
