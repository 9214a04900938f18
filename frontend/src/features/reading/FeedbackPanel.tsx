import { useEffect } from 'preact/hooks';
import type { Criterion, CriterionFeedback, Feedback } from '../../api/types';
import { t } from '../../lib/i18n';
import type { Desk } from './desk';
import { focusHeading } from './focus';

/** After submission, in the rubric's place: what the model and the other readers said. */
export function FeedbackPanel({ desk }: { desk: Desk }) {
  const { feedback, room, config } = desk;
  const told = feedback.shown.value;
  useEffect(() => focusHeading('.feedback'), []);
  return (
    <aside class="rubric feedback" aria-label={t('Feedback')} data-feedback={feedback.status.value}>
      <div class="rubric-criteria" role="status">
        <h2 tabIndex={-1}>{t('Submitted')}</h2>
        {told ? <Told desk={desk} told={told} /> : <Untold desk={desk} />}
      </div>
      <div class="feedback-buttons">
        {config.arm === 'assisted' && told && (
          <button type="button" class="button-quiet" onClick={() => void room.undo()}>
            {t('Correct it')} <kbd>U</kbd>
          </button>
        )}
        <button type="button" class="button" data-feedback-next onClick={() => void room.proceed()}>
          {t('Next case')} <kbd>{t('Enter')}</kbd>
        </button>
      </div>
    </aside>
  );
}

function Untold({ desk: { feedback } }: { desk: Desk }) {
  if (feedback.status.value === 'none') return <p>{t('There is no feedback on this case.')}</p>;
  if (feedback.status.value === 'waiting') return <p>{t('Feedback comes as soon as your reading has reached the server.')}</p>;
  return (
    <p>
      {t('The feedback could not be loaded.')}{' '}
      <button type="button" class="button-quiet" onClick={() => void feedback.retry()}>
        {t('Try again')}
      </button>
    </p>
  );
}

function Told({ desk, told }: { desk: Desk; told: Feedback }) {
  const criteria = desk.room.reviewed.value?.rubric.criteria ?? [];
  return (
    <>
      {told.criteria.map((one) => {
        const criterion = criteria.find(({ key }) => key === one.key);
        return criterion && <OnCriterion key={one.key} criterion={criterion} told={one} />;
      })}
      <OnFaults faults={told.faults} />
      {told.slices.length > 0 && (
        <p class="feedback-source">
          {t('Over the image: what the score was made from, the fuller the more it counted. Marks at the bar of slices lead to it.')}
        </p>
      )}
      <p class="feedback-source">
        {told.model_version === null
          ? t('The model has not scored this image.')
          : t('Model version {number}; its interval is meant to hold the readers’ mean in nine of ten images.', { number: told.model_version })}
      </p>
    </>
  );
}

function OnFaults({ faults: { seen, absent } }: { faults: Feedback['faults'] }) {
  if (seen.length + absent.length === 0) return null;
  return (
    <section>
      <h3>{t('Faults that the model sees')}</h3>
      {seen.length === 0 && <p>{t('None of those that it knows.')}</p>}
      <ul class="feedback-faults">
        {seen.map(({ words, severity }) => (
          <li key={words}>
            {words}
            <span class="feedback-severity">
              <span style={{ width: `${100 * severity}%` }} />
            </span>
          </li>
        ))}
      </ul>
      {absent.length > 0 && <p class="feedback-source">{t('Hardly any: {faults}.', { faults: absent.join(', ') })}</p>}
    </section>
  );
}

function OnCriterion({ criterion, told }: { criterion: Criterion; told: CriterionFeedback }) {
  const { own, predicted, others } = told;
  return (
    <section data-feedback-criterion={criterion.key}>
      <h3>{criterion.question}</h3>
      <ScaleDrawing criterion={criterion} told={told} />
      <ul class="feedback-lines">
        <li>{own === null ? t('You: not judged') : t('You: {score}', { score: own })}</li>
        <li>{predicted ? t('Model: {quality} ({lower} to {upper})', rounded(predicted)) : t('Model: no score')}</li>
        <li>{othersText(others)}</li>
      </ul>
    </section>
  );
}

function rounded(predicted: NonNullable<CriterionFeedback['predicted']>): Record<string, string> {
  return Object.fromEntries(Object.entries(predicted).map(([name, value]) => [name, value.toFixed(1)]));
}

function othersText(others: CriterionFeedback['others']): string {
  if (others.length === 0) return t('Other readers: none yet');
  return t('Other readers: {scores}', { scores: others.map(({ value, count }) => `${value} × ${count}`).join(', ') });
}

const WIDTH = 240;
const HEIGHT = 46;
const MARGIN = 10;

/** The scale with everything on it; the words beside it say the same. */
function ScaleDrawing({ criterion: { minimum, maximum, step }, told: { own, predicted, others } }: { criterion: Criterion; told: CriterionFeedback }) {
  const at = (value: number): number => MARGIN + ((value - minimum) / (maximum - minimum)) * (WIDTH - 2 * MARGIN);
  const most = Math.max(1, ...others.map(({ count }) => count));
  const levels = Array.from({ length: Math.round((maximum - minimum) / step) + 1 }, (_, index) => minimum + index * step);
  return (
    <svg class="feedback-scale" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} aria-hidden="true">
      {others.map(({ value, count }) => (
        <rect key={value} class="feedback-others" x={at(value) - 5} width="10" y={28 - (22 * count) / most} height={(22 * count) / most} />
      ))}
      <line class="feedback-axis" x1={at(minimum)} x2={at(maximum)} y1="28" y2="28" />
      {levels.length <= 11 && levels.map((level) => <line key={level} class="feedback-axis" x1={at(level)} x2={at(level)} y1="25" y2="31" />)}
      {predicted && <line class="feedback-interval" x1={at(predicted.lower)} x2={at(predicted.upper)} y1="36" y2="36" />}
      {predicted && <circle class="feedback-model" cx={at(predicted.quality)} cy="36" r="4" />}
      {own !== null && <path class="feedback-own" d={`M ${at(own)} 29 l 5 9 h -10 z`} />}
    </svg>
  );
}
