import { mountReport } from '../features/charts/mount';
import type { ReportConfig } from '../features/charts/reportConfig';
import { useLanguageOfPage } from '../lib/language';
import { findMount, readPageConfig } from '../lib/pageConfig';

await useLanguageOfPage();
mountReport(findMount('report'), readPageConfig<ReportConfig>('report-config'));
