import type { Case, Confidence, Criterion, Finding, Reopened, Rubric, ServerDraft } from '../../api/types';
import { isOnScale } from '../../lib/scale';
import { newUuid } from '../../lib/uuid';
import { newTimes, type CaseTimes } from './caseTimes';
import { mergeDrafts, NO_ANSWERS, isSame, type Answers, type Revised } from './mergeDrafts';

/** A judgement not yet submitted, kept on the device at each change. */
export interface Draft extends CaseTimes {
  assignment: string;
  /** Made when the case is first opened: one case, one key, one Reading. */
  clientKey: string;
  scores: Record<string, number>;
  /** Why a criterion cannot be judged; such a one has no score. */
  abstentions: Record<string, string>;
  findings: Finding[];
  comment: string;
  confidence: Confidence;
  /** The key of one's own earlier submission that this one is to supersede. */
  corrects: string | null;
  /** Counts the edits, on whatever device: see mergeDrafts. */
  revision: number;
  /** What the server had when it last answered; null before. */
  synced: Revised | null;
}

export function newDraft(assignment: string, openedAt: number): Draft {
  return { assignment, clientKey: newUuid(), ...NO_ANSWERS, ...newTimes(openedAt), corrects: null, revision: 0, synced: null };
}

/** The draft of an earlier visit as far as it fits the rubric that came now. */
export function restoreDraft(kept: Draft | null, reading: Case, openedAt: number): Draft {
  if (kept?.assignment !== reading.assignment) return newDraft(reading.assignment, openedAt);
  const fitting = reading.rubric.criteria.filter((criterion) => fits(criterion, kept.scores[criterion.key]));
  const scores = Object.fromEntries(fitting.map((criterion) => [criterion.key, kept.scores[criterion.key] ?? 0]));
  const known = new Set(reading.rubric.criteria.map(({ key }) => key));
  // A draft of an earlier version of this page may lack what came later.
  const left = Object.entries((kept.abstentions as Draft['abstentions'] | undefined) ?? {}).filter(([key]) => known.has(key));
  return { ...newDraft(reading.assignment, openedAt), ...kept, scores, abstentions: Object.fromEntries(left) };
}

function fits(criterion: Criterion, score: number | undefined): boolean {
  return score !== undefined && isOnScale(criterion, score);
}

/** A draft that corrects an earlier submission, beginning with what it said. */
export function correctionOf(earlier: Omit<Reopened, 'case'>, assignment: string, openedAt: number): Draft {
  const { client_key: corrects, scores, abstentions, findings, comment, confidence } = earlier;
  return { ...newDraft(assignment, openedAt), corrects, scores, abstentions, findings, comment, confidence };
}

export function answersOf({ scores, abstentions, findings, comment, confidence }: Answers): Answers {
  return { scores, abstentions, findings, comment, confidence };
}

export function revisedOf(draft: Draft): Revised {
  return { revision: draft.revision, answers: answersOf(draft) };
}

export function hasAnswers(draft: Draft): boolean {
  return !isSame(answersOf(draft), NO_ANSWERS);
}

/** Whether the server has yet to hear of an answer. */
export function isUnsent(draft: Draft): boolean {
  return draft.revision > 0 && !isSame(answersOf(draft), draft.synced?.answers ?? NO_ANSWERS);
}

/** What an answer of the server is an answer to. */
export interface Asked {
  /** What this device sent; null where it only asked. */
  sent: Answers | null;
  /** There was something to save: neither a question alone, nor times alone. */
  isEdit: boolean;
  /** What stood here when the server was asked: whatever was changed since is newer than its answer. */
  before: Revised;
}

/** The draft after the server said what it has: its answers and this device's, under one key for the Reading to be. */
export function joined(draft: Draft, server: ServerDraft, { sent, before }: Asked): Draft {
  const there: Revised = { revision: server.revision, answers: answersOf(server.content) };
  const isTaken = sent !== null && isSame(sent, there.answers);
  const base = isTaken ? sent : (draft.synced?.answers ?? NO_ANSWERS);
  const then = mergeDrafts(base, before, there);
  const answers = mergeDrafts(before.answers, { revision: 1, answers: answersOf(draft) }, { revision: 0, answers: then });
  const isTheirs = isSame(answers, there.answers);
  const revision = isTheirs ? server.revision : Math.max(draft.revision, server.revision + 1);
  return { ...draft, ...answers, clientKey: server.client_key, revision, synced: there };
}

/** The draft as another tab of this browser made it after this one; how long it was looked at, each counts for itself. */
export function followed({ clock, activeMs, elsewhere, toldMs, openedAt }: Draft, there: Draft): Draft {
  return { ...there, clock, activeMs, elsewhere, toldMs, openedAt };
}

/** What was changed here of a case that was submitted elsewhere meanwhile: a correction of that Reading. */
export function asCorrection(draft: Draft, corrects: string): Draft {
  return { ...draft, corrects, clientKey: newUuid(), synced: null, elsewhere: {}, toldMs: 0 };
}

/** The criteria without an answer, in the rubric's order. */
export function missingCriteria(rubric: Rubric, draft: Draft): Criterion[] {
  return rubric.criteria.filter(({ key }) => draft.scores[key] === undefined && draft.abstentions[key] === undefined);
}

/** Where a case is gone on with: at the first criterion without an answer, by its place in the rubric. */
export function firstOpen(reading: Case, draft: Draft): number {
  const [first] = missingCriteria(reading.rubric, draft);
  return first ? reading.rubric.criteria.indexOf(first) : 0;
}

export function withScore(draft: Draft, key: string, score: number): Draft {
  return { ...draft, scores: { ...draft.scores, [key]: score }, abstentions: without(draft.abstentions, key) };
}

/** The criterion cannot be judged, for this reason. */
export function withAbstention(draft: Draft, key: string, reason: string): Draft {
  return { ...draft, abstentions: { ...draft.abstentions, [key]: reason }, scores: without(draft.scores, key) };
}

/** First the first of the reasons, then the next one each time, then no answer. */
export function withNextAbstention(draft: Draft, key: string, reasons: readonly string[]): Draft {
  const given = draft.abstentions[key];
  const next = reasons[given === undefined ? 0 : reasons.indexOf(given) + 1];
  return next === undefined ? { ...draft, abstentions: without(draft.abstentions, key) } : withAbstention(draft, key, next);
}

const CONFIDENCES: readonly Confidence[] = ['', 'low', 'medium', 'high'];

export function withNextConfidence(draft: Draft): Draft {
  const next = (CONFIDENCES.indexOf(draft.confidence) + 1) % CONFIDENCES.length;
  return { ...draft, confidence: CONFIDENCES[next] ?? '' };
}

function without<Value>(record: Record<string, Value>, key: string): Record<string, Value> {
  return Object.fromEntries(Object.entries(record).filter(([name]) => name !== key));
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
