import { mountUpload, type UploadConfig } from '../features/upload/mount';
import { findMount, readPageConfig } from '../lib/pageConfig';

mountUpload(findMount('upload'), readPageConfig<UploadConfig>('upload-config'));
