import type { Case } from '../api/types';

/** What is in hand stays in its place; what is new comes behind it. */
export function keepOrder(held: readonly Case[], fresh: readonly Case[]): Case[] {
  const known = new Set(held.map((reading) => reading.assignment));
  return [...held, ...fresh.filter((reading) => !known.has(reading.assignment))];
}
