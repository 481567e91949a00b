// The session: a portal token that comes in the address's fragment, which reaches no server.
import { useSyncExternalStore } from 'react';

const KEPT = 'portal-token';

export type Session = { token: string } | { token: null; why: 'none' | 'expired' };

let session: Session = { token: null, why: 'none' };
const listeners = new Set<() => void>();

/** Take the token out of the address bar at once, now and whenever another link is opened here. */
export function beginSession(): void {
  if (!takeToken()) {
    const token = kept();
    if (token) session = { token };
  }
  addEventListener('hashchange', takeToken);
}

function takeToken(): boolean {
  const token = /^#token=([\w.~-]+)$/.exec(location.hash)?.[1];
  if (!token) return false;
  history.replaceState(null, '', location.pathname + location.search);
  keep(token);
  change({ token });
  return true;
}

/** The server takes the token no longer. */
export function endSession(): void {
  if (session.token === null) return;
  keep(null);
  change({ token: null, why: 'expired' });
}

export function useSession(): Session {
  return useSyncExternalStore(subscribe, () => session);
}

function change(next: Session): void {
  session = next;
  listeners.forEach((listener) => listener());
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Of this tab alone, and gone with it. Where storage is closed, a reload needs the link again.
function keep(token: string | null): void {
  try {
    if (token) sessionStorage.setItem(KEPT, token);
    else sessionStorage.removeItem(KEPT);
  } catch {
    // nothing is kept
  }
}

function kept(): string | null {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}
