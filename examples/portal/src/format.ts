// Amounts, quantities and dates as people read them, in the browser's language.
import { placesOf } from './exact';

export interface Money {
  amount: string;
  currency: string;
}

// Intl reads decimal strings exactly; its type only knows them as literals.
type Exact = `${number}`;

/** With as many digits as the server sent: those of the currency's minor unit. */
export function money({ amount, currency }: Money, sign: 'auto' | 'exceptZero' = 'auto'): string {
  const places = placesOf(amount);
  return currencyFormat(currency, places, places, sign).format(amount as Exact);
}

/** A price, or an amount before it is rounded: never fewer digits than amounts have. */
export function price(amount: string, like: Money, digitsMax = 18): string {
  const places = placesOf(like.amount);
  const most = Math.max(places, digitsMax);
  return currencyFormat(like.currency, places, most, 'auto').format(amount as Exact);
}

/** Without cents, for the scale of a chart. */
export function roughMoney(value: number, currency: string): string {
  return new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    notation: 'compact',
    maximumSignificantDigits: 3,
  }).format(value);
}

export function quantity(value: string, decimals?: number | null): string {
  return new Intl.NumberFormat(undefined, { maximumFractionDigits: decimals ?? 4 }).format(
    value as Exact,
  );
}

/** As in "1,250 GB". */
export function amountOf(value: string, unit?: string | null, decimals?: number | null): string {
  return unit ? `${quantity(value, decimals)} ${unit}` : quantity(value, decimals);
}

export function day(instant: string, timezone: string): string {
  return dates(timezone, { day: 'numeric', month: 'short', year: 'numeric' }).format(
    new Date(instant),
  );
}

export function shortDay(instant: string, timezone: string): string {
  return dates(timezone, { day: 'numeric', month: 'short' }).format(new Date(instant));
}

export function weekday(instant: string, timezone: string): string {
  return dates(timezone, { weekday: 'short', day: 'numeric', month: 'short' }).format(
    new Date(instant),
  );
}

export function clock(instant: string, timezone: string): string {
  return dates(timezone, { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(
    new Date(instant),
  );
}

/** Periods are half-open: the last day is the one before the end. */
export function span(period: { start: string; end: string }, timezone: string): string {
  const last = new Date(Date.parse(period.end) - 1);
  const options = { day: 'numeric', month: 'short', year: 'numeric' } as const;
  return dates(timezone, options).formatRange(new Date(period.start), last);
}

/** The last day of what ends at an instant and does not hold it. */
export function lastDay(end: string, timezone: string): string {
  return day(new Date(Date.parse(end) - 1).toISOString(), timezone);
}

/** As in "in 2 days", counted in whole days from an instant. */
export function daysLeft(end: string, from: string): string {
  const days = Math.ceil((Date.parse(end) - Date.parse(from)) / 86_400_000);
  return days === 1 ? '1 day left' : `${quantity(String(Math.max(days, 0)))} days left`;
}

function currencyFormat(
  currency: string,
  minimumFractionDigits: number,
  maximumFractionDigits: number,
  signDisplay: 'auto' | 'exceptZero',
): Intl.NumberFormat {
  return new Intl.NumberFormat(undefined, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    minimumFractionDigits,
    maximumFractionDigits,
    signDisplay,
  });
}

function dates(timeZone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(undefined, { timeZone, ...options });
}
