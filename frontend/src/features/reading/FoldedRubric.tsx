import type { Criterion } from '../../api/types';
import { t } from '../../lib/i18n';
import type { Desk } from './desk';
import type { Draft } from './draft';
import { setFolded } from './folding';

/** The rubric as a strip below the image: what is asked now and what was answered. Digits and Enter work as ever. */
export function FoldedRubric({ desk }: { desk: Desk }) {
  const { room } = desk;
  const [reading, draft] = [room.current.value, room.draft.value];
  if (!reading || !draft) return null;
  const missing = room.missing.value.length;
  return (
    <aside class="folded" aria-label={t('Rubric')} data-missing={missing}>
      <ol class="folded-criteria">
        {reading.rubric.criteria.map((criterion, index) => (
          <li
            key={criterion.key}
            class="criterion-chip"
            tabIndex={-1}
            data-criterion={criterion.key}
            data-criterion-index={index}
            data-score={draft.scores[criterion.key] ?? ''}
            aria-current={index === room.criterionIndex.value}
            onClick={() => room.setCriterion(index)}
          >
            {criterion.question} <strong>{answerText(criterion, draft)}</strong>
          </li>
        ))}
      </ol>
      <p role="status">{missing === 0 ? t('Enter submits') : t('{count} to answer', { count: missing })}</p>
      <button type="button" class="button-quiet" onClick={() => setFolded(desk, false)}>
        {t('Show the rubric')}
      </button>
    </aside>
  );
}

function answerText({ key }: Criterion, { scores, abstentions }: Draft): string {
  if (key in abstentions) return t('not judged');
  return scores[key] === undefined ? '–' : String(scores[key]);
}
