import type { Case, DisplayState, Submission } from '../../api/types';
import { wallSeconds } from '../../lib/wallTime';
import { allActiveMs } from './caseTimes';
import { answersOf, type Draft } from './draft';
import { isSame } from './mergeDrafts';

/** The moment of a submission: milliseconds since 1970, active milliseconds on this device, what was on the screen. */
export interface Moment {
  now: number;
  activeMs: number;
  display: DisplayState;
}

/** What the server is sent of a draft. */
export function submissionOf(reading: Case, draft: Draft, { now, activeMs, display }: Moment): Submission {
  const allMs = allActiveMs(draft, activeMs);
  return {
    client_key: draft.clientKey,
    rubric_id: reading.rubric.id,
    scores: draft.scores,
    abstentions: draft.abstentions,
    findings: draft.findings,
    comment: draft.comment.trim(),
    confidence: draft.confidence,
    corrects: draft.corrects,
    display_state: display,
    active_seconds: Math.round(allMs / 100) / 10,
    wall_seconds: wallSeconds(draft.openedAt, now, allMs),
  };
}

/** Whether the draft says nothing beyond what was submitted. */
export function isSubmitted(draft: Draft, submission: Submission): boolean {
  return isSame({ ...answersOf(draft), comment: draft.comment.trim() }, answersOf(submission));
}
