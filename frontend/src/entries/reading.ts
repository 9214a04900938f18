import { mountReading } from '../features/reading/mount';
import type { ReadingConfig } from '../features/reading/readingConfig';
import { useLanguageOfPage } from '../lib/language';
import { findMount, readPageConfig } from '../lib/pageConfig';

await useLanguageOfPage();
mountReading(findMount('reading'), readPageConfig<ReadingConfig>('reading-config'));
