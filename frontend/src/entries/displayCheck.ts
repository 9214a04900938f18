import { mountDisplayCheck, type DisplayCheckConfig } from '../features/displayCheck/mount';
import { findMount, readPageConfig } from '../lib/pageConfig';

mountDisplayCheck(findMount('display-check'), readPageConfig<DisplayCheckConfig>('display-check-config'));
