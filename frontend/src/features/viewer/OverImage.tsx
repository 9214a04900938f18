import type { Case } from '../../api/types';
import { Graphics } from './Graphics';
import { Padding } from './Padding';
import { SliceLetters } from './SliceLetters';
import type { StackViewer } from './stackViewer';

/** What the file itself says over its image: where it is none, its overlays unless they are hidden, the patient's sides. */
export function OverImage({ viewer, reading, hasGraphics }: { viewer: StackViewer; reading: Case; hasGraphics: boolean }) {
  return (
    <>
      <Padding viewer={viewer} reading={reading} />
      {hasGraphics && <Graphics viewer={viewer} reading={reading} />}
      <SliceLetters viewer={viewer} reading={reading} />
    </>
  );
}
