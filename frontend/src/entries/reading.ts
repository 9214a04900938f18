import { mountReading } from '../features/reading/mount';
import type { ReadingConfig } from '../features/reading/readingConfig';
import { findMount, readPageConfig } from '../lib/pageConfig';

mountReading(findMount('reading'), readPageConfig<ReadingConfig>('reading-config'));
