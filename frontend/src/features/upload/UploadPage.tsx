import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { filesOfDrop, filesOfInput } from '../../lib/droppedFiles';
import { t } from '../../lib/i18n';
import { UploadOutcome } from './UploadOutcome';
import { UploadProgress } from './UploadProgress';
import type { Uploader } from './uploader';

/** Files, folders and archives in; a table of what came of them out. */
export function UploadPage({ uploader }: { uploader: Uploader }) {
  const { phase } = uploader.state.value;
  return (
    <div class="upload" data-upload-phase={phase}>
      {phase === 'choosing' && <Chooser uploader={uploader} />}
      {(phase === 'sending' || phase === 'taking in') && <UploadProgress uploader={uploader} />}
      {(phase === 'finished' || phase === 'cancelled' || phase === 'failed') && <UploadOutcome uploader={uploader} />}
    </div>
  );
}

function Chooser({ uploader }: { uploader: Uploader }) {
  const isOver = useSignal(false);
  const drop = async (event: DragEvent): Promise<void> => {
    event.preventDefault();
    isOver.value = false;
    if (event.dataTransfer) await uploader.send(await filesOfDrop(event.dataTransfer));
  };
  return (
    <div
      class="upload-drop"
      data-over={isOver.value}
      data-drop
      onDragOver={(event) => {
        event.preventDefault();
        isOver.value = true;
      }}
      onDragLeave={() => (isOver.value = false)}
      onDrop={(event) => void drop(event)}
    >
      <p class="upload-lead">{t('Drop files, folders or zip archives here')}</p>
      <p class="upload-buttons">
        <Picker uploader={uploader} label={t('Choose files')} isFolder={false} />
        <Picker uploader={uploader} label={t('Choose a folder')} isFolder={true} />
      </p>
      <p class="upload-hint">
        {t('DICOM, DICOMDIR, PNG, JPEG, TIFF and NIfTI, alone or in a zip archive. What is there already is recognised and not taken twice.')}
      </p>
    </div>
  );
}

function Picker({ uploader, label, isFolder }: { uploader: Uploader; label: string; isFolder: boolean }) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (input.current) input.current.webkitdirectory = isFolder;
  }, [isFolder]);
  return (
    <>
      <button type="button" class="upload-button" onClick={() => input.current?.click()}>
        {label}
      </button>
      <input
        ref={input}
        type="file"
        hidden
        multiple
        data-picker={isFolder ? 'folder' : 'files'}
        aria-label={label}
        onChange={(event) => void uploader.send(filesOfInput(event.currentTarget.files ?? []))}
      />
    </>
  );
}
