// The amount itself: large, live, and read out now and then.
import { useEffect, useRef, useState } from 'react';
import { compare, isZero, negative } from '../exact';
import { clock, daysLeft, lastDay, money, span } from '../format';
import type { Liveness } from '../live';
import type { Subscription } from '../types';
import type { Preview } from './preview';
import { isInTrial } from './trial';

const TELL_SECONDS = 3;
const LIVENESS: Record<Liveness, string> = {
  live: 'Live',
  connecting: 'Connecting',
  offline: 'Reconnecting',
};

interface Props {
  preview: Preview;
  subscription: Subscription;
  liveness: Liveness;
}

export function SoFar({ preview, subscription, liveness }: Props) {
  const { subtotal, creditsApplied, total, period, asOf } = preview;
  const { timezone, plan } = subscription;
  const hasCredits = !isZero(creditsApplied.amount);
  return (
    <section className="card hero" aria-labelledby="so-far">
      <div className="hero-head">
        <div>
          <h2 id="so-far">Charges so far</h2>
          <p className="muted small">
            {plan.name} plan, {span(period, timezone)}
          </p>
        </div>
        <Status asOf={asOf} timezone={timezone} liveness={liveness} />
      </div>
      <p className="amount" data-testid="so-far">
        <Changing amount={subtotal.amount}>{money(subtotal)}</Changing>
      </p>
      <Elapsed period={period} asOf={asOf} />
      <dl className="facts">
        {hasCredits && (
          <div>
            <dt>Paid from credit</dt>
            <dd>{money(negative(creditsApplied))}</dd>
          </div>
        )}
        <div>
          <dt>{hasCredits ? 'Left to pay' : 'To pay'}</dt>
          <dd>{money(total)}</dd>
        </div>
        {!isInTrial(subscription, period) && (
          <div>
            <dt>Invoiced after</dt>
            <dd>{lastDay(period.end, timezone)}</dd>
          </div>
        )}
      </dl>
      <Announcement text={`Charges so far: ${money(subtotal)}`} />
    </section>
  );
}

interface StatusProps {
  asOf: string;
  timezone: string;
  liveness: Liveness;
}

function Status({ asOf, timezone, liveness }: StatusProps) {
  return (
    <p className="status small" data-liveness={liveness}>
      <span className="dot" aria-hidden="true" />
      {LIVENESS[liveness]}
      <span className="muted"> · as of {clock(asOf, timezone)}</span>
    </p>
  );
}

function Elapsed({ period, asOf }: Pick<Preview, 'period' | 'asOf'>) {
  const start = Date.parse(period.start);
  const share = (Date.parse(asOf) - start) / (Date.parse(period.end) - start);
  const left = daysLeft(period.end, asOf);
  return (
    <div className="elapsed">
      <div className="meter" aria-hidden="true">
        <div style={{ width: `${Math.min(Math.max(share, 0), 1) * 100}%` }} />
      </div>
      <span className="muted small">{left}</span>
    </div>
  );
}

/** Marked for a moment when it rises or falls. */
function Changing({ amount, children }: { amount: string; children: string }) {
  const before = useRef(amount);
  const [way, setWay] = useState<'up' | 'down'>();
  useEffect(() => {
    const order = compare(amount, before.current);
    before.current = amount;
    if (order === 0) return undefined;
    setWay(order > 0 ? 'up' : 'down');
    const timer = setTimeout(() => setWay(undefined), 1_200);
    return () => clearTimeout(timer);
  }, [amount]);
  return <span data-way={way}>{children}</span>;
}

/** For screen readers: of what may change every second, the latest every few. */
function Announcement({ text }: { text: string }) {
  const [said, say] = useState('');
  const latest = useRef(text);
  const first = useRef(text);
  useEffect(() => {
    latest.current = text;
  }, [text]);
  useEffect(() => {
    const tell = () => {
      if (latest.current !== first.current) say(latest.current);
    };
    const timer = setInterval(tell, TELL_SECONDS * 1_000);
    return () => clearInterval(timer);
  }, []);
  return (
    <p className="visually-hidden" aria-live="polite">
      {said}
    </p>
  );
}
