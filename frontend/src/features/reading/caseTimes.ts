import type { DraftTimes } from '../../api/types';
import { newUuid } from '../../lib/uuid';
import { wallSeconds } from '../../lib/wallTime';

/** How long a case was before its reader: what this device counted, and what it heard of the others. */
export interface CaseTimes {
  /** Names this device's count: each device has its own, and they are added up. */
  clock: string;
  activeMs: number;
  /** Active milliseconds of the others, by their clocks. */
  elsewhere: Record<string, number>;
  /** What of its own count the server knows. */
  toldMs: number;
  /** Milliseconds since 1970 by this device, when the case was first opened on any. */
  openedAt: number;
}

/** Less than this is not worth a request of its own. */
const WORTH_TELLING_MS = 1000;

export function newTimes(openedAt: number): CaseTimes {
  return { clock: newUuid(), activeMs: 0, elsewhere: {}, toldMs: 0, openedAt };
}

/** What the server is told; `activeMs` is this device's up to now. Since clocks differ, how long ago and not when. */
export function timesToTell(times: CaseTimes, activeMs: number, now: number): DraftTimes {
  const wall = wallSeconds(times.openedAt, now, allActiveMs(times, activeMs));
  return { active_ms: { ...times.elsewhere, [times.clock]: Math.round(activeMs) }, wall_ms: Math.round(wall * 1000) };
}

/** With what the server knows: of each count the largest, of all openings the first. */
export function withHeard<Times extends CaseTimes>(times: Times, heard: DraftTimes, now: number): Times {
  const { [times.clock]: toldMs = times.toldMs, ...others } = heard.active_ms;
  const elsewhere = { ...times.elsewhere };
  for (const [clock, ms] of Object.entries(others)) elsewhere[clock] = Math.max(elsewhere[clock] ?? 0, ms);
  return { ...times, toldMs, elsewhere, openedAt: Math.min(times.openedAt, now - heard.wall_ms) };
}

export function isWorthTelling(times: CaseTimes, activeMs: number): boolean {
  return activeMs - times.toldMs >= WORTH_TELLING_MS;
}

/** On all devices. */
export function allActiveMs(times: CaseTimes, activeMs: number): number {
  return Object.values(times.elsewhere).reduce((sum, ms) => sum + ms, activeMs);
}
