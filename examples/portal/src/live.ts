// Whether what the page shows is pushed by the server at the moment.
import { useSyncExternalStore } from 'react';

export type Liveness = 'connecting' | 'live' | 'offline';

let now: Liveness = 'connecting';
const listeners = new Set<() => void>();

export function tellLiveness(next: Liveness): void {
  if (next === now) return;
  now = next;
  listeners.forEach((listener) => listener());
}

export function useLiveness(): Liveness {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => now,
  );
}
