import { mountReport } from '../features/charts/mount';
import type { ReportConfig } from '../features/charts/reportConfig';
import { findMount, readPageConfig } from '../lib/pageConfig';

mountReport(findMount('report'), readPageConfig<ReportConfig>('report-config'));
