import { mountDisplayCheck, type DisplayCheckConfig } from '../features/displayCheck/mount';
import { useLanguageOfPage } from '../lib/language';
import { findMount, readPageConfig } from '../lib/pageConfig';

await useLanguageOfPage();
mountDisplayCheck(findMount('display-check'), readPageConfig<DisplayCheckConfig>('display-check-config'));
