import type { CaseImage } from '../../api/types';
import { t } from '../../lib/i18n';
import { lengthMm, lengthPixels, regionFigures, type Place } from '../../lib/measure';
import type { StackViewer } from '../viewer/stackViewer';

export interface Measure {
  kind: 'length' | 'region';
  sliceIndex: number;
  from: Place;
  to: Place;
  /** What it says, on lines. */
  lines: readonly string[];
}

/** Measures between two places of the shown slice; null where there is nothing to measure. */
export function measureBetween(kind: Measure['kind'], viewer: StackViewer, image: CaseImage, from: Place, to: Place): Measure | null {
  const lines = kind === 'length' ? lengthLines(image, from, to) : regionLines(viewer, image, from, to);
  return lines && { kind, sliceIndex: viewer.state.value.sliceIndex, from, to, lines };
}

function lengthLines(image: CaseImage, from: Place, to: Place): string[] | null {
  const millimetres = lengthMm(from, to, image.spacing_mm);
  const pixels = lengthPixels(from, to);
  if (pixels < 1) return null;
  return [millimetres === null ? `${pixels.toFixed(1)} px` : `${millimetres.toFixed(1)} mm`];
}

function regionLines(viewer: StackViewer, image: CaseImage, from: Place, to: Place): string[] | null {
  const shown = viewer.shownValues();
  const figures = shown && regionFigures(from, to, shown.columns, shown.rows, shown.valueAt);
  if (!figures) return null;
  const unit = image.modality === 'CT' ? ' HU' : '';
  const { mean, deviation, pixelCount } = figures;
  return [t('Mean {value}', { value: `${mean.toFixed(1)}${unit}` }), t('SD {value}', { value: `${deviation.toFixed(1)}${unit}` }), `${pixelCount} px`];
}
