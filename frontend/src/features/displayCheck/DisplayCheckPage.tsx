import { useEffect, useRef } from 'preact/hooks';
import { t } from '../../lib/i18n';
import { asPicture, drawField, nearestPlace, type PatternField, type Place } from './pattern';
import type { Sitting, Verdict } from './sitting';

const KEYS: Record<string, Place | ''> = { ArrowUp: 'up', ArrowRight: 'right', ArrowDown: 'down', ArrowLeft: 'left', ' ': '' };
const ARROWS: Record<Place, string> = { up: '↑', right: '→', down: '↓', left: '←' };

const PLACE_NAMES = { up: 'Up', right: 'Right', down: 'Down', left: 'Left' } as const satisfies Record<Place, string>;

/** The test of the screen: a field of the pattern, where one sees it, and what came of it. */
export function DisplayCheckPage({ sitting, count, nextUrl }: { sitting: Sitting; count: number; nextUrl: string }) {
  useKeys(sitting);
  const [field, verdict] = [sitting.field.value, sitting.verdict.value];
  if (verdict) return <Outcome sitting={sitting} verdict={verdict} nextUrl={nextUrl} />;
  if (!field) return <Sending sitting={sitting} />;
  return (
    <div class="check" data-check="asking" data-field={sitting.answers.value.length}>
      <p class="check-question" role="status">
        <strong>{t('Field {number} of {count}.', { number: sitting.answers.value.length + 1, count })}</strong> {question(field)}
      </p>
      <Pattern field={field} sitting={sitting} />
      <div class="check-answers" role="group" aria-label={t('Where you see it')}>
        {(Object.keys(PLACE_NAMES) as Place[]).map((place) => (
          <button key={place} type="button" class="check-answer" onClick={() => void sitting.answer(place)}>
            <kbd>{ARROWS[place]}</kbd> {t(PLACE_NAMES[place])}
          </button>
        ))}
        <button type="button" class="check-answer" onClick={() => void sitting.answer('')}>
          <kbd>{t('Space')}</kbd> {t('I see nothing')}
        </button>
        <button type="button" class="check-answer" disabled={sitting.answers.value.length === 0} onClick={() => sitting.back()}>
          <kbd>{t('Backspace')}</kbd> {t('One back')}
        </button>
      </div>
    </div>
  );
}

function question({ kind }: PatternField): string {
  return kind === 'grey' ? t('Where is the faint square?') : t('Where do the lines run upright?');
}

function useKeys(sitting: Sitting): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (!sitting.field.value || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
      const seen = KEYS[event.key];
      if (event.key === 'Backspace') sitting.back();
      else if (seen === undefined || (event.key === ' ' && event.target instanceof HTMLButtonElement)) return;
      else void sitting.answer(seen);
      event.preventDefault();
    };
    addEventListener('keydown', onKey);
    return () => removeEventListener('keydown', onKey);
  }, [sitting]);
}

/** Drawn pixel by pixel of the screen, whatever the browser's zoom. */
function Pattern({ field, sitting }: { field: PatternField; sitting: Sitting }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const place = sitting.place.value;
  useEffect(() => {
    const element = canvas.current;
    if (!element) return undefined;
    const draw = (): void => paint(element, field, place);
    const watch = new ResizeObserver(draw);
    watch.observe(element);
    draw();
    return () => watch.disconnect();
  }, [field, place]);
  const onClick = (event: MouseEvent): void => {
    const box = canvas.current?.getBoundingClientRect();
    if (box) void sitting.answer(nearestPlace((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height));
  };
  return <canvas ref={canvas} class="check-pattern" role="img" aria-label={question(field)} onClick={onClick} />;
}

function paint(canvas: HTMLCanvasElement, field: PatternField, place: Place): void {
  const size = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  canvas.width = size;
  canvas.height = size;
  canvas.getContext('2d')?.putImageData(new ImageData(asPicture(drawField(field, place, size)), size), 0, 0);
}

function Sending({ sitting }: { sitting: Sitting }) {
  return (
    <div class="check" data-check="sending">
      {sitting.problem.value ? (
        <div role="alert">
          <p>{t('Your answers could not be stored: {reason}', { reason: sitting.problem.value })}</p>
          <button type="button" class="check-answer" onClick={() => void sitting.send()}>
            {t('Try again')}
          </button>
        </div>
      ) : (
        <p role="status">{t('Storing your answers…')}</p>
      )}
    </div>
  );
}

function Outcome({ sitting, verdict, nextUrl }: { sitting: Sitting; verdict: Verdict; nextUrl: string }) {
  const missed = verdict.answers.filter(({ shown, seen }) => shown !== seen);
  return (
    <div class="check" data-check={verdict.has_passed ? 'passed' : 'failed'} role="status">
      <h2>{verdict.has_passed ? t('This screen passed.') : t('This screen did not pass.')}</h2>
      <p>
        {verdict.has_passed
          ? t('Faint greys and single lines can be told apart on it. The result is stored with your readings.')
          : t('Something faint was not seen. Darken the room, set the screen brighter or use another one, set the zoom of the browser to 100 %, and test it again.')}
      </p>
      {missed.length > 0 && (
        <ul>
          {missed.map((answer, index) => (
            <li key={index}>{missedText(answer)}</li>
          ))}
        </ul>
      )}
      <p class="check-answers">
        <a class="button" href={nextUrl}>
          {t('Go on')}
        </a>
        <button type="button" class="check-answer" onClick={() => sitting.again()}>
          {t('Test it again')}
        </button>
      </p>
    </div>
  );
}

function missedText({ kind, background, contrast, is_needed: isNeeded }: PatternField): string {
  const share = (level: number): number => Math.round((Math.abs(level) / 255) * 100);
  const values = { background: share(background), contrast: share(contrast) };
  const what =
    kind === 'grey'
      ? t('Not seen: a step of {contrast} % on a grey of {background} %.', values)
      : t('Not seen: single lines with a contrast of {contrast} %.', values);
  return isNeeded ? what : `${what} ${t('A good screen shows it; it is not needed to pass.')}`;
}
