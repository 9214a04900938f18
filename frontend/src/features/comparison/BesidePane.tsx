import type { Signal } from '@preact/signals';
import type { HTMLAttributes } from 'preact';
import type { Case } from '../../api/types';
import { t } from '../../lib/i18n';
import { OverImage } from '../viewer/OverImage';
import { SliceBar } from '../viewer/SliceBar';
import { SliceReadout, WindowReadout } from '../viewer/readouts';
import type { StackViewer } from '../viewer/stackViewer';
import type { MouseBindings } from '../viewer/tools';
import { useViewer } from '../viewer/useViewer';

interface Said {
  caption: string;
  /** Null where nobody knows. */
  isLinked: boolean | null;
  /** Why there is no picture. */
  problem?: string;
}

interface PaneProps extends Said {
  held: Signal<StackViewer | null>;
  /** Null until it is there; shown by who has the viewer. */
  picture: Case | null;
  hasGraphics: boolean;
  mouse: MouseBindings;
  /** Of the whole pane, and of the picture in it. */
  around: HTMLAttributes<HTMLElement> & { 'data-active'?: boolean };
  within?: HTMLAttributes<HTMLDivElement>;
}

/** An image that lies beside a case. */
export function BesidePane({ held, picture, hasGraphics, mouse, around, within, ...said }: PaneProps) {
  const element = useViewer(held, mouse);
  const viewer = held.value;
  return (
    <section class="pane comparison" aria-label={t('Comparison')} {...around}>
      <div ref={element} class="pane-image" data-comparison role="img" aria-label={said.caption} {...within} />
      {viewer && picture && <OverImage viewer={viewer} reading={picture} hasGraphics={hasGraphics} />}
      <Captions viewer={viewer} {...said} />
      {viewer && <SliceBar viewer={viewer} />}
    </section>
  );
}

function Captions({ viewer, caption, isLinked, problem = '' }: Said & { viewer: StackViewer | null }) {
  const state = viewer?.state.value;
  const isFailed = problem !== '' || state?.status === 'failed';
  return (
    <div class="corners">
      <p class="corner-top-left">
        <strong>{caption}</strong>
        {isLinked !== null && (isLinked ? t('moves along') : t('moves by itself'))}
      </p>
      <p class="corner-bottom-left">{state && <SliceReadout state={state} />}</p>
      <p class="corner-bottom-right">{state && <WindowReadout state={state} />}</p>
      {isFailed && (
        <p class="pane-notice" role="alert">
          {t('This image could not be loaded.')} {problem}
        </p>
      )}
    </div>
  );
}
