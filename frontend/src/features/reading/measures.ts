import type { Case } from '../../api/types';
import { t } from '../../lib/i18n';
import { isAtDetector, lengthMm, lengthPixels, regionFigures, type Place } from '../../lib/measure';
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
export function measureBetween(kind: Measure['kind'], viewer: StackViewer, reading: Case, from: Place, to: Place): Measure | null {
  const lines = kind === 'length' ? lengthLines(reading, from, to) : regionLines(viewer, reading.image.modality, from, to);
  return lines && { kind, sliceIndex: viewer.state.value.sliceIndex, from, to, lines };
}

function lengthLines({ image, instances }: Case, from: Place, to: Place): string[] | null {
  const millimetres = lengthMm(from, to, image.spacing_mm);
  const pixels = lengthPixels(from, to);
  if (pixels < 1) return null;
  if (millimetres === null) return [`${pixels.toFixed(1)} px`];
  const length = `${millimetres.toFixed(1)} mm`;
  return isAtDetector(instances[image.frames[0]?.sop_instance_uid ?? '']) ? [length, t('at the detector')] : [length];
}

function regionLines(viewer: StackViewer, modality: string, from: Place, to: Place): string[] | null {
  const shown = viewer.shownValues();
  const figures = shown && regionFigures(from, to, shown.columns, shown.rows, shown.valueAt);
  if (!figures) return null;
  const unit = modality === 'CT' ? ' HU' : '';
  const { mean, deviation, pixelCount } = figures;
  return [t('Mean {value}', { value: `${mean.toFixed(1)}${unit}` }), t('SD {value}', { value: `${deviation.toFixed(1)}${unit}` }), `${pixelCount} px`];
}
