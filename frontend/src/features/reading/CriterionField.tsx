import type { Criterion } from '../../api/types';
import { anchorText, hasLevels, levelsOf } from '../../lib/scale';
import { t } from '../../lib/i18n';
import { AnchorThumbnail } from './AnchorThumbnail';
import type { Desk } from './desk';
import { withAbstention, withScore } from './draft';
import { focusCriterion } from './focus';

interface Props {
  desk: Desk;
  criterion: Criterion;
  index: number;
}

/** One question with its levels; the current one shows what each level means. */
export function CriterionField({ desk, criterion, index }: Props) {
  const { room } = desk;
  const score = room.draft.value?.scores[criterion.key];
  const isCurrent = room.criterionIndex.value === index;
  const abstention = room.draft.value?.abstentions[criterion.key];
  const isMissing = room.isMissingShown.value && score === undefined && abstention === undefined;
  const choose = (value: number): void => room.change((draft) => withScore(draft, criterion.key, value));
  return (
    <fieldset
      class="criterion"
      data-criterion={criterion.key}
      data-criterion-index={index}
      data-current={isCurrent}
      data-missing={isMissing}
      data-score={score ?? ''}
      data-abstention={abstention ?? ''}
      onFocusIn={() => room.setCriterion(index)}
      onClick={() => room.setCriterion(index)}
    >
      <legend>
        <span class="criterion-question">{criterion.question}</span>
        <span class="criterion-score">{score ?? (abstention ? '–' : isMissing ? t('to score') : '')}</span>
      </legend>
      {hasLevels(criterion) ? (
        <Levels desk={desk} criterion={criterion} score={score} choose={choose} />
      ) : (
        <Slider desk={desk} criterion={criterion} score={score} choose={choose} />
      )}
      {(isCurrent || abstention) && <Unjudged desk={desk} criterion={criterion} reason={abstention} />}
    </fieldset>
  );
}

/** "Cannot be judged" as an answer like any other, with its reason. */
function Unjudged({ desk, criterion, reason }: { desk: Desk; criterion: Criterion; reason: string | undefined }) {
  const reasons = desk.config.abstention_reasons;
  const choose = (chosen: string): void => desk.room.change((draft) => withAbstention(draft, criterion.key, chosen));
  return (
    <div class="unjudged">
      <label class="level" data-level="unjudged">
        <input
          type="radio"
          name={`criterion-${criterion.key}`}
          value="unjudged"
          checked={reason !== undefined}
          onChange={() => choose(reasons[0]?.[0] ?? '')}
        />
        <span class="level-number">–</span>
        <span class="level-text">{t('Cannot be judged')}</span>
      </label>
      {reason !== undefined && (
        <select
          aria-label={t('Why it cannot be judged')}
          value={reason}
          onChange={(event) => {
            choose(event.currentTarget.value);
            // The next key is the room's: Enter submits.
            focusCriterion(desk.room.criterionIndex.value);
          }}
        >
          {reasons.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </select>
      )}
    </div>
  );
}

interface ScaleProps {
  desk: Desk;
  criterion: Criterion;
  score: number | undefined;
  choose: (value: number) => void;
}

function Levels({ desk, criterion, score, choose }: ScaleProps) {
  return (
    <div class="levels">
      {levelsOf(criterion).map((level) => (
        <div key={level} class="level-line">
          <label class="level" data-level={level}>
            <input
              type="radio"
              name={`criterion-${criterion.key}`}
              value={level}
              checked={score === level}
              onChange={() => choose(level)}
            />
            <span class="level-number">{level}</span>
            <span class="level-text">{anchorText(criterion, level)}</span>
          </label>
          <AnchorThumbnail desk={desk} criterion={criterion} level={level} />
        </div>
      ))}
    </div>
  );
}

function Slider({ desk, criterion, score, choose }: ScaleProps) {
  return (
    <div class="slider">
      <input
        type="range"
        min={criterion.minimum}
        max={criterion.maximum}
        step={criterion.step}
        value={score ?? criterion.minimum}
        data-is-set={score !== undefined}
        aria-label={criterion.question}
        aria-valuetext={score === undefined ? t('not scored') : String(score)}
        onInput={(event) => choose(event.currentTarget.valueAsNumber)}
      />
      <ul>
        {criterion.anchors.map((anchor) => (
          <li key={anchor.value}>
            <span class="level-number">{anchor.value}</span> {anchor.text}{' '}
            <AnchorThumbnail desk={desk} criterion={criterion} level={anchor.value} />
          </li>
        ))}
      </ul>
    </div>
  );
}
