import { mountReplay, type ReplayConfig } from '../features/replay/mount';
import { findMount, readPageConfig } from '../lib/pageConfig';

mountReplay(findMount('replay'), readPageConfig<ReplayConfig>('replay-config'));
