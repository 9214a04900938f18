import type { Criterion } from '../../api/types';
import { anchorText, hasLevels, levelsOf } from '../../lib/scale';
import type { Desk } from './desk';
import { withScore } from './draft';

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
  const isMissing = room.isMissingShown.value && score === undefined;
  const choose = (value: number): void => room.change((draft) => withScore(draft, criterion.key, value));
  return (
    <fieldset
      class="criterion"
      data-criterion={criterion.key}
      data-criterion-index={index}
      data-current={isCurrent}
      data-missing={isMissing}
      data-score={score ?? ''}
      onFocusIn={() => room.setCriterion(index)}
      onClick={() => room.setCriterion(index)}
    >
      <legend>
        <span class="criterion-question">{criterion.question}</span>
        <span class="criterion-score">{score ?? (isMissing ? 'to score' : '')}</span>
      </legend>
      {hasLevels(criterion) ? (
        <Levels criterion={criterion} score={score} choose={choose} />
      ) : (
        <Slider criterion={criterion} score={score} choose={choose} />
      )}
    </fieldset>
  );
}

interface ScaleProps {
  criterion: Criterion;
  score: number | undefined;
  choose: (value: number) => void;
}

function Levels({ criterion, score, choose }: ScaleProps) {
  return (
    <div class="levels">
      {levelsOf(criterion).map((level) => (
        <label key={level} class="level" data-level={level}>
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
      ))}
    </div>
  );
}

function Slider({ criterion, score, choose }: ScaleProps) {
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
        aria-valuetext={score === undefined ? 'not scored' : String(score)}
        onInput={(event) => choose(event.currentTarget.valueAsNumber)}
      />
      <ul>
        {criterion.anchors.map((anchor) => (
          <li key={anchor.value}>
            <span class="level-number">{anchor.value}</span> {anchor.text}
          </li>
        ))}
      </ul>
    </div>
  );
}
