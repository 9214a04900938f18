import type { Case, Criterion, Finding, Reopened, Rubric } from '../../api/types';
import { isOnScale } from '../../lib/scale';
import { newUuid } from '../../lib/uuid';

/** A judgement not yet submitted, kept on the device at each change. */
export interface Draft {
  assignment: string;
  /** Made when the case is first opened: one case, one key, one Reading. */
  clientKey: string;
  scores: Record<string, number>;
  findings: Finding[];
  comment: string;
  activeMs: number;
  /** The key of one's own earlier submission that this one is to supersede. */
  corrects: string | null;
  /** Milliseconds since 1970, when the case was first opened on this device. */
  openedAt: number;
}

export function newDraft(assignment: string, openedAt: number): Draft {
  return { assignment, clientKey: newUuid(), scores: {}, findings: [], comment: '', activeMs: 0, corrects: null, openedAt };
}

/** The draft of an earlier visit as far as it fits the rubric that came now. */
export function restoreDraft(kept: Draft | null, reading: Case, openedAt: number): Draft {
  if (kept?.assignment !== reading.assignment) return newDraft(reading.assignment, openedAt);
  const fitting = reading.rubric.criteria.filter((criterion) => fits(criterion, kept.scores[criterion.key]));
  const scores = Object.fromEntries(fitting.map((criterion) => [criterion.key, kept.scores[criterion.key] ?? 0]));
  return { ...kept, corrects: kept.corrects ?? null, scores };
}

function fits(criterion: Criterion, score: number | undefined): boolean {
  return score !== undefined && isOnScale(criterion, score);
}

/** A draft that corrects an earlier submission, beginning with what it said. */
export function correctionOf(earlier: Pick<Reopened, 'client_key' | 'scores' | 'findings' | 'comment'>, assignment: string, openedAt: number): Draft {
  const { client_key: corrects, scores, findings, comment } = earlier;
  return { ...newDraft(assignment, openedAt), corrects, scores, findings, comment };
}

/** The criteria without a score, in the rubric's order. */
export function missingCriteria(rubric: Rubric, draft: Draft): Criterion[] {
  return rubric.criteria.filter((criterion) => draft.scores[criterion.key] === undefined);
}

export function withScore(draft: Draft, key: string, score: number): Draft {
  return { ...draft, scores: { ...draft.scores, [key]: score } };
}

export function withFinding(draft: Draft, finding: Finding): Draft {
  return { ...draft, findings: [...draft.findings, finding] };
}

export function withFindingChanged(draft: Draft, index: number, change: Partial<Finding>): Draft {
  const findings = draft.findings.map((finding, at) => (at === index ? { ...finding, ...change } : finding));
  return { ...draft, findings };
}

export function withoutFinding(draft: Draft, index: number): Draft {
  return { ...draft, findings: draft.findings.filter((_, at) => at !== index) };
}
