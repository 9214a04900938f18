import type { DraftContent } from '../../api/types';

/** What a reader answered, in the shape that the devices share. */
export type Answers = Omit<DraftContent, 'corrects'>;

/** An edit by its number and what it said. */
export interface Revised {
  revision: number;
  answers: Answers;
}

export const NO_ANSWERS: Answers = { scores: {}, abstentions: {}, findings: [], comment: '', confidence: '' };

/**
 * Two devices went on from `base`; what came of it. Each answer is judged by itself: one that only one side changed
 * is that side's; one that both changed is that of the larger revision, and the server's where they are the same.
 */
export function mergeDrafts(base: Answers, here: Revised, there: Revised): Answers {
  const isHereNewer = here.revision > there.revision;
  const pick = <Value>(of: (answers: Answers) => Value): Value => {
    const [before, mine, theirs] = [of(base), of(here.answers), of(there.answers)];
    if (isSame(theirs, before)) return mine;
    return isSame(mine, before) || !isHereNewer ? theirs : mine;
  };
  return {
    ...pickCriteria([base, here.answers, there.answers], pick),
    findings: pick(({ findings }) => findings),
    comment: pick(({ comment }) => comment),
    confidence: pick(({ confidence }) => confidence),
  };
}

type Picker = <Value>(of: (answers: Answers) => Value) => Value;

/** A score and the reason for none are one answer: taken from one side together. */
function pickCriteria(all: readonly Answers[], pick: Picker): Judged {
  const keys = new Set(all.flatMap(({ scores, abstentions }) => [...Object.keys(scores), ...Object.keys(abstentions)]));
  const picked: Judged = { scores: {}, abstentions: {} };
  for (const key of keys) {
    const [score, reason] = pick(({ scores, abstentions }) => [scores[key], abstentions[key]] as const);
    if (score !== undefined) picked.scores[key] = score;
    else if (reason !== undefined) picked.abstentions[key] = reason;
  }
  return picked;
}

type Judged = Pick<Answers, 'scores' | 'abstentions'>;

/** Whether two pieces of JSON say the same, in whatever order their keys stand. */
export function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(sorted(one)) === JSON.stringify(sorted(other));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, inner]) => [key, sorted(inner)]));
}
