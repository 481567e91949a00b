// Fetches an invoice with the session's own authorisation, and hands it to the browser as a file.
import { useState } from 'react';
import { endpoint } from '../client';
import { endSession, useSession } from '../session';
import { Download } from './icons';

export function PdfButton({ path, number }: { path: string; number: string }) {
  const session = useSession();
  const [state, setState] = useState<'idle' | 'busy'>('idle');
  const [failure, setFailure] = useState<string | null>(null);
  const download = async () => {
    setState('busy');
    setFailure(null);
    try {
      save(await fetched(path, session.token ?? ''), `${number}.pdf`);
    } catch (error) {
      setFailure(error instanceof Refused ? error.requestId : '');
    }
    setState('idle');
  };
  return (
    <span className="pdf">
      <button
        type="button"
        className="icon-button"
        onClick={() => void download()}
        disabled={state === 'busy'}
        aria-label={`Download ${number} as PDF`}
        data-state={state}
      >
        <Download />
      </button>
      {failure !== null && (
        <span className="failed-note" role="alert">
          Not available, try again{failure && ` (request ${failure})`}
        </span>
      )}
    </span>
  );
}

class Refused extends Error {
  constructor(readonly requestId: string) {
    super('The server did not give the file.');
  }
}

async function fetched(path: string, token: string): Promise<Blob> {
  const response = await fetch(new URL(path, endpoint), {
    headers: { Authorization: `Bearer ${token}` },
    credentials: 'omit',
  });
  if (response.status === 401) endSession();
  if (!response.ok) throw new Refused(response.headers.get('x-request-id') ?? '');
  return response.blob();
}

function save(file: Blob, name: string): void {
  const address = URL.createObjectURL(file);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
