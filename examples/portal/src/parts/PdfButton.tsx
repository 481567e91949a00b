// Fetches an invoice with the session's own authorisation, and hands it to the browser as a file.
import { useState } from 'react';
import { endpoint } from '../client';
import { endSession, useSession } from '../session';
import { Download } from './icons';

export function PdfButton({ path, number }: { path: string; number: string }) {
  const session = useSession();
  const [state, setState] = useState<'idle' | 'busy' | 'failed'>('idle');
  const download = async () => {
    setState('busy');
    try {
      save(await fetched(path, session.token ?? ''), `${number}.pdf`);
      setState('idle');
    } catch {
      setState('failed');
    }
  };
  return (
    <button
      type="button"
      className="icon-button"
      onClick={() => void download()}
      disabled={state === 'busy'}
      aria-label={`Download ${number} as PDF`}
      data-state={state}
    >
      <Download />
      {state === 'failed' && (
        <span className="failed-note" role="alert">
          Not available, try again
        </span>
      )}
    </button>
  );
}

async function fetched(path: string, token: string): Promise<Blob> {
  const response = await fetch(new URL(path, endpoint), {
    headers: { Authorization: `Bearer ${token}` },
    credentials: 'omit',
  });
  if (response.status === 401) endSession();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
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
