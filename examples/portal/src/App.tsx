// The whole page: a session's portal, or what to do without one.
import { useMemo } from 'react';
import { Provider } from 'urql';
import { openClient } from './client';
import { NoSession } from './pages/NoSession';
import { Portal } from './Portal';
import { useSession } from './session';

export function App() {
  const session = useSession();
  const client = useMemo(
    () => (session.token === null ? null : openClient(session.token)),
    [session],
  );
  if (session.token === null) return <NoSession why={session.why} />;
  return client && (
    <Provider value={client} key={session.token}>
      <Portal />
    </Provider>
  );
}
