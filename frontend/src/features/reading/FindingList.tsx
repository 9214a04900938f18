import type { Finding } from '../../api/types';
import { t, told } from '../../lib/i18n';
import type { Desk } from './desk';
import { withFindingChanged, withoutFinding } from './draft';
import { focusCriterion, keepFocus } from './focus';

/** The findings of this case; a click on the number goes to the slice. */
export function FindingList({ desk }: { desk: Desk }) {
  const findings = desk.room.draft.value?.findings ?? [];
  if (findings.length === 0) return null;
  return (
    <section class="findings" aria-label={t('Findings')}>
      <ol>
        {findings.map((finding, index) => (
          <FindingLine key={index} desk={desk} finding={finding} index={index} />
        ))}
      </ol>
    </section>
  );
}

function FindingLine({ desk, finding, index }: { desk: Desk; finding: Finding; index: number }) {
  const types = desk.room.current.value?.rubric.finding_types ?? [];
  const number = index + 1;
  return (
    <li data-finding={number}>
      <button
        type="button"
        class="button-quiet"
        title={t('Go to slice {number}', { number: finding.slice_index + 1 })}
        onMouseDown={keepFocus}
        onClick={() => void desk.viewer.value?.showPlace(finding.slice_index, finding.x, finding.y)}
      >
        {number}
        <span class="findings-slice">
          {' · '}
          {t('slice {number}', { number: finding.slice_index + 1 })}
        </span>
      </button>
      {types.length > 0 && (
        <select
          aria-label={t('Kind of finding {number}', { number })}
          value={finding.type}
          onChange={(event) => {
            const type = event.currentTarget.value;
            desk.room.change((draft) => withFindingChanged(draft, index, { type }));
            focusCriterion(desk.room.criterionIndex.value);
          }}
        >
          {types.map((type) => (
            <option key={type} value={type}>
              {told(type)}
            </option>
          ))}
        </select>
      )}
      <button
        type="button"
        class="button-quiet"
        aria-label={t('Remove finding {number}', { number })}
        onClick={() => {
          desk.room.change((draft) => withoutFinding(draft, index));
          focusCriterion(desk.room.criterionIndex.value);
        }}
      >
        ×
      </button>
    </li>
  );
}
