import type { Case, Picture } from '../../api/types';
import { t } from '../../lib/i18n';

/** No Assignment stands behind it: the name is for what is kept in memory alone. */
export function asCase({ image, instances }: Picture): Case {
  const rubric = { id: '', version: '', finding_types: [], criteria: [] };
  return { image, instances, assignment: `comparison-${image.id}`, rubric, lease_expires_at: '' };
}

export function anchorCaption(question: string, value: number): string {
  return t('Anchor image: {question}, level {value}', { question, value });
}

export function priorCaption(date: string): string {
  return t('Earlier image of {date}', { date });
}
