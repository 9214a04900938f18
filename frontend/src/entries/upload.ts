import { mountUpload, type UploadConfig } from '../features/upload/mount';
import { useLanguageOfPage } from '../lib/language';
import { findMount, readPageConfig } from '../lib/pageConfig';

await useLanguageOfPage();
mountUpload(findMount('upload'), readPageConfig<UploadConfig>('upload-config'));
