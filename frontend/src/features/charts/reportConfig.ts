/** [expert, predicted, standard deviation] in scale units. */
export type ScoredPoint = [number, number, number];
/** [nominal, observed] coverage, both from 0 to 1. */
export type CoveragePoint = [number, number];
/** [step, loss] */
export type LossPoint = [number, number];

/** What the page hands over under the id `report-config`. */
export interface ReportConfig {
  criterion: { key: string; minimum: number; maximum: number };
  production: { points: ScoredPoint[] } | null;
  candidate: { points: ScoredPoint[] } | null;
  calibration: { production: CoveragePoint[] | null; candidate: CoveragePoint[] | null } | null;
  loss: LossPoint[];
  /** Given while the run goes on: it is asked each second, and the page is loaded again at its end. */
  run_url: string | null;
}
