// What went wrong, what to do about it, and the id to quote when asking.
import type { CombinedError, OperationContext } from 'urql';
import { AFRESH, requestIdOf } from '../client';

const MESSAGES: Partial<Record<string, string>> = {
  SERVICE_UNAVAILABLE: 'This is taking a moment. Try again shortly.',
};

interface Props {
  error: CombinedError;
  retry?: (how: Partial<OperationContext>) => void;
}

export function Failure({ error, retry }: Props) {
  const requestId = requestIdOf(error);
  return (
    <div className="failure" role="alert">
      <p>{messageOf(error)}</p>
      {requestId && (
        <p className="muted small">
          If it happens again, quote request <code>{requestId}</code>.
        </p>
      )}
      {retry && (
        <button type="button" className="button" onClick={() => retry(AFRESH)}>
          Try again
        </button>
      )}
    </div>
  );
}

function messageOf(error: CombinedError): string {
  if (error.networkError) return 'The server could not be reached. Check your connection.';
  const first = error.graphQLErrors[0];
  return MESSAGES[String(first?.extensions.code)] ?? first?.message ?? 'Something went wrong.';
}
