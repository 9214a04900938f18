import type { PictureState } from '../../api/types';
import { BesidePane } from '../comparison/BesidePane';
import { useLink } from '../comparison/useLink';
import { CrossHairs } from '../planes/CrossHairs';
import { PlanePanes } from '../planes/PlanePane';
import { OverImage } from '../viewer/OverImage';
import { SliceBar } from '../viewer/SliceBar';
import { useViewer } from '../viewer/useViewer';
import { captionOf, type Beside, type ReplayConfig, type ReplayScreen } from './screen';

const MOUSE = { left: 'window', middle: 'pan', right: 'zoom', wheel: 'scroll' } as const;
/** Beside a viewport in its pane: the bar of slices. Between two panes: a line. See viewer/pane.css and planes/planes.css. */
const BAR_PIXELS = 20;
const GAP_PIXELS = 2;
const PLANES_SHARE = { beside: 0.38, below: 0.4 } as const;

/** The case, and what was still open beside it at submission, each in a viewport of the size that the reader had. */
export function Replay({ screen }: { screen: ReplayScreen }) {
  const { beside } = screen.config;
  return (
    <>
      {screen.notice.value && (
        <p class="replay-notice" role="status">
          {screen.notice.value}
        </p>
      )}
      <div class="replay-panes">
        <div class="replay-case" data-planes={placeOfPlanes(screen.config)}>
          <CasePane screen={screen} />
          <OpenPlanes screen={screen} />
        </div>
        {beside && <ComparedPane screen={screen} beside={beside} />}
      </div>
    </>
  );
}

function CasePane({ screen }: { screen: ReplayScreen }) {
  const { case: reading, display_state: state } = screen.config;
  const element = useViewer(screen.viewer, MOUSE);
  const viewer = screen.viewer.value;
  const choose = (): void => {
    screen.isBesideActive.value = false;
  };
  return (
    <div class="pane" style={sizeOf(state)} onMouseDownCapture={choose} onWheelCapture={choose}>
      <div ref={element} class="pane-image" data-viewport role="img" aria-label={reading.image.title} />
      {viewer && <OverImage viewer={viewer} reading={reading} hasGraphics={state.has_graphics !== false} />}
      {viewer && <CrossHairs planes={screen.planes} viewer={viewer} />}
      {viewer && <SliceBar viewer={viewer} />}
    </div>
  );
}

/** As wide as they were beside a slice of this width, or as high below one of this height. */
function OpenPlanes({ screen: { config, planes, viewer } }: { screen: ReplayScreen }) {
  if (!viewer.value || !planes.isShown.value) return null;
  return (
    <div class="replay-planes" style={sizeOfPlanes(config)}>
      <PlanePanes planes={planes} viewer={viewer.value} mouse={MOUSE} />
    </div>
  );
}

function placeOfPlanes({ display_state: { planes } }: ReplayConfig): 'beside' | 'below' {
  return planes?.is_below ? 'below' : 'beside';
}

/** Nothing where the size of the slice was not stored. */
function sizeOfPlanes(config: ReplayConfig): Record<string, string> {
  const [width, height] = config.display_state.viewport ?? [0, 0];
  if (!width || !height) return {};
  const place = placeOfPlanes(config);
  const ratio = PLANES_SHARE[place] / (1 - PLANES_SHARE[place]);
  if (place === 'beside') return { width: `${(width + BAR_PIXELS + GAP_PIXELS) * ratio}px` };
  return { width: `${width + BAR_PIXELS}px`, height: `${(height + GAP_PIXELS) * ratio}px` };
}

function ComparedPane({ screen, beside }: { screen: ReplayScreen; beside: Beside }) {
  const { config, picture, viewer, besideViewer, isBesideActive, areBothThere } = screen;
  const isLinked = beside.display?.is_linked ?? null;
  useLink({
    main: viewer.value,
    other: besideViewer.value,
    isOtherActive: isBesideActive.value,
    isLinked: isLinked === true && areBothThere.value,
  });
  const choose = (): void => {
    isBesideActive.value = true;
  };
  return (
    <BesidePane
      held={besideViewer}
      picture={picture}
      caption={captionOf(beside)}
      isLinked={isLinked}
      hasGraphics={(beside.display ?? config.display_state).has_graphics !== false}
      mouse={MOUSE}
      around={{ style: sizeOf(beside.display?.viewport ? beside.display : config.display_state), onMouseDownCapture: choose, onWheelCapture: choose }}
    />
  );
}

/** Nothing where it was not stored. */
function sizeOf({ viewport: [width, height] = [0, 0] }: Pick<Partial<PictureState>, 'viewport'>): Record<string, string> {
  return width && height ? { flex: 'none', width: `${width + BAR_PIXELS}px`, height: `${height}px` } : {};
}
