// Arithmetic on the decimal strings of the graph, exact: no amount ever becomes a float.
import Big from 'big.js';

Big.strict = true; // a number instead of a string throws

/** With the digits of the longest: amounts stay amounts. */
export function sum(amounts: readonly string[]): string {
  const places = Math.max(0, ...amounts.map(placesOf));
  return amounts.reduce((total, amount) => total.plus(amount), new Big('0')).toFixed(places);
}

export function minus(amount: string, other: string): string {
  return new Big(amount).minus(other).toFixed(Math.max(placesOf(amount), placesOf(other)));
}

export function negative<M extends { amount: string }>(money: M): M {
  return { ...money, amount: minus('0', money.amount) };
}

/** Below zero, zero, or above zero as the first is less, equal, or more. */
export function compare(amount: string, other: string): number {
  return new Big(amount).cmp(other);
}

export function isZero(amount: string): boolean {
  return new Big(amount).eq('0');
}

export function placesOf(amount: string): number {
  return amount.split('.')[1]?.length ?? 0;
}

/** Where to draw it: a length on the screen may be rounded, an amount may not. */
export function coordinate(amount: string): number {
  return Number.parseFloat(amount);
}
