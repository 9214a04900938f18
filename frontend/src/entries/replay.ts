import { mountReplay } from '../features/replay/mount';
import type { ReplayConfig } from '../features/replay/screen';
import { useLanguageOfPage } from '../lib/language';
import { findMount, readPageConfig } from '../lib/pageConfig';

await useLanguageOfPage();
mountReplay(findMount('replay'), readPageConfig<ReplayConfig>('replay-config'));
