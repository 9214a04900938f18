/** [expert, predicted, standard deviation] in scale units; the last is null where it is not known. */
export type ScoredPoint = [number, number, number | null];
/** [nominal, observed] coverage, both from 0 to 1. */
export type CoveragePoint = [number, number];
/** [step, loss]; null where the loss was not a finite number. */
export type LossPoint = [number, number | null];

export interface CriterionReport {
  criterion: { key: string; question: string; minimum: number; maximum: number };
  production: { points: ScoredPoint[] } | null;
  candidate: { points: ScoredPoint[] } | null;
  calibration: { production: CoveragePoint[] | null; candidate: CoveragePoint[] | null } | null;
}

/** What the page hands over under the id `report-config`. */
export interface ReportConfig {
  /** Empty until there is a report. */
  criteria: CriterionReport[];
  loss: LossPoint[];
  /** Given while the run goes on: it is asked each second, and the page is loaded again at its end. */
  run_url: string | null;
}

/** The finite points, their steps going on where a new phase begins again at 0: the curve never turns back. */
export function withGrowingSteps(points: readonly LossPoint[]): [number, number][] {
  let offset = 0;
  let before = 0;
  return points.flatMap(([step, loss]): [number, number][] => {
    if (step + offset < before) offset = before;
    before = step + offset;
    return loss === null ? [] : [[before, loss]];
  });
}
