import type { Criterion } from '../../api/types';
import { t } from '../../lib/i18n';
import { hasLevels, levelsOf } from '../../lib/scale';
import type { Desk } from './desk';
import { CriterionField } from './CriterionField';
import { FindingList } from './FindingList';
import { focusCriterion } from './focus';

/** So many levels fit on a tall screen with the text of each beside it. */
const FEW_LEVELS = 15;
/** So many questions fit beside the button. */
const FEW_MISSING = 2;

/** The questions beside the image. */
export function RubricPanel({ desk }: { desk: Desk }) {
  const { room } = desk;
  const [reading, draft] = [room.current.value, room.draft.value];
  if (!reading || !draft) return <aside class="rubric" aria-label={t('Rubric')} />;
  const criteria = reading.rubric.criteria;
  return (
    <aside class="rubric" aria-label={t('Rubric')}>
      <form
        key={reading.assignment}
        class="rubric-criteria"
        data-few={levelCount(criteria) <= FEW_LEVELS}
        data-assignment={reading.assignment}
        data-criterion-current={room.criterion.value?.key}
        onSubmit={(event) => event.preventDefault()}
      >
        {criteria.map((criterion, index) => (
          <CriterionField key={criterion.key} desk={desk} criterion={criterion} index={index} />
        ))}
        <FindingList desk={desk} />
        <ConfidenceChoice desk={desk} />
        <label class="comment">
          <span>{t('Note')}</span>
          <textarea
            rows={2}
            maxLength={LONGEST_NOTE}
            value={draft.comment}
            onInput={(event) => {
              const comment = event.currentTarget.value;
              room.change((before) => ({ ...before, comment }));
            }}
          />
        </label>
      </form>
      <SubmitBar desk={desk} />
    </aside>
  );
}

/** Characters that the server takes. */
const LONGEST_NOTE = 2000;

const CONFIDENCES = [
  ['low', 'Low'],
  ['medium', 'Medium'],
  ['high', 'High'],
] as const;

/** How sure the reader is of the whole; need not be said. */
function ConfidenceChoice({ desk }: { desk: Desk }) {
  const given = desk.room.draft.value?.confidence ?? '';
  return (
    <fieldset class="confidence" data-confidence={given}>
      <legend>{t('How sure you are')}</legend>
      {CONFIDENCES.map(([value, words]) => (
        <label key={value}>
          <input
            type="radio"
            name="confidence"
            value={value}
            checked={given === value}
            onChange={() => desk.room.change((draft) => ({ ...draft, confidence: value }))}
          />
          {t(words)}
        </label>
      ))}
    </fieldset>
  );
}

function levelCount(criteria: readonly Criterion[]): number {
  return criteria.reduce((count, criterion) => count + (hasLevels(criterion) ? levelsOf(criterion).length : 3), 0);
}

function SubmitBar({ desk }: { desk: Desk }) {
  const { room } = desk;
  const missing = room.missing.value;
  const total = room.current.value?.rubric.criteria.length ?? 0;
  const isShown = desk.viewer.value?.state.value.status === 'rendered';
  const submit = async (): Promise<void> => {
    if (!(await room.submit())) focusCriterion(room.criterionIndex.value);
  };
  return (
    <div class="submit" data-missing={missing.length}>
      <p role="status" class="submit-status">
        {missing.length === 0
          ? t('All {total} answered', { total })
          : missing.length <= FEW_MISSING || room.isMissingShown.value
            ? t('Still to answer: {questions}', { questions: missing.map((criterion) => criterion.question).join(', ') })
            : t('{done} of {total} answered', { done: total - missing.length, total })}
      </p>
      <button
        type="button"
        class="button submit-button"
        data-action="submit"
        aria-disabled={missing.length > 0 || !isShown}
        onClick={() => void submit()}
      >
        {t('Submit')} <kbd>{t('Enter')}</kbd>
      </button>
    </div>
  );
}
