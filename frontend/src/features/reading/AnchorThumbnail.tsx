import type { AnchorImage, Criterion } from '../../api/types';
import { t } from '../../lib/i18n';
import { anchorText } from '../../lib/scale';
import { anchorComparable } from './comparison';
import type { Desk } from './desk';

/** The small picture at a level that has an anchor image; a click opens it beside the case, another takes it away. */
export function AnchorThumbnail({ desk, criterion, level }: { desk: Desk; criterion: Criterion; level: number }) {
  const anchor = criterion.anchor_images?.find(({ value }) => value === level);
  return anchor ? <Thumbnail desk={desk} criterion={criterion} anchor={anchor} /> : null;
}

function Thumbnail({ desk, criterion, anchor }: { desk: Desk; criterion: Criterion; anchor: AnchorImage }) {
  const { comparison } = desk;
  const text = anchorText(criterion, anchor.value);
  const what = text ? `${anchor.value}, ${text}` : String(anchor.value);
  return (
    <button
      type="button"
      class="anchor"
      data-anchor={anchor.value}
      aria-pressed={comparison.shown.value?.url === anchor.url}
      title={t('Compare with the anchor image')}
      aria-label={anchor.thumbnail_url ? undefined : t('Anchor image of level {level}', { level: what })}
      onMouseDown={(event) => event.preventDefault()}
      onClick={() => void comparison.toggle(anchorComparable(criterion, anchor))}
    >
      {anchor.thumbnail_url ? <img src={anchor.thumbnail_url} alt={t('Anchor image of level {level}', { level: what })} /> : '▣'}
    </button>
  );
}
